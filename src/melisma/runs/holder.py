"""Who is training a run just now, asked without changing anything."""

from __future__ import annotations

import contextlib
import fcntl
import os
from datetime import datetime
from pathlib import Path

from melisma.errors import Refusal
from melisma.runs.inside import opened
from melisma.runs.layout import LOCK

_REMEMBERED = 200  # bytes that a lock file has at most


def holder(path: Path) -> str | None:
    """The process that trains the run at ``path``, in words, or None where nobody does or it cannot be known."""
    with contextlib.suppress(Refusal, OSError), opened(path, LOCK) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return told(file)
    return None


def told(file: int) -> str:
    """What an open lock file says of who has it."""
    pid, _, since = os.pread(file, _REMEMBERED, 0).decode("utf-8", "replace").strip().partition(" ")
    if not (pid.isascii() and pid.isdigit() and since.isprintable()):
        return "another process"
    return f"process {pid}, since {_clock(since)}"


def _clock(since: str) -> str:
    """A moment as a clock here shows it, with its day where that is not today."""
    try:
        moment = datetime.fromisoformat(since).astimezone()
    except (ValueError, OverflowError, OSError):
        return since
    today = moment.date() == datetime.now().astimezone().date()
    return f"{moment:%H:%M}" if today else f"{moment:%H:%M on %Y-%m-%d}"
