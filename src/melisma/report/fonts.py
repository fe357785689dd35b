"""Fonts of this machine: which of them have the letters of a picture, and which letters none of them has."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.font_manager import FontEntry

FIRST = "DejaVu Sans"  # comes with matplotlib: on every machine, so that a picture looks the same on all of them

# Where several families have a letter, the earliest of these is taken.
PREFERRED = ("Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans", "Noto")

# Families that have a box, a blank or a part of a formula where a letter should be.
_NOT_LETTERS = re.compile(r"last ?resort|blank|^cm(b|ex|mi|r|ss|sy|tt)10$|^STIX(NonUnicode|Size)", re.IGNORECASE)

_CJK = re.compile(r"CJK|HIRAGANA|KATAKANA|KATAKANA-HIRAGANA|HANGUL|BOPOMOFO|IDEOGRAPHIC|FULLWIDTH|HALFWIDTH")
_SCRIPT = re.compile(r"([A-Z ]+?) (?:LETTER|VOWEL|SYLLABLE|DIGIT|SIGN|CONSONANT|DANDA|INDEPENDENT|SUBJOINED)\b")


def families(letters: Iterable[str]) -> tuple[list[str], str]:
    """The families to draw letters with, the first of them for all that it has, and the letters that none has."""
    from matplotlib.font_manager import fontManager

    chosen = [FIRST]
    lacking = _lacking(list(dict.fromkeys(letters)), [font for font in fontManager.ttflist if font.name == FIRST])
    if lacking:
        _learn_new()
    for family in _by_preference(fontManager.ttflist) if lacking else ():
        left = _lacking(lacking, [family])
        if len(left) < len(lacking):
            chosen.append(family.name)
            lacking = left
        if not lacking:
            break
    return chosen, "".join(lacking)


def wanted(lacking: str, most: int = 12) -> str:
    """A sentence on letters that no font of the machine has, and on a font that would have them; empty for none."""
    if not lacking:
        return ""
    letters = [char for char in lacking if not unicodedata.category(char).startswith("M")] or list(lacking)
    some = "".join(letters[:most]) + ("…" if len(letters) > most else "")
    such = list(dict.fromkeys(name for name in map(_such, lacking) if name))[:2]
    font = f"a font such as {' or '.join(such)}" if such else "a font that has them"
    return f"no font of this machine has {some}: boxes stand for them; wanted is {font}, or file=NAME.svg for a browser"


def _such(char: str) -> str:
    """A family known to have the letter, as far as its name tells."""
    name = unicodedata.name(char, "")
    if _CJK.match(name):
        return "Noto Sans CJK"
    found = _SCRIPT.match(name)
    return f"Noto Sans {found[1].title()}" if found else ""


def _learn_new() -> None:
    """Tells matplotlib of fonts installed since it wrote its list: it would look again only after an update."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    known = {str(font.fname) for font in fontManager.ttflist}
    for path in sorted(set(findSystemFonts()) - known):
        try:
            fontManager.addfont(path)
        except Exception:  # noqa: S112 - any file may lie in a font folder; one that is no font has no letters
            continue


def _by_preference(fonts: Iterable[FontEntry]) -> Iterator[FontEntry]:
    """Of each family its plainest font, the families that were made for reading first."""
    plainest: dict[str, FontEntry] = {}
    for font in sorted(fonts, key=lambda font: (font.style != "normal", _weight(font), str(font.fname))):
        if font.name != FIRST and not _NOT_LETTERS.search(font.name):
            plainest.setdefault(font.name, font)
    yield from sorted(plainest.values(), key=lambda font: (_rank(font.name), font.name))


def _weight(font: FontEntry) -> float:
    """How far a font is from the regular weight."""
    if isinstance(font.weight, int):
        return abs(font.weight - 400)
    return 0 if font.weight in ("normal", "regular") else 300


def _rank(name: str) -> tuple[int, bool]:
    rank = next((rank for rank, start in enumerate(PREFERRED) if name.startswith(start)), len(PREFERRED))
    return rank, "Sans" not in name


def _lacking(letters: list[str], fonts: Iterable[FontEntry]) -> list[str]:
    """The letters that none of the fonts can draw."""
    from matplotlib.ft2font import FT2Font

    for font in fonts:
        try:
            face = FT2Font(font.fname, face_index=font.index)
            letters = [char for char in letters if not face.get_char_index(ord(char))]
        except (OSError, RuntimeError):  # gone or damaged since the list was written
            continue
    return letters
