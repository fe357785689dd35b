"""Words that sound like a word, for somebody to say: what a listener for that word must not fall for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain, zip_longest

from melisma.text.english import COMMON

VOWELS = frozenset("aeiouy")
CLASSES = ("bp", "dt", "gkcq", "fvw", "sxz", "mn", "lr", "jy")
WITHIN, VOWEL, OTHER, GAP = 0.4, 0.5, 1.0, 0.7  # what it costs to take a letter for one of its class, one vowel for
# another, any for any, and to put one in or leave it out
NEAR = 0.55  # of the cost of leaving out all letters of the longer: words farther apart have little in common
ENDS = ("la", "no", "min", "rado")
BEGINNINGS = ("la", "mo", "fi", "stra")
SPELLINGS = (("ph", "f"), ("ck", "k"), ("qu", "kw"), ("x", "ks"), ("ee", "i"), ("oo", "u"), ("th", "t"))


def alike(word: str, count: int, others: Iterable[str] = ()) -> tuple[str, ...]:
    """Up to ``count`` sound-alikes of a word or phrase, in a fixed order, a kind after the other.

    The kinds: common English words near it in sound, the nearest first, up to half of all; its parts, and its words
    in another order; its beginning with other ends; its end with other beginnings. None is the word, has it within, or
    is one of ``others``. Parts are cut between syllables, and where letters are unknown in the middle.
    """
    word, whole = " ".join(word.split()), _plain(word)
    near = _near(whole)
    kinds = (near, _parts(word), near, _ends(word), near, _beginnings(word))
    found: dict[str, str] = {}
    taken = {_plain(other) for other in others} | {whole}
    for one in chain.from_iterable(zip_longest(*kinds)):
        if one is None or len(found) >= count:
            continue
        plain = _plain(one)
        if len(plain) > plain.isascii() and plain not in taken and whole not in plain:
            taken.add(plain)
            found.setdefault(plain, one)
    return tuple(found.values())


def distance(one: str, other: str) -> float:
    """How unlike two words sound by their letters: the least cost of turning one into the other; 0 is the same sounds.

    A weighted edit distance (Levenshtein 1966) over the cost of leaving out all letters of the longer; 1 is far apart.
    """
    a, b = _sounds(one), _sounds(other)
    costs = [GAP * j for j in range(len(b) + 1)]
    for x in a:
        before, costs[0] = costs[0], costs[0] + GAP
        for j, y in enumerate(b, 1):
            before, costs[j] = costs[j], min(before + _cost(x, y), costs[j] + GAP, costs[j - 1] + GAP)
    return costs[-1] / (GAP * max(len(a), len(b), 1))


@lru_cache(4096)
def _cost(one: str, other: str) -> float:
    if one == other:
        return 0.0
    if one in VOWELS and other in VOWELS:
        return VOWEL
    return WITHIN if any(one in same and other in same for same in CLASSES) else OTHER


@lru_cache(4096)
def _sounds(word: str) -> str:
    """Letters without accents, some spellings of one sound made one, doubled letters single."""
    plain = _plain(word).replace(" ", "")
    for spelling, sound in SPELLINGS:
        plain = plain.replace(spelling, sound)
    return re.sub(r"(.)\1", r"\1", plain)


def _plain(word: str) -> str:
    """Folded, without accents on Latin letters, single blanks."""
    folded = unicodedata.normalize("NFD", word.casefold())
    bare = "".join(c for i, c in enumerate(folded) if not (unicodedata.combining(c) and folded[i - 1 : i].isascii()))
    return " ".join(unicodedata.normalize("NFC", bare).split())


def _near(plain: str) -> Iterator[str]:
    if not plain.replace(" ", "").isascii():
        return
    size, near = len(_sounds(plain)), []
    for other in COMMON:
        length = len(_sounds(other))
        if abs(size - length) < NEAR * max(size, length) and (far := distance(plain, other)) < NEAR:
            near.append((far, other))
    yield from (other for _, other in sorted(near))


def _parts(word: str) -> Iterator[str]:
    """Single words of a phrase and the phrase turned round; the beginning, the end, and each outer syllable."""
    words = word.split()
    if len(words) > 1:
        yield from words
        yield " ".join(reversed(words))
        return
    cut = _syllables(word)
    yield "".join(cut[:-1])
    yield "".join(cut[1:])
    yield cut[-1]
    yield cut[0]


def _ends(word: str) -> Iterator[str]:
    *before, last = word.split()
    cut = _syllables(last)
    if last.isalpha() and _plain(last).isascii():
        yield from (" ".join((*before, "".join(cut[:-1]) + end)) for end in ENDS)


def _beginnings(word: str) -> Iterator[str]:
    first, *behind = word.split()
    if not (first.isalpha() and _plain(first).isascii()):
        return
    rest, begins = "".join(_syllables(first)[1:]), [*BEGINNINGS]
    if _nuclei(first)[1:] == []:  # one syllable: its vowel stays
        rest, begins = first[(_nuclei(first) or [0])[0] :], [begin.rstrip("aio") for begin in BEGINNINGS]
    yield from (" ".join((begin + rest, *behind)) for begin in begins)


def _syllables(word: str) -> list[str]:
    """A word cut before the last consonant of each run between vowels; into halves where that is one piece.

    com-pu-ter, a-le-xa.
    """
    cuts = [max(1, place - 1) for place in _nuclei(word)[1:]]
    if not cuts and len(word) > 1:
        cuts = [(len(word) + 1) // 2]
    return [word[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(word)])]


def _nuclei(word: str) -> list[int]:
    """Where runs of vowels begin; y at the beginning of a word is none."""
    vowels = [_plain(letter) in VOWELS and (place > 0 or letter not in "yY") for place, letter in enumerate(word)]
    return [place for place, vowel in enumerate(vowels) if vowel and not (place and vowels[place - 1])]
