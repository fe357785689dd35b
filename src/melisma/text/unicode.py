"""What is done to every text before it is cut, and what is known about its characters."""

from __future__ import annotations

import itertools
import unicodedata

_HAN = (
    (0x2E80, 0x2FDF),
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3038, 0x303B),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFD),
)
_KANA = (
    (0x3041, 0x3096),
    (0x309D, 0x309F),
    (0x30A1, 0x30FA),
    (0x30FC, 0x30FF),
    (0x31F0, 0x31FF),
    (0xFF66, 0xFF9F),
    (0x1AFF0, 0x1B16F),
)
_BOPOMOFO = ((0x3100, 0x312F), (0x31A0, 0x31BF))
_CJK = tuple(sorted(_HAN + _KANA + _BOPOMOFO))
# Thai and Lao, Myanmar, Khmer, Tai Le and New Tai Lue, Tai Tham, Myanmar extended, Tai Viet.
_SOUTH_EAST_ASIAN = (
    (0x0E01, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x1950, 0x19DF),
    (0x1A20, 0x1AAF),
    (0xA9E0, 0xA9FE),
    (0xAA60, 0xAADF),
)
BIDIRECTIONAL = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_LONE_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_ESCAPED = {
    code: chr(code).encode("unicode_escape").decode("ascii")
    for code in (*range(0x20), *range(0x7F, 0xA0), *BIDIRECTIONAL, 0x2028, 0x2029, *range(0xD800, 0xE000))
}
# Three Tibetan vowel signs that are starters themselves and decompose into marks that are not.
_TIBETAN = {code: unicodedata.normalize("NFD", chr(code)) for code in (0x0F73, 0x0F75, 0x0F81)}


def normalise(text: str) -> str:
    """The stated normalisation, the only thing about a text that encoding loses.

    NFC (Unicode Annex 15); every run of white space (what `str.split` splits at: blanks, tab, line ends, no-break
    space, U+0085, U+2028, U+3000, the separators U+001C to U+001F) becomes one space; outer white space is removed;
    a lone surrogate, which no file can hold, becomes U+FFFD. It is idempotent. Any string is accepted.
    """
    if text.isascii():
        return " ".join(text.split())
    text = text.translate(_LONE_SURROGATES) if _has_surrogate(text) else text
    return " ".join(unicodedata.normalize("NFC", _ordered(text)).split())


def _has_surrogate(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _ordered(text: str) -> str:
    """A canonically equivalent text, combining marks in canonical order.

    `unicodedata.normalize` sorts a run of marks by insertion, so that a megabyte of marks would take it an hour.
    """
    if len(text) < 1000:
        return text
    runs = itertools.groupby(text.translate(_TIBETAN), key=lambda char: unicodedata.combining(char) != 0)
    return "".join("".join(sorted(run, key=unicodedata.combining)) if marks else "".join(run) for marks, run in runs)


def printable(text: str) -> str:
    r"""The text with what could command or confuse a terminal written out, such as `\x1b`, `\n` or `\u202e`.

    Escaped: C0 and C1 controls, line and paragraph separators, bidirectional controls, lone surrogates. It is for the
    eye and cannot be undone: backslashes stay single.
    """
    return text.translate(_ESCAPED)


def is_cjk(char: str) -> bool:
    """Whether the character is Han, kana or bopomofo: written without spaces, and a unit of sense by itself."""
    return char >= "\u2e80" and _within(char, _CJK)


def is_unspaced(char: str) -> bool:
    """Whether the character's script puts no spaces between words: CJK, Thai, Lao, Khmer, Burmese and relations."""
    return is_cjk(char) or (char >= "\u0e01" and _within(char, _SOUTH_EAST_ASIAN))


def _within(char: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    code = ord(char)
    return any(first <= code <= last for first, last in ranges)
