"""Pairs and sides that occur more than once, in training or in both training and validation: kept as hashes alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from melisma.checks.finding import BOTH, SHOWN, Draft, Finding, Severity, Spot, verb
from melisma.checks.hashes import NUMBER, PAIR, SOURCE, TARGET, Hashes, Mask, Rows, again
from melisma.checks.reading import SIDES, Record
from melisma.files.split import fold
from melisma.quoting import counted
from melisma.text.unicode import normalise

MANY = 0.05  # of the training pairs: duplicates that weigh
MUCH = 0.01  # of the validation sources: an overlap that moves scores
GENERIC = 5  # different sources at least with one target that is called generic
GENERIC_SHARE = 0.01  # of all pairs that one target has
FOLDED = 10_000  # characters of a text that is folded as a cut of the data folds it
SEVERAL = 5  # generic targets that are shown


def exact_hash(text: str) -> int:
    """Equal for texts that a model reads as the same."""
    return hash(normalise(text))


def folded_hash(text: str) -> int:
    """Equal for texts that an overlap counts as the same: case and white space apart."""
    if text.isascii():
        return hash(" ".join(text.lower().split()))
    # sorting very many marks, as folding does, takes hours
    return hash(fold(text) if len(text) <= FOLDED else normalise(text.casefold()))


def pair_hash(source: int, target: int) -> int:
    """Of a pair, from the hashes of its sides."""
    return hash((source, target))


class Duplicates:
    """Four numbers of eight bytes a pair as it is read, and four as an overlap counts it, all of them on the disk."""

    def __init__(self) -> None:
        self._exact = {part: Hashes() for part in ("train", "valid")}
        self._folded = {part: Hashes() for part in ("train", "valid")}

    def see(self, record: Record, whole: bool) -> None:
        """One record, if both sides show something."""
        if not whole:
            return
        source, target = record.source or "", record.target or ""
        for hashes, of in ((self._exact, exact_hash), (self._folded, folded_hash)):
            left, right = of(source), of(target)
            hashes[record.given.part].add(left, right, pair_hash(left, right), record.number)

    def drafts(self) -> Iterator[Draft]:
        """Repeated pairs, sources and targets; what both parts hold; targets that fit everything."""
        for part, hashes in self._exact.items():
            yield from _repeated(part, hashes)
            yield from _ambiguous(part, hashes, SOURCE)
            yield from _ambiguous(part, hashes, TARGET)
        yield from _generic(self._exact["train"])
        yield from _overlap(self._folded["train"], self._folded["valid"])

    def held_out(self) -> frozenset[int]:
        """The folded hashes of the sources of validation."""
        return frozenset(number for rows in self._folded["valid"].blocks() for number in rows[:, SOURCE].tolist())


def _repeated(part: str, hashes: Hashes) -> Iterator[Draft]:
    count, spots = _gathered(rows[again(rows[:, PAIR])] for rows in hashes.alike(PAIR))
    if not count:
        return
    severity: Severity = "warning" if count / len(hashes) >= MANY else "note"
    sentence = f"{counted(count, 'pair')} of {part} {verb(count, 'is', 'are')} there before, word for word"
    advice = "what is there often is learned more: nothing, if that is meant, or fix=FOLDER, which keeps one of each"
    yield _draft("duplicates", severity, count, len(hashes), sentence, advice, spots)


def _ambiguous(part: str, hashes: Hashes, side: int) -> Iterator[Draft]:
    """Pairs whose source has several targets, or the other way round."""
    count, spots = _gathered(rows[_several(rows, side)] for rows in hashes.alike(side))
    if not count:
        return
    other = SIDES[1 - side]
    pairs_of = f"{counted(count, 'pair')} of {part}"
    sentence = f"{pairs_of} {verb(count, 'shares', 'share')} the {SIDES[side]} with pairs of another {other}"
    advice = (
        "nothing, where both are right; a model gives the more frequent one"
        if side == SOURCE
        else "nothing, where both mean the same"
    )
    yield _draft(f"several {other}s", "note", count, len(hashes), sentence, advice, spots)


def _several(rows: Rows, side: int) -> Mask:
    """(N,) where one side stands in different pairs."""
    kinds, counts = np.unique(rows[~again(rows[:, PAIR]), side], return_counts=True)
    return np.isin(rows[:, side], kinds[counts > 1])


def _generic(train: Hashes) -> Iterator[Draft]:
    of, often = 0, list[tuple[int, int]]()  # different pairs of a target, and the record of the first
    for rows in train.alike(TARGET):
        distinct = rows[~again(rows[:, PAIR])]
        of += len(distinct)
        _, begins, counts = np.unique(distinct[:, TARGET], return_index=True, return_counts=True)
        often += zip(counts.tolist(), distinct[begins, NUMBER].tolist())
        often = sorted(often, key=lambda one: (-one[0], one[1]))[:SEVERAL]
    often = [one for one in often if one[0] >= max(GENERIC, GENERIC_SHARE / 10 * of)]
    if not often:
        return
    most = often[0][0]
    severity: Severity = "warning" if most / of >= GENERIC_SHARE else "note"
    sentence = (
        f"one target stands for {most:,} different sources of train"
        if len(often) == 1
        else f"{len(often)} targets stand for many different sources of train, the first for {most:,}"
    )
    advice = "a model falls back on such answers: fewer of them are wanted, unless they are right"
    yield _draft("generic targets", severity, most, of, sentence, advice, (Spot(number, 1) for _, number in often))


def _overlap(train: Hashes, valid: Hashes) -> Iterator[Draft]:
    for column, what in ((SOURCE, "sources"), (TARGET, "targets"), (PAIR, "pairs")):
        count, spots = _gathered(rows[_known(rows[:, column], column, train)] for rows in valid.blocks())
        if not count:
            continue
        severity: Severity = "warning" if column != TARGET and count / len(valid) >= MUCH else "note"
        one = what.removesuffix("s")
        sentence = f"{counted(count, one)} of valid {verb(count, 'is', 'are')} in train too (case and spaces apart)"
        advice = (
            "targets are often shared, lawfully"
            if column == TARGET
            else "scores on them tell what was remembered: fix=FOLDER takes such sources out of train"
        )
        sided = (Spot(spot.number, BOTH if column == PAIR else column) for spot in spots)
        yield _draft(f"overlap of {what}", severity, count, len(valid), sentence, advice, sided)


def _known(hashes: npt.NDArray[np.int64], column: int, train: Hashes) -> Mask:
    found = np.zeros(len(hashes), dtype=np.bool_)
    for rows in train.blocks():
        found |= np.isin(hashes, rows[:, column])
    return found


def _gathered(parts: Iterable[Rows]) -> tuple[int, list[Spot]]:
    """How many rows there are in all, and the first few of their records."""
    count, first = 0, list[int]()
    for rows in parts:
        count += len(rows)
        first = sorted([*first, *rows[:SHOWN, NUMBER].tolist()])[:SHOWN]
    return count, [Spot(number, BOTH) for number in first]


def _draft(
    name: str, severity: Severity, count: int, of: int, sentence: str, advice: str, spots: Iterable[Spot]
) -> Draft:
    return Draft(Finding(name, severity, count, of, sentence, advice), tuple(spots))
