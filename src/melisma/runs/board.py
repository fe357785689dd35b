"""``board/``: the log once more, as the event files that TensorBoard reads."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import re
import time
from calendar import timegm
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, TypeGuard

from melisma.errors import Refusal
from melisma.runs.disk import Disk, passing_name, sweep, write_all
from melisma.runs.growing import Growing
from melisma.runs.inside import names_inside
from melisma.runs.layout import BOARD
from melisma.runs.log import log_lines

_NAME = re.compile(r"events\.out\.tfevents\.(\d{10})\.melisma", re.ASCII)  # sorts by age, as TensorBoard reads them
_LARGEST = 3.4e38  # what a number of such a file can be


def require_board() -> None:
    """Refusal where the package is missing that knows the form of the files."""
    if importlib.util.find_spec("tensorboard") is None:
        raise Refusal(
            "there is no package tensorboard: training.board=yes wants pip install 'melisma[board]', "
            "training.board=no wants none"
        )


class Board:
    """The event file of a run, as long as its log.

    Whoever goes on with a run writes it anew, from the log that was cut to the step it goes on from: no step is in it
    twice.
    """

    def __init__(self, path: Path, began: object, disk: Disk) -> None:
        """``path`` is the run, whose log is cut already; ``began`` is when it began, as ``run.json`` says.

        Refusal where a link lies in the way, OSError where the disk fails.
        """
        self._began = _seconds(began)
        folder, names = path / BOARD, names_inside(path, BOARD)
        if not folder.is_dir():
            disk.make_folder(folder)
            disk.sync_folder(path)
        sweep(disk, folder)
        before = [name for name in names if _NAME.fullmatch(name)]
        name = _after(before)
        self._write(path, folder / name, disk)
        for old in before:
            disk.remove_file(folder / old)
        self._file = Growing(folder / name, disk)

    def _write(self, path: Path, place: Path, disk: Disk) -> None:
        passing = place.parent / passing_name()
        file = disk.create(passing)
        try:
            write_all(disk, file, _head(self._began))
            lines = (line.value for line in log_lines(path) if line.value is not None and not line.torn)
            while some := list(islice(lines, 1000)):
                write_all(disk, file, b"".join(_records(line, self._began) for line in some))
            disk.sync(file)
        finally:
            os.close(file)
        disk.replace(passing, place)

    def add(self, line: Mapping[str, Any]) -> None:
        """Adds what a line of the log says; a disk that fails is no error, the next line tries again."""
        with contextlib.suppress(OSError):
            self._file.add(_records(line, self._began))

    def close(self) -> None:
        """Closes the file; a disk that fails is no error: the log holds all of it."""
        with contextlib.suppress(OSError):
            self._file.close()


def remove_board(path: Path, disk: Disk) -> bool:
    """Takes away the event files of a run that goes on without them -> whether there were some; OSError as the disk's.

    They would end before the training does, maybe with steps that it has lost. What is not theirs stays.
    """
    folder = path / BOARD
    if folder.is_symlink() or not folder.is_dir():
        return False
    names = [name for name in names_inside(path, BOARD) if _NAME.fullmatch(name)]
    for name in names:
        disk.remove_file(folder / name)
    if names and not names_inside(path, BOARD):
        disk.remove_folder(folder)
    return bool(names)


def _after(names: list[str]) -> str:
    last = max((int(name.split(".")[3]) for name in names), default=0)
    return f"events.out.tfevents.{max(int(time.time()), last + 1):010d}.melisma"


def _seconds(began: object) -> float:
    """Since 1970; 0 where it cannot be known."""
    with contextlib.suppress(ValueError):
        return float(timegm(time.strptime(str(began), "%Y-%m-%dT%H:%M:%SZ")))
    return 0.0


def _head(began: float) -> bytes:
    """The version, and a beginning: a TensorBoard that shows the run already forgets what it had read of it."""
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog

    beginning = Event(wall_time=began, step=0, session_log=SessionLog(status=SessionLog.START))
    return _record(Event(wall_time=began, file_version="brain.Event:2")) + _record(beginning)


def _records(line: Mapping[str, Any], began: float) -> bytes:
    """What a line of the log says as one record, at the time since the training began that it says."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    step, seconds = line.get("step"), line.get("seconds")
    values = [Summary.Value(tag=tag, simple_value=value) for tag, value in _scalars(line)]
    if not values or type(step) is not int or not 0 <= step < 2**63:
        return b""
    at = began + seconds if _is_number(seconds) else began
    return _record(Event(wall_time=at, step=step, summary=Summary(value=values)))


def _record(event: Any) -> bytes:
    from tensorboard.summary.writer.record_writer import RecordWriter

    made = io.BytesIO()
    RecordWriter(made).write(event.SerializeToString())
    return made.getvalue()


def _scalars(line: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Tags and numbers: losses in nats a symbol, the learning rate, symbols a second, scores in validation."""
    losses, valid = line.get("losses"), line.get("valid")
    told = {f"training/{name}": line.get(name) for name in ("loss", "rate", "symbols_per_second")}
    if isinstance(losses, Mapping) and len(losses) > 1:
        told |= {f"training/loss/{name}": value for name, value in losses.items()}
    if isinstance(valid, Mapping):
        told |= {f"validation/{name}": value for name, value in valid.items()}
    for tag, value in told.items():
        if _is_number(value):
            yield tag, float(value)


def _is_number(value: Any) -> TypeGuard[float]:
    return type(value) in (int, float) and -_LARGEST < value < _LARGEST
