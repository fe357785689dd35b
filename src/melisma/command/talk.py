"""How the command talks: data to stdout, everything else to stderr, one live line where there is a terminal."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any

from melisma.errors import Failure
from melisma.text.unicode import printable


class ReaderGone(Exception):  # noqa: N818 - no error: whoever read our output (head, less) has seen enough
    """Nobody reads stdout any more."""


def say(text: str) -> None:
    """One line to stderr, with nothing in it that a terminal would obey; nobody listening is no error."""
    _to_stderr(f"melisma: {printable(text)}\n")


def put(*cells: str) -> None:
    """Data to stdout, a tab between cells; a terminal sees control characters escaped, a pipe gets the bytes."""
    if sys.stdout.isatty():
        cells = tuple("\n".join(printable(line) for line in cell.split("\n")) for cell in cells)
    _to_stdout("\t".join(cells))


def put_json(value: Any) -> None:
    """One JSON value on one line to stdout; numbers that are not finite are null."""
    _to_stdout(json.dumps(_finite(value), ensure_ascii=False, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list | tuple) else value


def _to_stdout(line: str) -> None:
    try:
        print(line, flush=True)  # noqa: T201 - talking is what it is for
    except BrokenPipeError:
        raise ReaderGone from None
    except OSError as error:
        raise Failure(unwritten(error)) from None


def unwritten(error: OSError) -> str:
    """That stdout cannot be written to, and why."""
    reason = "it is closed" if error.errno == errno.EBADF else (error.strerror or str(error)).lower()
    return f"stdout cannot be written to: {reason}"


def _to_stderr(text: str) -> None:
    with contextlib.suppress(OSError):  # a training must not end because its terminal has
        sys.stderr.write(text)
        sys.stderr.flush()


def live() -> bool:
    """Whether a line can be rewritten: stderr is a terminal that is not dumb, and no plain lines are asked for."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("NO_COLOR")


FIELD = " · "  # between the fields of a live line


class LiveLine:
    """A line that is rewritten where there is a terminal, and left out elsewhere; ``above`` prints lines that stay."""

    def __init__(self, quiet: bool = False) -> None:
        self.quiet, self.can_rewrite, self._shown = quiet, live() and not quiet, False

    def show(self, text: str) -> None:
        """Puts the text in the place of what the line showed before."""
        if self.can_rewrite:
            _to_stderr("\r\x1b[2K" + self._fitting(printable(text), shutil.get_terminal_size().columns - 1))
            self._shown = True

    def _fitting(self, text: str, width: int) -> str:
        """The text without its last fields where the terminal is too narrow for them."""
        while len(text) > width and FIELD in text:
            text = text.rpartition(FIELD)[0]
        return text[: max(0, width)]

    def above(self, text: str) -> None:
        """A line that stays."""
        self.clear()
        if not self.quiet:
            _to_stderr(printable(text) + "\n")

    def clear(self) -> None:
        """Takes the live line away."""
        if self._shown:
            _to_stderr("\r\x1b[2K")
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
    """A text in one cell of one line: backslash, newline, carriage return and tab escaped."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
