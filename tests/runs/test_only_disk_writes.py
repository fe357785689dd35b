"""Nothing in the package writes but ``runs/disk.py``, so that the tests which make that file fail see every write."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "melisma"
ALLOWED = {  # file: what it may call, and why
    "runs/disk.py": {
        "os.open",
        "os.mkdir",
        "os.rename",
        "os.replace",
        "os.unlink",
        "os.rmdir",
        "os.write",
        "os.ftruncate",
    },
    "runs/inside.py": {"os.open"},  # O_RDONLY in both of its tables of flags
    "files/scratch.py": {"tempfile.TemporaryFile"},  # a file without a name, which ends with the process
    "report/charts.py": {"self.paper.savefig"},  # into a buffer in memory
    "command/__init__.py": {"os.open", "os.fdopen"},  # of os.devnull, in the place of an output that nobody reads
    "sound/hushed.py": {"os.open"},  # of os.devnull, in the place of what a decoder writes of damage
    "command/recipes.py": {"page.write_text"},  # of click: into a text in memory
}
OF_OS = {
    "open", "write", "pwrite", "writev", "truncate", "ftruncate", "mkdir", "makedirs", "rename", "renames", "replace",
    "remove", "unlink", "rmdir", "removedirs", "link", "symlink", "mkfifo", "chmod", "utime",
}  # fmt: skip
OF_SHUTIL = {"copy", "copy2", "copyfile", "copyfileobj", "copymode", "copystat", "copytree", "move", "rmtree", "chown"}
OF_PATHS = {"write_text", "write_bytes", "touch", "mkdir", "rmdir", "unlink", "symlink_to", "hardlink_to", "chmod"}
SAVERS = {
    "torch.save",
    "np.save",
    "numpy.save",
    "save_file",
    "savez",
    "savez_compressed",
    "savetxt",
    "savefig",
    "tofile",
}
OPENING_MODULES = {"io", "os", "gzip", "bz2", "lzma", "zipfile", "tarfile", "wave", "codecs"}
WRITING_FLAGS = {"O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC"}
OPENERS = {"open", "fdopen", "GzipFile", "BZ2File", "LZMAFile", "ZipFile", "TarFile"}


def writes(source: str) -> list[tuple[int, str]]:
    """Every call in ``source`` that may write to a disk: its line and its name."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [(call.lineno, name) for call in calls if (name := _writing(call)) is not None]


def _writing(call: ast.Call) -> str | None:
    name = ast.unparse(call.func)
    room, _, last = name.rpartition(".")
    if name == "os.open":
        flags = set(re.findall(r"O_[A-Z]+", ast.unparse(call)))
        return None if "O_RDONLY" in flags and not flags & WRITING_FLAGS else name
    if (
        (room == "os" and last in OF_OS)
        or room == "tempfile"
        or (room == "shutil" and last in OF_SHUTIL)
        or name in SAVERS
    ):
        return name
    if last in OF_PATHS or last in SAVERS:
        return name
    first = 0 if room and room not in OPENING_MODULES else 1  # where the mode stands: path.open(mode), open(path, mode)
    return name if last in OPENERS and not _reads(call, first) else None


def _reads(call: ast.Call, first: int) -> bool:
    modes = [word.value for word in call.keywords if word.arg == "mode"] or call.args[first : first + 1]
    if not modes:
        return True
    mode = modes[0]
    return isinstance(mode, ast.Constant) and isinstance(mode.value, str) and not set(mode.value) & set("wax+")


def test_nothing_else_writes() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}:{line} {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line, name in writes(path.read_text())
        if name not in ALLOWED.get(str(path.relative_to(PACKAGE)), set())
    ]
    assert not found, "these write past runs/disk.py"


@pytest.mark.parametrize(
    "source",
    [
        "open(path, 'w')", "open(path, mode='ab')", "open(path, how)", "path.open('x')", "path.open(mode='r+')",
        "path.write_text('')", "path.write_bytes(b'')", "os.open(path, os.O_WRONLY)", "os.replace(a, b)",
        "shutil.rmtree(path)", "tempfile.mkdtemp()", "path.mkdir(parents=True)", "path.unlink()", "torch.save(a, b)",
        "figure.savefig(path)", "np.save(path, a)", "gzip.open(path, 'wb')", "io.open(path, 'a')", "os.fdopen(3, 'w')",
        "safetensors.torch.save_file(a, b)", "zipfile.ZipFile(path, 'w')",
    ],
)  # fmt: skip
def test_each_way_of_writing_is_seen(source) -> None:
    assert writes(source)


@pytest.mark.parametrize(
    "source",
    ["open(path)", "open(path, 'rb')", "path.open()", "path.open('rb')", "text.replace('a', 'b')", "gzip.open(path, 'rt')",
     "wave.open(path, 'rb')", "os.fdopen(3, 'rb')", "os.open(path, os.O_RDONLY)", "path.read_text()", "replace(settings, width=3)",
     "shutil.get_terminal_size()"],
)  # fmt: skip
def test_reading_is_not_taken_for_writing(source) -> None:
    assert not writes(source)
