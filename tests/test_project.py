"""What the project says of itself: what it needs, in which versions, and what is typed to build and test it."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import melisma

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PINS = dict(re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.M))
NEEDED = [re.split(r"[<>=~!\[ ]", one)[0] for one in PROJECT["dependencies"]]
EXTRAS = {
    extra: [re.split(r"[<>=~!\[; ]", one)[0] for one in wanted]
    for extra, wanted in PROJECT["optional-dependencies"].items()
}
FOR_USERS = [name for extra, names in EXTRAS.items() if extra != "dev" for name in names]


def imported(folder: str) -> set[str]:
    """The packages that the files of a folder import, wherever in them."""
    found: set[str] = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"melisma"}


def test_what_the_package_imports_is_what_it_says_it_needs():
    assert imported("src") <= {name.split(".")[0] for name in (*NEEDED, *FOR_USERS)}
    assert imported("examples") <= set(NEEDED)
    assert imported("docs") <= set(NEEDED)


def test_a_machine_that_is_set_up_has_every_extra():
    script = (ROOT / "setup.sh").read_text(encoding="utf-8")
    assert f"'.[{','.join(['dev', *(extra for extra in EXTRAS if extra != 'dev')])}]'" in script


def test_every_package_that_is_installed_for_it_is_pinned():
    plain = {name.lower().replace("_", "-") for name in PINS}
    assert {*NEEDED, *FOR_USERS, *EXTRAS["dev"], "hatchling", "editables"} <= plain
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert len(PINS) == len([line for line in lines if line and not line.startswith("#")])


def test_the_version_is_one():
    assert PROJECT["version"] == melisma.__version__
    assert f"## {melisma.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_what_is_run_can_be_run():
    for name in (".ci/run", "setup.sh"):
        assert os.access(ROOT / name, os.X_OK), name
    for name in PROJECT["license-files"]:
        assert (ROOT / name).is_file()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"PYTHON": "no-such-python"}, "Python 3.11 or newer is wanted, found is none that runs"),
        ({"PYTHON": "./old"}, "Python 3.11 or newer is wanted, found is Python 3.9.2"),
        ({"PYTHON": "./bare"}, "./bare lacks the modules venv and ensurepip"),
        ({"TORCH": "gpu", "PYTHON": "./made"}, "TORCH=gpu is not known"),
    ],
)
def test_setup_says_what_it_lacks_and_makes_nothing(words, sentence, tmp_path):
    (tmp_path / "setup.sh").write_bytes((ROOT / "setup.sh").read_bytes())
    write(tmp_path / "old", '[ "$1" = --version ] && echo Python 3.9.2 || exit 1')
    write(tmp_path / "bare", 'case "$2" in *ensurepip*) exit 1;; esac')
    write(tmp_path / "made", "exit 0")
    environment = {"PATH": os.environ["PATH"]} | words
    done = subprocess.run(["sh", "setup.sh"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"setup: {sentence}")
    assert not (tmp_path / ".venv").exists()


def write(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
