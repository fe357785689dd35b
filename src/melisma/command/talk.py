"""How the command talks: data to stdout, everything else to stderr, one live line where there is a terminal."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any

from melisma.text.unicode import printable


def say(text: str) -> None:
    """One line to stderr, with nothing in it that a terminal would obey."""
    print(f"melisma: {printable(text)}", file=sys.stderr, flush=True)  # noqa: T201 - talking is what it is for


def put(text: str) -> None:
    """One line of data to stdout; a terminal sees control characters escaped, a pipe gets the bytes."""
    print(printable(text) if sys.stdout.isatty() else text, flush=True)  # noqa: T201


def put_json(value: Any) -> None:
    """One JSON value on one line to stdout."""
    print(json.dumps(value, ensure_ascii=False, allow_nan=False), flush=True)  # noqa: T201


def live() -> bool:
    """Whether a line can be rewritten: stderr is a terminal that is not dumb."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


class LiveLine:
    """A line that is rewritten where there is a terminal, and left out elsewhere; ``above`` prints lines that stay."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet, self.can_rewrite, self._shown = quiet, live() and not quiet, False

    def show(self, text: str) -> None:
        if self.can_rewrite:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write("\r\x1b[2K" + text[:width])
            sys.stderr.flush()
            self._shown = True

    def above(self, text: str) -> None:
        self.clear()
        if not self.quiet:
            print(printable(text), file=sys.stderr, flush=True)  # noqa: T201

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
            self._shown = False


def table(rows: Sequence[Sequence[str]], *, gap: str = "  ") -> list[str]:
    """Rows of cells as lines with aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    return [gap.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def duration(seconds: float) -> str:
    """A time as people say it: 45 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def in_line(text: str) -> str:
    """A text on one line: backslash, newline and carriage return escaped."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
