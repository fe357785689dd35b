"""Where a text is cut into pieces: each keeps the space before it, and together they are the text.

The rules follow Unicode Annex 29 (word boundaries), shortened, with two changes: scripts that put no spaces between
words are cut at every character, and a piece has at most some hundred characters, so that all work on it is bounded.
Each character is first turned into the letter of its kind, then the string of kinds is cut by regular expressions
without backtracking, in linear time:

    s space      w letter       d decimal digit   m mark or other follower (accent, vowel sign, skin tone)
    j joiner     h letter of a script without spaces   f punctuation written in such scripts
    a apostrophe c . or ,       r regional indicator (two are a flag)      o anything else
"""

from __future__ import annotations

import re
import unicodedata

from melisma.text.unicode import BIDIRECTIONAL, is_unspaced

_BY_CODE = {
    0x0020: "s",
    0x0027: "a",
    0x2019: "a",
    0x002C: "c",
    0x002E: "c",
    0x200C: "j",
    0x200D: "j",
    0x200B: "o",
    **dict.fromkeys(range(0x1F1E6, 0x1F200), "r"),
    **dict.fromkeys(range(0x1F3FB, 0x1F400), "m"),
    **dict.fromkeys(BIDIRECTIONAL, "o"),
}
_BY_CATEGORY = {"Nd": "d", "Mn": "m", "Mc": "m", "Me": "m", "Cf": "m"}


class _Kinds(dict[int, str]):
    """The kind of each code point, found out when it is first met; filled by `str.translate`."""

    def __missing__(self, code: int) -> str:
        self[code] = kind = _kind(code)
        return kind


def _kind(code: int) -> str:
    category = unicodedata.category(chr(code))
    if found := _BY_CODE.get(code) or _BY_CATEGORY.get(category):
        return found
    if category[0] == "L" or (category == "Nl" and is_unspaced(chr(code))):
        return "h" if is_unspaced(chr(code)) else "w"
    return "f" if 0x3000 <= code <= 0x303F or 0xFE30 <= code <= 0xFE4F or 0xFF00 <= code <= 0xFF65 else "o"


_KINDS = _Kinds()

# A space stands alone before the scripts without spaces: "我" must not be one symbol here and another there.
_SYMBOL = r"rr | [^hs]m{0,15}+ (?: j{1,9}+ om{0,15}+ ){0,15}+"
_WORDS = re.compile(
    rf"""s(?=[hf]) | h[mj]{{0,63}}+ | s?+ (?:
          [wd][wdmj]{{0,63}}+ (?: (?: (?<=[wmj])a(?=w) | (?<=d)c(?=d) ) [wd][wdmj]{{0,63}}+ ){{0,7}}+
        | {_SYMBOL} ) | s""",
    re.VERBOSE,
)
_STRETCHES = re.compile(
    rf"""s(?=[hf]) | h[hmj]{{0,63}}+ | s?+ (?:
          w[wmj]{{0,63}}+ (?: (?<=[wmj])a(?=w) w[wmj]{{0,63}}+ ){{0,7}}+
        | d[mj]{{0,63}}+ | {_SYMBOL} ) | s""",
    re.VERBOSE,
)


def lead(text: str) -> str:
    """The text with one space put before it, so that a word has one form wherever it stands.

    Nothing is put before an empty text nor before a script without spaces. The text is normalised, so it does not
    begin with a space itself, and one leading space can always be dropped again.
    """
    return " " + text if text and _KINDS[ord(text[0])] not in "hf" else text


def words(text: str) -> list[str]:
    """Words, numbers, marks, single characters of scripts without spaces; joined they are the text.

    "don't", "3.14" and "2nd" are one piece each; a space goes with what follows it.
    """
    return _cut(_WORDS, text)


def stretches(text: str) -> list[str]:
    """What sub-words may not cross: words, single digits, marks, runs of a script without spaces; joined, the text."""
    return _cut(_STRETCHES, text)


def _cut(where: re.Pattern[str], text: str) -> list[str]:
    return [text[found.start() : found.end()] for found in where.finditer(text.translate(_KINDS))]
