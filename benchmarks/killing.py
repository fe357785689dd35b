"""What every kind of kill needs: processes to kill, what they leave, and tables."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from melisma.runs.disk import PASSING, TRASH
from melisma.runs.layout import STEPS

ROOT = Path(__file__).resolve().parents[1]


def begun(*words: str, err: IO[str] | int | None = None) -> subprocess.Popen[str]:
    """A Python process on one thread, its stdout a pipe."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, stderr=err, env=environment, text=True)


def killed(process: subprocess.Popen[str]) -> list[str]:
    """Kills a process; the whole lines that it had written and nobody had read."""
    assert process.stdout is not None
    process.send_signal(signal.SIGKILL)
    lines = [line for line in process.stdout if line.endswith("\n")]
    process.stdout.close()
    process.wait()
    return lines


def scraps_in(path: Path) -> int:
    """Half written or half removed things in a run."""
    folders = [folder for folder in (path, path / STEPS) if folder.is_dir()]
    return sum(name.name.startswith((PASSING, TRASH)) for folder in folders for name in folder.iterdir())


def tell(line: str) -> None:
    """Says on stderr how far it is."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def table(rows: Mapping[str, object]) -> None:
    """Prints names and values below each other."""
    for name, value in rows.items():
        print(f"{name:52s} {value}")
    print(flush=True)
