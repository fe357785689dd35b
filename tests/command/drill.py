"""Typing commands in tests: within this process where that will do, in a forked one where it is to be killed."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import melisma.command

SOURCE = Path(__file__).resolve().parents[2] / "src"

NUMBERS = {"one": "eins", "two": "zwei", "three": "drei", "four": "vier", "five": "fünf", "six": "sechs"}
PAIRS = [
    (f"{a} {b} {c}", f"{NUMBERS[a]} {NUMBERS[b]} {NUMBERS[c]}")
    for number, a in enumerate(NUMBERS)
    for b in NUMBERS
    for c in list(NUMBERS)[number % 3 :: 3]
]
"""72 pairs: numbers in words, English and German."""

TINY = (
    "text.unit=characters",
    "model.embedding=8",
    "model.hidden=16",
    "model.encoder_hidden=8",
    "training.warmup=2",
    "training.threads=1",
    "training.batch_tokens=300",
    "data.valid_size=5",
    "search.maximum=8",
)
DATA = "data.train=a.en,a.de"


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.removesuffix("\n").split("\n") if self.out else []


class Screen(io.StringIO):
    """What a command writes to; a terminal where ``tty``."""

    tty = False

    def isatty(self) -> bool:
        return self.tty


class Gone(Screen):
    """What nobody reads any more."""

    def flush(self) -> None:
        raise BrokenPipeError


def typed(*words: str, stdin: bytes | None = None, screen: type[Screen] = Screen) -> Said:
    """A command line, run within this process."""
    out, err = screen(), screen()
    with contextlib.ExitStack() as kept:
        kept.callback(_threads())
        kept.enter_context(contextlib.redirect_stdout(out))
        kept.enter_context(contextlib.redirect_stderr(err))
        kept.enter_context(_reading(stdin or b""))
        code = melisma.command.run(words)
    assert "Traceback" not in err.getvalue()
    assert "should not have happened" not in err.getvalue(), err.getvalue()
    return Said(code, out.getvalue(), err.getvalue())


def _threads() -> Any:
    if "torch" not in sys.modules:
        return lambda: None
    import torch

    before = torch.get_num_threads()
    return lambda: torch.set_num_threads(before)


@contextlib.contextmanager
def _reading(data: bytes) -> Any:
    """stdin as a pipe that holds ``data``, and beyond what a pipe holds a file."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        before, sys.stdin = sys.stdin, io.TextIOWrapper(file)
        try:
            yield
        finally:
            sys.stdin = before


def refused(*words: str, stdin: bytes | None = None, code: int = 2) -> str:
    """The one sentence of a command line that is refused: nothing on stdout, no more on stderr."""
    said = typed(*words, stdin=stdin)
    assert said.code == code, (said.code, said.err)
    assert said.out == ""
    return sentence(said.err)


def sentence(err: str) -> str:
    """The one sentence of stderr, without who said it."""
    assert err.startswith("melisma: "), err
    assert err.endswith("\n"), err
    text = err.removeprefix("melisma: ").removesuffix("\n")
    assert text.isprintable(), err
    assert "melisma: " not in text, err
    assert 0 < len(text) < 6000
    return text


def write_pairs(folder: Path, pairs: list[tuple[str, str]] = PAIRS, name: str = "a") -> None:
    """Two parallel files, ``a.en`` and ``a.de``."""
    for side, ending in enumerate(("en", "de")):
        (folder / f"{name}.{ending}").write_text("".join(f"{pair[side]}\n" for pair in pairs), encoding="utf-8")


def picture(folder: Path) -> dict[str, str]:
    """All that lies in a folder, byte by byte, but for the file that says who trains."""
    return {
        str(path.relative_to(folder)): _told(path) for path in sorted(folder.rglob("*")) if path.name not in (".lock",)
    }


def _told(path: Path) -> str:
    if path.is_symlink():
        return f"link to {os.readlink(path)}"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no plain file"


def weights(run: Path, pointer: str = "latest") -> str:
    """The SHA-256 of a run's weights."""
    step = (run / pointer).read_text().strip()
    return hashlib.sha256((run / "steps" / step / "model.safetensors").read_bytes()).hexdigest()


def log(run: Path) -> list[dict[str, Any]]:
    """The log, without what the clock says."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [
        {name: value for name, value in line.items() if name not in ("seconds", "symbols_per_second")} for line in lines
    ]


def record(run: Path) -> dict[str, Any]:
    """``run.json``."""
    told: dict[str, Any] = json.loads((run / "run.json").read_text())
    return told


FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["melisma.api.train", "melisma.tasks.translate", "melisma.command.train"])


class Started:
    """A command in a process of its own, which was forked from one that has torch loaded already."""

    def __init__(self, folder: Path, *words: str, limit: int = 0):
        self.out, self.err = folder / ".out", folder / ".err"
        files = (str(self.out), str(self.err))
        self.process = FORKS.Process(target=_command, args=(words, str(folder), files, limit))
        self.process.start()

    def kill(self) -> None:
        self.process.kill()
        self.process.join()

    def interrupt(self) -> None:
        os.kill(self.process.pid, signal.SIGINT)

    def ended(self, seconds: float = 60) -> Said:
        self.process.join(seconds)
        assert self.process.exitcode is not None, "it does not end"
        return Said(self.process.exitcode, self.out.read_text(), self.err.read_text())

    def says(self, text: str, seconds: float = 60) -> None:
        """Waits until stderr holds ``text``."""
        end = time.monotonic() + seconds
        while text not in (self.err.read_text() if self.err.exists() else ""):
            assert time.monotonic() < end, self.err.read_text()
            assert self.process.is_alive(), self.err.read_text()
            time.sleep(0.005)


def _command(words: tuple[str, ...], folder: str, files: tuple[str, str], limit: int) -> None:
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, name in zip((1, 2), files):
        file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(file, number)
        os.close(file)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    sys.argv = ["melisma", *words]
    melisma.command.main()


def in_shell(command: str, folder: Path, **env: str) -> Said:
    """A line of shell in which ``melisma`` is the command, in a new process."""
    told = os.environ | {"PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"} | env
    line = f'melisma() {{ "{sys.executable}" -m melisma "$@"; }}; {command}'
    done = subprocess.run(["bash", "-c", line], cwd=folder, env=told, capture_output=True, timeout=120)
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode())


_TRAINED: dict[str, Path] = {}


def trained(folder: Path) -> Path:
    """A folder with the data ``a.en``, ``a.de`` and a run ``tiny`` of 12 steps, trained once a session; not to be changed."""
    if "tiny" not in _TRAINED:
        write_pairs(folder)
        with contextlib.chdir(folder):
            said = typed("train", "translate", "tiny", DATA, *TINY, "training.steps=12", "training.validate_every=4")
        assert said.code == 0, said.err
        _TRAINED["tiny"] = folder
    return _TRAINED["tiny"]
