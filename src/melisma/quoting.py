"""How names, paths and pieces of data are written inside a sentence: nothing in them can move the cursor or hide."""

from __future__ import annotations

import os
from collections.abc import Sequence

MOST = 40  # characters of data that a sentence quotes
LONGEST_PATH = 200  # characters of a path that a sentence names


def named(text: str) -> str:
    """A name with everything unprintable (line ends, escapes, direction marks, stray bytes) written out."""
    return text if text.isprintable() else "".join(map(_visible, text))


def quoted(text: str, most: int = MOST) -> str:
    """A piece of data between quotes, unprintable characters written out, cut after ``most`` characters."""
    ending = "…" if len(text) > most else ""
    return f"'{named(text[:most])}{ending}'"


def listed(names: Sequence[str], most: int = 8) -> str:
    """Several pieces of data, quoted, with commas; after ``most`` of them only how many more there are."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(quoted(name) for name in names[:most]) + more


def shown_path(path: str | os.PathLike[str], most: int = LONGEST_PATH) -> str:
    """A path as a name; of one that is longer than ``most`` characters the middle is left out, since both ends tell."""
    text = os.fspath(path)
    if len(text) <= most:
        return named(text)
    half = (most - 1) // 2
    return f"{named(text[:half])}…{named(text[len(text) - half :])}"


def counted(number: float, thing: str) -> str:
    """A number and its noun: ``1 line``, ``2,000 lines``, ``0.5 minutes``."""
    figure = f"{number:,g}" if isinstance(number, float) else f"{number:,}"
    return f"{figure} {thing}" if number == 1 else f"{figure} {thing}s"


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
