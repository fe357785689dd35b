"""How much of the validation data is made of what training shows, and how long lines are in symbols."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from melisma.checks.finding import SHOWN, Finding, Seen, Severity
from melisma.checks.reading import SIDES
from melisma.files.columns import Pair
from melisma.quoting import counted
from melisma.settings.translate import DataSettings
from melisma.text import cuts
from melisma.text.unicode import normalise

STRANGE = {"characters": 0.001, "words": 0.1}  # shares of a side of valid, unseen in training, that are worth a warning
FEW_WORDS = 20  # different words of a side of training that are no language
MANY_PAIRS = 500  # pairs in which so few words are odd
LONG = 0.01  # of the pairs over the limits

T = TypeVar("T", bound=Hashable)


class PairCoder(Protocol):
    """What turns pairs into symbols, learned on the training pairs."""

    def symbols(self, examples: Sequence[Pair]) -> list[tuple[list[int], list[int]]]:
        """Each pair's symbols, the source with its end."""


@dataclass(frozen=True)
class SideCoverage:
    """One side of the pairs: its vocabulary, its lengths in training, and what of validation training never shows."""

    side: str
    vocabulary: int  # different symbols in training
    characters: int  # different ones in training
    words: int
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
    """Both sides, and the training pairs that the limits leave out."""

    pairs: int
    left_out: int
    sides: tuple[SideCoverage, ...]


def cover(
    codec: PairCoder, train: Sequence[Pair], valid: Sequence[Pair], data: DataSettings
) -> tuple[Coverage, list[Finding]]:
    """What validation shares with training, and the findings that follow."""
    encoded, tested = codec.symbols(train), codec.symbols(valid)
    findings: list[Finding] = []
    sides = []
    for side in (0, 1):
        end = 1 - side  # only the source is encoded with its end
        lines = [pair[side][: len(pair[side]) - end] for pair in encoded]
        asked = [pair[side][: len(pair[side]) - end] for pair in tested]
        texts = ([str(pair[side]) for pair in train], [str(pair[side]) for pair in valid])
        sides.append(_side(SIDES[side], lines, asked, texts))
        findings += _of_side(sides[-1], len(train))
    over = [
        index
        for index, (source, target) in enumerate(encoded)
        if len(source) - 1 > data.limit_source or len(target) > data.limit_target
    ]
    findings += _over(over, encoded, train, data)
    return Coverage(len(train), len(over), tuple(sides)), findings


def _side(
    side: str,
    lines: Sequence[Sequence[int]],
    asked: Sequence[Sequence[int]],
    texts: tuple[Sequence[str], Sequence[str]],
) -> SideCoverage:
    lengths = np.array([len(line) for line in lines])
    words, characters = _counts(texts[0])
    new_words, new_characters = _counts(texts[1])
    symbols = Counter(symbol for line in asked for symbol in line)
    known = {symbol for line in lines for symbol in line}
    strange = Counter({one: count for one, count in new_characters.items() if one not in characters})
    return SideCoverage(
        side,
        len(known),
        len(characters),
        len(words),
        int(np.median(lengths)),
        int(np.percentile(lengths, 95)),
        int(lengths.max()),
        _unseen(new_characters, characters),
        _unseen(new_words, words),
        _unseen(symbols, known),
        new_characters.total(),
        new_words.total(),
        tuple(one for one, _ in strange.most_common(8)),
    )


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


def _of_side(found: SideCoverage, pairs: int) -> Iterator[Finding]:
    shares = (
        ("characters", found.unseen_characters, found.valid_characters),
        ("words", found.unseen_words, found.valid_words),
    )
    for what, share, of in shares:
        if share:
            severity: Severity = "warning" if share >= STRANGE[what] else "note"
            some = f" (such as {' '.join(found.some_unseen[:5])})" if what == "characters" else ""
            sentence = f"{100 * share:.2g} % of the {what} in the {found.side}s of valid never occur in train{some}"
            advice = "a model can only guess at them: more training data like the validation data is wanted"
            if severity == "note":
                advice = "nothing: some always are"
            yield Finding(f"unseen {what}", severity, round(share * of), of, sentence, advice)
    if found.words < FEW_WORDS and pairs >= MANY_PAIRS:
        sentence = f"the {found.side}s of train have only {counted(found.words, 'different word')} in {pairs:,} pairs"
        yield Finding(
            "hardly a vocabulary",
            "warning",
            found.words,
            pairs,
            sentence,
            "look whether this is the right file or column",
        )


def _over(
    over: Sequence[int],
    encoded: Sequence[tuple[Sequence[int], Sequence[int]]],
    train: Sequence[Pair],
    data: DataSettings,
) -> Iterator[Finding]:
    if not over:
        return
    worst = sorted(over, key=lambda index: -max(map(len, encoded[index])))[:SHOWN]
    severity: Severity = "warning" if len(over) >= LONG * len(train) else "note"
    everything = len(over) == len(train)
    sentence = (
        f"{counted(len(over), 'pair')} of train {'is' if len(over) == 1 else 'are'} longer than data.limit_source="
        f"{data.limit_source} or data.limit_target={data.limit_target} symbols; training leaves them out"
    )
    advice = "cut them into sentences, or give larger limits (which take more memory)"
    places = tuple(Seen(*train[index].place, train[index].source) for index in worst)
    yield Finding(
        "over the limits", "error" if everything else severity, len(over), len(train), sentence, advice, places
    )
