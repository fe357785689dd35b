"""The unit "subwords": frequent parts of words, by byte-pair merges or a unigram model."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from tokenizers import models

from melisma.errors import Refusal
from melisma.text import bpe, cuts, unigram
from melisma.text.recent import Recent
from melisma.text.tally import MOST, Tally
from melisma.text.unicode import normalise
from melisma.text.vocabulary import (
    FIRST_BYTE,
    FIRST_LEARNED,
    Vocabulary,
    fields_of,
    list_of,
    most_frequent,
    texts_of,
)

_REMEMBERED = 1 << 16  # tokens whose symbols are remembered, some 20 MB …
_LONGEST_REMEMBERED = 32  # … and the characters of each, at most
_ASCII = "".join(map(chr, range(128)))
_NEVER_SEEN = 10.0
"""Nats by which an ASCII character that training never showed is less likely than the least likely piece."""


@dataclass(frozen=True)
class Subwords:
    """A text as parts of its words, a space belonging to the part after it.

    Cut by merges (method "bpe", Sennrich, Haddow & Birch 2016), or as the likeliest pieces by their scores (method
    "unigram", Kudo 2018; one score in nats for each ASCII character, then for each learned piece). A character too
    rare for a symbol is spelled in bytes, which no piece reaches across. Raises Refusal if pieces and rules disagree.
    """

    vocabulary: Vocabulary
    method: str = "bpe"
    merges: tuple[tuple[str, str], ...] = ()
    scores: tuple[float, ...] = ()
    _remembered: Recent[list[int]] = field(
        default_factory=lambda: Recent(_REMEMBERED), init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if self.method not in _METHODS:
            raise Refusal(f"The unit subwords has the method {self.method!r:.40}; wanted is bpe or unigram.")
        if fault := (_wrong_merges if self.method == "bpe" else _wrong_scores)(self):
            raise Refusal(f"The unit subwords {fault}.")

    @classmethod
    def learn(cls, lines: Iterable[str], method: str, size: int, least: int) -> Subwords:
        """At most `size` symbols: the characters beyond ASCII that occur `least` times, then longer pieces.

        The characters get half of the size at most, so that a script of thousands leaves room for words. Raises
        Refusal for an unknown method.
        """
        if method not in _METHODS:
            raise Refusal(f"The method of subwords is {method!r:.40}; wanted is bpe or unigram.")
        tally = Tally(max(MOST, 4 * size))
        cut = _Cutter()
        for line in lines:
            tally.add(cut(line))
        alphabet = sorted(most_frequent(tally.characters(), size // 2, least))
        known = frozenset(_ASCII).union(alphabet)
        words: Counter[str] = Counter()
        for stretch, count in tally.words.items():
            words[_bordered(stretch, known)] += count
        return _METHODS[method](words, alphabet, size, least)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Each text's symbols, without start and end."""
        found = []
        for text in texts:
            symbols: list[int] = []
            for token in _tokens(text):
                symbols += self._remembered.get(token) or self._split(token)
            found.append(symbols)
        return found

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the symbols; of what `encode` gave, the normalised text."""
        return self.vocabulary.text(ids).removeprefix(" ")

    def to_json(self) -> dict[str, object]:
        """Plain data for `from_json`."""
        rules: list[object] = [list(merge) for merge in self.merges] if self.method == "bpe" else list(self.scores)
        return {"unit": "subwords", "vocabulary": self.vocabulary.to_json(), "method": self.method, "rules": rules}

    @classmethod
    def from_json(cls, data: object) -> Subwords:
        """The unit from what `to_json` gave; raises Refusal for anything else."""
        fields = fields_of(data, "The unit subwords", ("unit", "vocabulary", "method", "rules"))
        vocabulary = Vocabulary.from_json(fields["vocabulary"])
        rules = list_of(fields["rules"], "The rules of the unit subwords")
        if fields["method"] == "bpe":
            return cls(vocabulary, "bpe", merges=tuple(_merge(rule) for rule in rules))
        if fields["method"] == "unigram":
            return cls(vocabulary, "unigram", scores=tuple(_score(rule) for rule in rules))
        raise Refusal(f"The unit subwords has the method {fields['method']!r:.40}; wanted is bpe or unigram.")

    def split(self, token: str, cut: Callable[[str], list[int]]) -> list[int]:
        """A token's symbols: what `cut` makes of its parts that have symbols, and the bytes of what has none."""
        known = self.vocabulary.symbols
        ids: list[int] = []
        for stretch in cuts.stretches(token):
            for found, run in itertools.groupby(stretch, key=lambda char: char in known):
                part = "".join(run)
                ids += cut(part) if found else self.vocabulary.spell(part)
        return ids

    def _split(self, token: str) -> list[int]:
        ids = self.split(token, self._cut)
        if len(token) <= _LONGEST_REMEMBERED:
            self._remembered.put(token, ids)
        return ids

    @cached_property
    def _cut(self) -> Callable[[str], list[int]]:
        if self.method == "bpe":
            merging = models.BPE(vocab=dict(self.vocabulary.symbols), merges=list(self.merges))
            return lambda part: [token.id for token in merging.tokenize(part)]
        # The library numbers these pieces by their place in the list: ASCII first, then the learned ones.
        likeliest = models.Unigram(list(zip([*_ASCII, *self.vocabulary.learned], self.scores)), None, False)
        gap = FIRST_LEARNED - FIRST_BYTE - len(_ASCII)
        return lambda part: [
            FIRST_BYTE + token.id + (gap if token.id >= len(_ASCII) else 0) for token in likeliest.tokenize(part)
        ]


def _tokens(text: str) -> list[str]:
    return tokens_within(cuts.lead(normalise(text)))


def tokens_within(text: str) -> list[str]:
    """A text as its symbols have it, cut at its spaces, each with the part after it: no stretch reaches across one."""
    tokens = text.replace(" ", "\n ").split("\n")  # no normalised text has a line end
    return tokens if tokens[0] else tokens[1:]


class _Cutter:
    """Stretches of texts; those of short tokens are remembered, since most tokens come again and again."""

    def __init__(self) -> None:
        self._remembered = Recent[list[str]](_REMEMBERED)

    def __call__(self, text: str) -> list[str]:
        found: list[str] = []
        for token in _tokens(text):
            stretches = self._remembered.get(token)
            if stretches is None:
                stretches = cuts.stretches(token)
                if len(token) <= _LONGEST_REMEMBERED:
                    self._remembered.put(token, stretches)
            found += stretches
        return found


def _bordered(stretch: str, known: frozenset[str]) -> str:
    """The stretch with a line end, which no normalised text has, for each character that is spelled in bytes."""
    return stretch if stretch.isascii() else "".join(char if char in known else "\n" for char in stretch)


def _merged(words: Mapping[str, int], alphabet: Sequence[str], size: int, least: int) -> Subwords:
    merges = bpe.learn(words, size - len(alphabet), least)
    # Two merges may make the same piece in two ways; it gets one symbol.
    made = dict.fromkeys(left + right for left, right in merges)
    return Subwords(Vocabulary((*alphabet, *made)), "bpe", merges=tuple(merges))


def _likeliest(words: Mapping[str, int], alphabet: Sequence[str], size: int, least: int) -> Subwords:
    seen = {char for word in words for char in word if char != "\n"}
    learned = unigram.learn(words, sorted(seen), size - len(alphabet), least)
    longer = sorted((-score, piece) for piece, score in learned.items() if len(piece) > 1)
    pieces = (*alphabet, *(piece for _, piece in longer))
    never = round(min(learned.values(), default=0.0) - _NEVER_SEEN, 6)
    scores = tuple(learned.get(piece, never) for piece in (*_ASCII, *pieces))
    return Subwords(Vocabulary(pieces), "unigram", scores=scores)


_METHODS = {"bpe": _merged, "unigram": _likeliest}


def _wrong_merges(unit: Subwords) -> str:
    known = unit.vocabulary.symbols
    for left, right in unit.merges:
        for piece in (left, right, left + right):
            if piece not in known:
                return f"merges {ascii(left)[:40]} and {ascii(right)[:40]}, but {ascii(piece)[:40]} is no piece of it"
    if len(set(unit.merges)) < len(unit.merges):
        return "has a merge twice"
    made = {left + right for left, right in unit.merges}
    lost = next((piece for piece in unit.vocabulary.learned if len(piece) > 1 and piece not in made), None)
    if lost is not None:
        return f"has the piece {ascii(lost)[:40]}, which no merge makes"
    return "has scores, which belong to the method unigram" if unit.scores else ""


def _wrong_scores(unit: Subwords) -> str:
    wanted = len(_ASCII) + len(unit.vocabulary.learned)
    if len(unit.scores) != wanted:
        return f"has {len(unit.scores)} scores where {wanted} are wanted"
    if not all(math.isfinite(score) and score <= 0 for score in unit.scores):
        return "has a score that is no logarithm of a probability"
    known = unit.vocabulary.symbols
    lost = next((piece for piece in unit.vocabulary.learned for char in piece if char not in known), None)
    if lost is not None:
        return f"has the piece {ascii(lost)[:40]} with a character that is no piece of it"
    return "has merges, which belong to the method bpe" if unit.merges else ""


def _merge(rule: object) -> tuple[str, str]:
    sides = texts_of(rule, "The two sides of a merge")
    if len(sides) != 2 or not all(sides):
        raise Refusal(f"The unit subwords has a merge of {len(sides)} sides where two texts are wanted.")
    return sides[0], sides[1]


def _score(rule: object) -> float:
    if isinstance(rule, bool) or not isinstance(rule, (int, float)):
        raise Refusal(f"The unit subwords has the score {ascii(rule)[:40]} where a number is wanted.")
    try:
        return float(rule)
    except OverflowError:  # a whole number of hundreds of digits
        return math.inf
