"""``metrics.jsonl``: one JSON object a line, each written at once, cut back to the step that a resume begins at."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

from melisma.errors import Refusal
from melisma.quoting import counted
from melisma.runs.disk import Disk, passing_name, write_all
from melisma.runs.growing import Growing
from melisma.runs.inside import Missing, opened
from melisma.runs.layout import LIMITS, LOG
from melisma.runs.plain import from_json, to_json

_CHUNK = 2**20


class Log:
    """The end of a run's log. Lines that the disk does not take wait in memory and are tried again with the next."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self._file = Growing(path / LOG, disk)

    def add(self, line: Mapping[str, Any]) -> None:
        """Adds a line, numbers that are not finite as null; a disk that fails is no error here but in ``sync``."""
        data = to_json(line, lossy=True)
        if len(data) > LIMITS["log line"]:
            raise ValueError(f"a log line of {len(data)} bytes, at most {LIMITS['log line']} are read again")
        with contextlib.suppress(OSError):
            self._file.add(data)

    def sync(self) -> None:
        """Returns once every line is on the disk; OSError where that fails, the lines then go on waiting."""
        self._file.sync()

    def close(self) -> None:
        """Closes the file; lines that still wait are tried a last time."""
        self._file.close()


class Line(NamedTuple):
    """A line of the log: its bytes, what they say (None: damaged), and whether its end is missing."""

    data: bytes
    value: dict[str, Any] | None
    torn: bool


def log_lines(path: Path) -> Iterator[Line]:
    """The lines of a run's log, whole or not; none where there is no log."""
    try:
        with opened(path, LOG) as number, os.fdopen(os.dup(number), "rb") as file:
            while data := file.readline(LIMITS["log line"]):
                if not data.endswith(b"\n") and len(data) == LIMITS["log line"]:
                    yield Line(b"", None, not _skip(file))
                else:
                    yield Line(data, _value(data), not data.endswith(b"\n"))
    except Missing:
        return


def _skip(file: BufferedReader) -> bool:
    """Passes over the rest of a line that is too long; whether it has an end."""
    while data := file.readline(_CHUNK):
        if data.endswith(b"\n"):
            return True
    return False


def _value(data: bytes) -> dict[str, Any] | None:
    with contextlib.suppress(Refusal):
        return from_json(data, "line")
    return None


def read_log(path: str | Path) -> list[dict[str, Any]]:
    """What the log says, oldest first; a last line whose end is missing (it is being written) is left out.

    Refusal, naming the line, where another is damaged.
    """
    path = Path(path)
    values: list[dict[str, Any]] = []
    for number, line in enumerate(log_lines(path), 1):
        if line.torn:
            break
        if line.value is None:
            raise Refusal(f"{path / LOG} line {number} is not a JSON object; resuming the run drops it")
        values.append(line.value)
    return values


def cut_log(path: Path, step: int, disk: Disk) -> str | None:
    """Drops what the log says of steps beyond ``step``, and damaged lines; what was dropped, in a sentence, or None."""
    kept: list[bytes] = []
    damaged = beyond = 0
    for line in log_lines(path):
        number = line.value.get("step") if line.value else None
        if beyond or (type(number) is int and number > step):
            beyond += 1  # all that follows was written later, whether it names its step or not
        elif line.torn or line.value is None:
            damaged += 1
        else:
            kept.append(line.data)
    if not damaged and not beyond:
        return None
    _rewrite(path, kept, disk)
    parts = [f"{counted(beyond, 'line')} of steps after {max(step, 0)}, which are trained anew"] if beyond else []
    parts += [counted(damaged, "damaged line")] if damaged else []
    return f"dropped from {path / LOG}: {' and '.join(parts)}"


def _rewrite(path: Path, lines: list[bytes], disk: Disk) -> None:
    passing = path / passing_name()
    file = disk.create(passing)
    try:
        for first in range(0, len(lines), 1000):
            write_all(disk, file, b"".join(lines[first : first + 1000]))
        disk.sync(file)
    finally:
        os.close(file)
    disk.replace(passing, path / LOG)
    disk.sync_folder(path)
