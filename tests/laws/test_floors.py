"""The floors of the house: a file imports lower floors or its own folder, and nothing imports in a circle.

Imports inside functions and those for types alone (``if TYPE_CHECKING``) count as well, and so do the literal tables by
which modules are loaded by name. That a module's own package stands above it in Python's order of loading does not: a
package lists what its files hold, and its files never import from the list.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

SRC = Path(__file__).parents[2] / "src"

FLOORS = {
    "errors": (0, 0),
    "quoting": (0, 0),
    "below": (0, 1),
    "ragged": (0, 1),
    "contract": (0, 2),
    "settings": (0, 3),
    "layers": (1, 0),
    "text": (1, 0),
    "sound": (1, 0),
    "music": (1, 0),
    "files": (1, 0),
    "measures": (1, 0),
    "task": (2, 0),
    "losses": (3, 0),
    "search": (3, 0),
    "models": (4, 0),
    "vectors": (4, 0),
    "baselines": (4, 0),
    "tasks": (5, 0),
    "training": (6, 0),
    "runs": (6, 0),
    "report": (6, 0),
    "evaluation": (7, 0),
    "looks": (7, 0),
    "checks": (7, 0),
    "api": (8, 0),
    "__init__": (8, 1),  # the public names, which stand in ``api`` and below
    "command": (9, 0),
    "server": (9, 0),
    "__main__": (9, 1),
}
"""Room -> (floor, how high it stands there); rooms of equal height don't import each other."""

TABLES = {
    "melisma.PUBLIC": "melisma",
    "melisma.tasks.TASKS": "melisma.tasks",
    "melisma.tasks.SETTINGS": "melisma.tasks",
    "melisma.command.VERBS": "melisma.command",
}
"""Table of modules that are loaded by name -> where it stands. Nothing else loads a module by name."""

HEAVY = (
    "backports",
    "matplotlib",
    "numba",
    "pyarrow",
    "safetensors",
    "sacrebleu",
    "sounddevice",
    "soundfile",
    "soxr",
    "tensorboard",
    "tokenizers",
    "torch",
)
"""Packages so slow to load that a function may import them when it is called."""

LATE = (
    "melisma.api.check",
    "melisma.api.compared",
    "melisma.api.measure",
    "melisma.api.model",
    "melisma.api.report",
    "melisma.api.sweep",
    "melisma.api.train",
)
"""What loads torch, and is therefore loaded by a verb only once all words of its line are lawful."""

WITHOUT_TORCH = (
    "__init__",
    "__main__",
    "checks",
    "command",
    "errors",
    "files",
    "measures",
    "music",
    "settings",
    "sound",
    "task",
    "text",
)
"""Rooms that never load torch: settings, completion and ``--help`` have to be quick."""


class Import(NamedTuple):
    """One import, or one line of a table."""

    name: str  # the module, of this package or another
    line: int
    late: bool = False  # within a function
    typing: bool = False  # for types alone


def read_house(root: Path = SRC) -> dict[str, ast.Module]:
    """Module -> what is written in it."""
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def imports(tree: ast.AST, known: Mapping[str, object], late: bool = False, typing: bool = False) -> Iterator[Import]:
    """All imports within ``tree``, those in functions and for types too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, late, typing) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, f"line {node.lineno}: imports are absolute"
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield Import(inner if inner in known else node.module, node.lineno, late, typing)
        else:
            inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            yield from imports(node, known, late or inside, typing or types)


def listed(tree: ast.Module, table: str) -> list[Import]:
    """The modules that a literal table names."""
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == table:
            assert node.value is not None
            values = ast.literal_eval(node.value).values()
            return [Import(value if isinstance(value, str) else value[0], node.lineno, True) for value in values]
    raise AssertionError(f"{table} is not written as a literal table")


def edges(house: Mapping[str, ast.Module]) -> dict[str, list[Import]]:
    """Module -> everything it imports, the lines of its tables included."""
    found = {name: list(imports(tree, house)) for name, tree in house.items()}
    for table, name in TABLES.items():
        if name in house:
            found[name] += listed(house[name], table.rsplit(".", 1)[1])
    return found


def is_ours(name: str) -> bool:
    return name.split(".")[0] == "melisma"


def climbing(graph: Mapping[str, list[Import]]) -> list[str]:
    """Imports that go up, or across to another room of the same height."""
    wrong = []
    for name, targets in graph.items():
        for target in targets:
            elsewhere = is_ours(target.name) and room(name) != room(target.name)
            if elsewhere and FLOORS[room(name)] <= FLOORS[room(target.name)]:
                wrong.append(f"{name}:{target.line} imports {target.name}")
    return wrong


def circles(graph: Mapping[str, list[Import]]) -> list[str]:
    """Ways along imports that come back to where they began."""
    done: set[str] = set()
    found: list[str] = []

    def walk(name: str, way: tuple[str, ...]) -> None:
        if name in way:
            found.append(" -> ".join((*way[way.index(name) :], name)))
        elif name not in done:
            for target in graph.get(name, ()):
                walk(target.name, (*way, name))
            done.add(name)

    for name in graph:
        walk(name, ())
    return found


def too_late(graph: Mapping[str, list[Import]], tables: Mapping[str, list[str]]) -> list[str]:
    """Imports inside functions that no list allows."""
    wrong = []
    for name, targets in graph.items():
        for target in targets:
            heavy = target.name.split(".")[0] in HEAVY
            verb = room(name) == "command" and target.name in LATE
            allowed = heavy or verb or target.name in tables.get(name, ())
            if target.late and not allowed:
                wrong.append(f"{name}:{target.line} imports {target.name} inside a function")
    return wrong


def loaded(graph: Mapping[str, list[Import]], name: str) -> set[str]:
    """Everything that importing a module loads, its packages included."""
    found, waiting = set[str](), [name]
    while waiting:
        now = waiting.pop()
        if now in found:
            continue
        found.add(now)
        waiting += [now.rsplit(".", count)[0] for count in range(1, now.count(".") + 1)]
        waiting += [target.name for target in graph.get(now, ()) if not target.late and not target.typing]
    return found


@pytest.fixture(scope="module")
def house() -> dict[str, ast.Module]:
    return read_house()


@pytest.fixture(scope="module")
def graph(house: dict[str, ast.Module]) -> dict[str, list[Import]]:
    return edges(house)


def tables_of(house: Mapping[str, ast.Module]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for table, name in TABLES.items():
        found.setdefault(name, []).extend(target.name for target in listed(house[name], table.rsplit(".", 1)[1]))
    return found


def test_every_room_has_its_floor(house: dict[str, ast.Module]) -> None:
    assert {room(name) for name in house} <= FLOORS.keys()


def test_what_is_imported_of_the_package_is_there(house: dict[str, ast.Module], graph: dict[str, list[Import]]) -> None:
    named = {target.name for targets in graph.values() for target in targets if is_ours(target.name)}
    assert named <= house.keys()


def test_imports_go_down(graph: dict[str, list[Import]]) -> None:
    assert not climbing(graph)


def test_imports_make_no_circle(graph: dict[str, list[Import]]) -> None:
    assert not circles(graph)


def test_imports_stand_at_the_top(house: dict[str, ast.Module], graph: dict[str, list[Import]]) -> None:
    assert not too_late(graph, tables_of(house))


def test_what_is_imported_late_loads_torch_and_is_imported_late_for_that(graph: dict[str, list[Import]]) -> None:
    for name in LATE:
        assert "torch" in loaded(graph, name)
        assert any(target.late for targets in graph.values() for target in targets if target.name == name)


def test_modules_are_loaded_by_name_only_from_the_tables(house: dict[str, ast.Module]) -> None:
    by_name = {name for name, tree in house.items() if {"import_module", "__import__"} & mentioned(tree)}
    assert by_name == set(TABLES.values())


def mentioned(tree: ast.Module) -> set[str]:
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return names | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def test_the_rooms_without_torch_load_none(graph: dict[str, list[Import]]) -> None:
    quick = [name for name in graph if room(name) in WITHOUT_TORCH] + ["melisma.tasks", "melisma.tasks.recipe"]
    assert not [name for name in quick if any(each.split(".")[0] == "torch" for each in loaded(graph, name))]


# --- each of these rules is broken once, to see that it holds


def written(**files: str) -> dict[str, ast.Module]:
    return {name.replace("__", "."): ast.parse(text) for name, text in files.items()}


def found_in(**files: str) -> dict[str, list[Import]]:
    small = written(**files)
    return {name: list(imports(tree, small)) for name, tree in small.items()}


@pytest.mark.parametrize(
    "text",
    [
        "from melisma.runs.read import read_run",
        "from melisma.runs import read",
        "import melisma.runs.read",
        "def f() -> None:\n    from melisma.runs.read import read_run",
        "if TYPE_CHECKING:\n    from melisma.runs.read import Run",
        "try:\n    import melisma.runs.read\nexcept ImportError:\n    pass",
    ],
)
def test_a_step_up_is_seen_however_it_is_written(text: str) -> None:
    assert climbing(found_in(melisma__text__words=text, melisma__runs__read=""))


@pytest.mark.parametrize("text", ["from melisma.files import lines", "from melisma.layers.lstm import Lstm"])
def test_a_step_across_is_seen(text: str) -> None:
    assert climbing(found_in(melisma__text__words=text, melisma__files__lines="", melisma__layers__lstm=""))


def test_a_step_down_or_within_a_room_is_none_up() -> None:
    text = "from melisma.errors import Refusal\nfrom melisma.text.unicode import normalise\nimport torch"
    assert not climbing(found_in(melisma__text__words=text))


def test_a_circle_is_seen_through_functions_and_packages() -> None:
    late = "def f() -> None:\n    from melisma.text import words"
    graph = found_in(melisma__text="from melisma.text.cuts import cut", melisma__text__words="", melisma__text__cuts="")
    assert not circles(graph)
    graph = found_in(melisma__text__words="import melisma.text.cuts", melisma__text__cuts=late)
    assert circles(graph) == ["melisma.text.words -> melisma.text.cuts -> melisma.text.words"]


def test_a_late_import_is_seen_unless_it_is_listed() -> None:
    text = "def f() -> None:\n    from pathlib import Path\n    import torch\n    from melisma.api.train import train"
    graph = found_in(melisma__command__train=text, melisma__text__words=text, melisma__api__train="")
    assert [line.split(" ")[0] for line in too_late(graph, {})] == [
        "melisma.command.train:2",
        "melisma.text.words:2",
        "melisma.text.words:4",
    ]


def test_what_loads_torch_is_found_through_others_and_through_packages() -> None:
    graph = found_in(
        melisma__text="from melisma.text.words import cut",
        melisma__text__words="import torch.nn",
        melisma__text__cuts="",
        melisma__files__lines="def f() -> None:\n    import torch",
    )
    assert "torch" in loaded(graph, "melisma.text.cuts")
    assert "torch" not in loaded(graph, "melisma.files.lines")
