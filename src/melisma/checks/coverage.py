"""How much of the validation data is made of what training shows, and how long lines are in symbols."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

import numpy as np

from melisma.checks.finding import SHOWN, Finding, Seen, Severity, percent, validation, verb
from melisma.checks.reading import SIDES
from melisma.files.columns import Pair
from melisma.files.watch import passing
from melisma.quoting import counted
from melisma.settings.text import TextSettings
from melisma.settings.translate import DataSettings
from melisma.text import cuts
from melisma.text.unicode import normalise

STRANGE = {"characters": 0.001, "words": 0.1}  # shares of a side of valid, unseen in training, that are worth a warning
FEW = 20  # different words of a side of training, or characters where these are its units, that are no language
MANY_PAIRS = 500  # pairs in which so few are odd
LONG = 0.01  # of the pairs over the limits
UNITS = TextSettings().units
AT_ONCE = 1024  # pairs that are held together
MOST_WORDS = 1 << 18  # different words of a side of training that are held to be counted

Symbols = tuple[list[int], list[int]]
T = TypeVar("T", bound=Hashable)


class PairCoder(Protocol):
    """What turns pairs into symbols, learned on the training pairs."""

    def symbols(self, examples: Sequence[Pair]) -> list[Symbols]:
        """Each pair's symbols, the source with its end."""


@dataclass(frozen=True)
class SideCoverage:
    """Texts of one kind, such as a side of the pairs: their vocabulary and lengths in training, and what of validation
    training never shows."""

    side: str
    vocabulary: int  # different symbols in training
    characters: int  # different ones in training
    words: int  # … up to ``MOST_WORDS``: where there are as many, there may be more
    median: int  # symbols of a line in training, its end not counted
    p95: int
    longest: int
    unseen_characters: float | None  # shares of those in validation, repetitions counted; None: no validation data
    unseen_words: float | None
    unseen_symbols: float | None
    valid_characters: int  # in validation, repetitions counted
    valid_words: int
    some_unseen: tuple[str, ...]  # the most frequent of those characters


@dataclass(frozen=True)
class Coverage:
    """Both sides, or the transcripts, and the training examples that the limits leave out."""

    examples: int
    left_out: int
    sides: tuple[SideCoverage, ...]


def cover(
    codec: PairCoder, train: Sequence[Pair], asked: Sequence[Pair], data: DataSettings, units: tuple[str, str] = UNITS
) -> tuple[Coverage, list[Finding]]:
    """What validation shares with training, and the findings that follow; of ``train`` no more than a block is held.

    ``units`` are what a symbol of each side is: a side of characters knows no words, and one of phonemes needs few.
    """
    sides = tuple(map(Side, SIDES))
    for pairs, symbols in _encoded(codec, asked):
        for side, one in enumerate(sides):
            one.ask(*_of(side, pairs, symbols))
    over = _Over(data)
    for pairs, symbols in _encoded(codec, passing("pairs looked through", train, len(train))):
        for side, one in enumerate(sides):
            one.show(*_of(side, pairs, symbols))
        over.see(pairs, symbols)
    found = tuple(one.found() for one in sides)
    valid = validation(data.valid)
    findings = [finding for one, unit in zip(found, units) for finding in _of_side(one, len(train), unit, valid)]
    return Coverage(len(train), over.count, found), findings + list(over.findings(len(train)))


def _encoded(codec: PairCoder, pairs: Iterable[Pair]) -> Iterator[tuple[list[Pair], list[Symbols]]]:
    left = iter(pairs)
    while block := list(islice(left, AT_ONCE)):
        yield block, codec.symbols(block)


def _of(side: int, pairs: Sequence[Pair], symbols: Sequence[Symbols]) -> tuple[list[str], list[list[int]]]:
    """The texts of one side, and their symbols without an end."""
    end = 1 - side  # only the source is encoded with its end
    return [str(pair[side]) for pair in pairs], [pair[side][: len(pair[side]) - end] for pair in symbols]


class Side:
    """Texts of one kind, and their symbols: first what validation asks is counted, then training passes by."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._words, self._characters = Counter[str](), Counter[str]()  # of validation
        self._symbols = Counter[int]()
        self._met: set[str] = set()  # those of its words that training shows
        self._shown: tuple[set[str], set[str], set[int]] = (set(), set(), set())  # words, characters, symbols
        self._lengths = Counter[int]()

    def ask(self, texts: Iterable[str], symbols: Iterable[Sequence[int]]) -> None:
        """Some of validation."""
        words, characters = _counts(texts)
        self._words.update(words)
        self._characters.update(characters)
        self._symbols.update(symbol for line in symbols for symbol in line)

    def show(self, texts: Iterable[str], symbols: Iterable[Sequence[int]]) -> None:
        """Some of training."""
        words, characters = _counts(texts)
        self._met |= self._words.keys() & words.keys()
        if len(self._shown[0]) < MOST_WORDS:
            self._shown[0].update(words)
        self._shown[1].update(characters)
        for line in symbols:
            self._shown[2].update(line)
            self._lengths[len(line)] += 1

    def found(self) -> SideCoverage:
        """What came of it."""
        words, characters, symbols = self._shown
        strange = Counter({one: count for one, count in self._characters.items() if one not in characters})
        return SideCoverage(
            self._name,
            len(symbols),
            len(characters),
            min(len(words), MOST_WORDS),
            _percentile(self._lengths, 50),
            _percentile(self._lengths, 95),
            max(self._lengths),
            _unseen(self._characters, characters),
            _unseen(self._words, self._met),
            _unseen(self._symbols, symbols),
            self._characters.total(),
            self._words.total(),
            tuple(one for one, _ in strange.most_common(8)),
        )


def _percentile(lengths: Counter[int], share: int) -> int:
    """The whole number at or below the percentile, by straight lines between ranks."""
    ranked = sorted(lengths)
    ends = np.cumsum([lengths[length] for length in ranked])
    below, part = divmod((int(ends[-1]) - 1) * share, 100)
    low, high = (ranked[np.searchsorted(ends, rank, side="right")] for rank in (below, below + (part > 0)))
    return low + (high - low) * part // 100


def _counts(texts: Iterable[str]) -> tuple[Counter[str], Counter[str]]:
    words: Counter[str] = Counter()
    for text in texts:
        words.update(piece.lstrip(" ") for piece in cuts.words(cuts.lead(normalise(text))))
    characters: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            characters[character] += count
    return words, characters


def _unseen(asked: Counter[T], known: Container[T]) -> float | None:
    total = asked.total()
    return sum(count for one, count in asked.items() if one not in known) / total if total else None


def _of_side(found: SideCoverage, pairs: int, unit: str, valid: str) -> Iterator[Finding]:
    shares = [("characters", found.unseen_characters, found.valid_characters)]
    if unit != "characters":  # otherwise a word is known by its letters
        shares.append(("words", found.unseen_words, found.valid_words))
    for what, share, of in shares:
        if share:
            severity: Severity = "warning" if share >= STRANGE[what] else "note"
            some = f" (such as {' '.join(found.some_unseen[:5])})" if what == "characters" else ""
            count = round(share * of)
            sentence = f"{percent(count, of)} of the {what} in the {found.side}s of {valid} never occur in train{some}"
            advice = "a model can only guess at them: more training data like the validation data is wanted"
            if severity == "note":
                advice = "nothing: some always are"
            yield Finding(f"unseen {what}", severity, count, of, sentence, advice)
    count, what = (found.characters, "character") if unit == "characters" else (found.words, "word")
    if pairs >= MANY_PAIRS and count < FEW and (unit == "subwords" or _says_little(count, found.median, pairs)):
        sentence = f"the {found.side}s of train have only {counted(count, f'different {what}')} in {pairs:,} pairs"
        yield Finding(
            "hardly a vocabulary",
            "warning",
            count,
            pairs,
            sentence,
            "look whether this is the right file or column",
        )


def _says_little(symbols: int, length: int, pairs: int) -> bool:
    """Whether there are fewer texts of this length than pairs: what is written in phonemes needs few of them."""
    return max(1, length) * math.log(max(1, symbols)) < math.log(pairs)


class _Over:
    """Training pairs that the limits leave out: how many, and the longest few."""

    def __init__(self, data: DataSettings) -> None:
        self.count = 0
        self._data = data
        self._worst: list[tuple[int, Pair]] = []  # symbols of the longer side

    def see(self, pairs: Sequence[Pair], symbols: Sequence[Symbols]) -> None:
        """Some of training."""
        for pair, (source, target) in zip(pairs, symbols):
            if len(source) - 1 > self._data.limit_source or len(target) > self._data.limit_target:
                self.count += 1
                self._worst.append((max(len(source), len(target)), pair))
        self._worst = sorted(self._worst, key=lambda one: -one[0])[:SHOWN]

    def findings(self, of: int) -> Iterator[Finding]:
        """The finding, if there is any."""
        if not self.count:
            return
        severity: Severity = "warning" if self.count >= LONG * of else "note"
        sentence = (
            f"{counted(self.count, 'pair')} of train {verb(self.count, 'is', 'are')} longer than data.limit_source="
            f"{self._data.limit_source} or data.limit_target={self._data.limit_target} symbols; training leaves "
            f"{verb(self.count, 'it', 'them')} out"
        )
        advice = "cut them into sentences, or give larger limits (which take more memory)"
        places = tuple(Seen(*pair.place, pair.source) for _, pair in self._worst)
        name = "over the limits"
        yield Finding(name, "error" if self.count == of else severity, self.count, of, sentence, advice, places)
