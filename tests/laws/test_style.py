"""How the house is written: short files and functions, everything typed and said, and nothing that could run what it reads."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "src" / "melisma").rglob("*.py"))

FILE = 500  # lines of a file at most
FUNCTION = 60  # lines of a function at most, its docstring left out
PARAMETERS = 8  # what a function is given at most, ``self`` left out

NAMES_THAT_SAY_NOTHING = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}
MODULES_THAT_RUN_WHAT_THEY_READ = {"dill", "joblib", "marshal", "pickle", "shelve", "yaml"}
FUNCTIONS_THAT_RUN_WHAT_THEY_READ = {"__import__", "compile", "eval", "exec", "os.popen", "os.system", "torch.load"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def long_file(tree: ast.Module, text: str) -> Iterator[str]:
    """Files longer than ``FILE`` lines."""
    if len(text.splitlines()) > FILE:
        yield f"{len(text.splitlines())} lines"


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def long_function(tree: ast.Module, text: str) -> Iterator[str]:
    """Functions longer than ``FUNCTION`` lines."""
    for function in functions(tree):
        assert function.end_lineno is not None
        lines = function.end_lineno - function.lineno + 1
        if ast.get_docstring(function) is not None:
            docstring = function.body[0]
            assert docstring.end_lineno is not None
            lines -= docstring.end_lineno - docstring.lineno + 1
        if lines > FUNCTION:
            yield f"{function.name}: {lines} lines"


def given(function: Function, method: bool) -> list[ast.arg]:
    """What callers give it: ``self`` and ``cls`` are not among them."""
    arguments = function.args
    placed = [*arguments.posonlyargs, *arguments.args]
    static = any(ast.unparse(decorator) == "staticmethod" for decorator in function.decorator_list)
    placed = placed[1:] if method and not static else placed
    stars = [star for star in (arguments.vararg, arguments.kwarg) if star is not None]
    return [*placed, *stars, *arguments.kwonlyargs]


def with_their_arguments(tree: ast.AST) -> Iterator[tuple[Function, list[ast.arg]]]:
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield child, given(child, isinstance(node, ast.ClassDef))


def many_parameters(tree: ast.Module, text: str) -> Iterator[str]:
    """Functions of more than ``PARAMETERS`` parameters."""
    for function, arguments in with_their_arguments(tree):
        if len(arguments) > PARAMETERS:
            yield f"{function.name}: {len(arguments)} parameters"


def untyped(tree: ast.Module, text: str) -> Iterator[str]:
    """Parameters and results without a type."""
    for function, arguments in with_their_arguments(tree):
        if function.returns is None:
            yield f"{function.name}: its result has no type"
        yield from (f"{function.name}: {each.arg} has no type" for each in arguments if each.annotation is None)


def dangerous(tree: ast.Module, text: str) -> Iterator[str]:
    """What could run something that was read: a pickle, a piece of code, a line for the shell."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.split(".")[0] in MODULES_THAT_RUN_WHAT_THEY_READ)
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            names = {node.module.split(".")[0], *(f"{node.module}.{each.name}" for each in node.names)}
            yield from names & (MODULES_THAT_RUN_WHAT_THEY_READ | FUNCTIONS_THAT_RUN_WHAT_THEY_READ)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in FUNCTIONS_THAT_RUN_WHAT_THEY_READ:
            yield ast.unparse(node)
        if (
            isinstance(node, ast.keyword)
            and node.arg in ("shell", "allow_pickle")
            and ast.unparse(node.value) != "False"
        ):
            yield ast.unparse(node)


def unsaid(tree: ast.Module, text: str) -> Iterator[str]:
    """Modules, and public classes and functions, without a docstring."""
    if not ast.get_docstring(tree):
        yield "the file"
    defined = [node for node in tree.body if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))]
    yield from (node.name for node in defined if not node.name.startswith("_") and not ast.get_docstring(node))


RULES: tuple[Callable[[ast.Module, str], Iterator[str]], ...] = (
    long_file,
    long_function,
    many_parameters,
    untyped,
    dangerous,
    unsaid,
)


def broken(rule: Callable[[ast.Module, str], Iterator[str]], text: str) -> list[str]:
    return list(rule(parsed(text), text))


parsed = cache(ast.parse)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_is_written_so(rule: Callable[[ast.Module, str], Iterator[str]]) -> None:
    found = {str(path.relative_to(ROOT)): broken(rule, path.read_text(encoding="utf-8")) for path in FILES}
    assert not {path: said for path, said in found.items() if said}


def test_every_name_of_a_file_says_something() -> None:
    assert not [path for path in FILES if NAMES_THAT_SAY_NOTHING & set(path.relative_to(ROOT).with_suffix("").parts)]


SAID = '"""Says so."""\n'


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (long_file, "x = 1\n" * (FILE + 1)),
        (long_function, "def f() -> None:\n" + "    x = 1\n" * FUNCTION),
        (long_function, "class A:\n    async def f(self) -> None:\n" + "        x = 1\n" * FUNCTION),
        (many_parameters, "def f(a, b, c, d, e, f, g, h, i): ..."),
        (many_parameters, "class A:\n    def f(self, a, b, c, d, *e, f, g, h, **i): ..."),
        (untyped, "def f(a: int): ..."),
        (untyped, "def f(a) -> None: ..."),
        (untyped, "class A:\n    @staticmethod\n    def f(a) -> None: ..."),
        (untyped, "def f() -> None:\n    def g(*a) -> None: ..."),
        (dangerous, "import pickle"),
        (dangerous, "from pickle import loads"),
        (dangerous, "def f() -> None:\n    import marshal"),
        (dangerous, "eval('1')"),
        (dangerous, "torch.load('a')"),
        (dangerous, "from torch import load"),
        (dangerous, "subprocess.run('ls', shell=True)"),
        (dangerous, "np.load('a', allow_pickle=wanted)"),
        (unsaid, "x = 1"),
        (unsaid, SAID + "def f() -> None: ..."),
        (unsaid, SAID + "class A: ..."),
    ],
)
def test_each_rule_is_seen_to_hold(rule: Callable[[ast.Module, str], Iterator[str]], text: str) -> None:
    assert broken(rule, text)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (long_file, "x = 1\n" * FILE),
        (long_function, "def f() -> None:\n" + "    x = 1\n" * (FUNCTION - 1)),
        (long_function, 'def f() -> None:\n    """A\n\n    b.\n    """\n' + "    x = 1\n" * (FUNCTION - 1)),
        (many_parameters, "class A:\n    def f(self, a, b, c, d, e, f, g, h): ..."),
        (untyped, "class A:\n    def f(self, a: int, *b: int) -> None: ..."),
        (dangerous, "model.eval()\nre.compile('a')\nnp.load('a', allow_pickle=False)"),
        (unsaid, SAID + "def _f() -> None: ..."),
    ],
)
def test_no_rule_sees_what_is_not_there(rule: Callable[[ast.Module, str], Iterator[str]], text: str) -> None:
    assert not broken(rule, text)
