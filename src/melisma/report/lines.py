"""Text inside a picture: everything in it seen, in its own direction, and in lines as wide as there is room."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from melisma.text.unicode import printable

FIRST_STRONG, POP = "\u2068", "\u2069"  # Unicode's isolates: what stands between has a direction of its own
LONGEST = 1000  # characters that a line is looked for in
_RIGHT_TO_LEFT = ("R", "AL", "AN")
_SEEN = {"▁": "␣", "\ufffe": r"\ufffe", "\uffff": r"\uffff"}  # the last two are no characters, and XML forbids them

Measure = Callable[[str], float]
"""A text -> how wide it is drawn, in inches."""


def visible(text: str) -> str:
    """One line with nothing in it that commands or hides: controls and what has no ink written out, blanks kept."""
    return "".join(_seen(char) for char in printable(text))


def label(token: str, longest: int = 24) -> str:
    """A symbol as the name of a row or column: blanks are ␣, a lone accent stands on ◌; of a long one the beginning."""
    text = visible(token).replace(" ", "␣")
    if len(text) > longest:
        text = text[: _whole(text, longest - 1)] + "…"
    if text and unicodedata.category(text[0]).startswith("M"):
        text = "◌" + text
    return isolated(text)


def isolated(text: str) -> str:
    """A text that its surroundings cannot reorder, and that does not reorder them (Unicode Annex 9)."""
    mixed = any(unicodedata.bidirectional(char) in _RIGHT_TO_LEFT for char in text)
    return f"{FIRST_STRONG}{text}{POP}" if mixed else text


def wrapped(text: str, inches: float, measure: Measure, most: int = 2) -> list[str]:
    """The text in at most so many lines that fit the width; where it is longer, the last one ends with ``…``."""
    lines: list[str] = []
    rest = text
    while rest:
        end = _fitting(rest, inches, measure)
        if end < len(rest) and len(lines) + 1 == most:
            end = _fitting(rest, inches, lambda piece: measure(piece + "…"))
            return [*lines, rest[:end].rstrip() + "…"]
        lines.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return lines


def _seen(char: str) -> str:
    if char in _SEEN:
        return _SEEN[char]
    if unicodedata.category(char) == "Cf" and char not in "\u200c\u200d":  # the joiners shape the letters beside them
        return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
    return char


def _fitting(text: str, inches: float, measure: Measure) -> int:
    """How many characters of the text fit one line, to the end of a word where there is one; at least one."""
    low, high = 1, min(len(text), LONGEST)
    if measure(text[:high]) <= inches:
        low = high
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(text[:middle]) <= inches else (low, middle - 1)
    if low == len(text) or text[low] == " ":
        return low
    blanks = [blank.start() for blank in re.finditer(" ", text[:low])]
    if blanks and blanks[-1] > low // 2:
        return blanks[-1]
    return _whole(text, low)


def _whole(text: str, end: int) -> int:
    """The end, or the one before it that parts no letter from its marks."""
    start = end
    while 0 < end < len(text) and (_joins(text[end]) or text[end - 1] == "\u200d"):
        end -= 1
    return end or start


def _joins(char: str) -> bool:
    return char in "\u200c\u200d" or unicodedata.category(char).startswith("M")
