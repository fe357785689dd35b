"""Pairs and sides that occur more than once, in training or in both training and validation: kept as hashes alone."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from melisma.checks.finding import BOTH, SHOWN, Draft, Finding, Severity, Spot, verb
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

Hashes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


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
    """Five numbers of eight bytes a pair; nothing else is kept."""

    def __init__(self) -> None:
        self._numbers = {part: array("q") for part in ("train", "valid")}
        self._exact = {part: (array("q"), array("q"), array("q")) for part in ("train", "valid")}
        self._folded = {part: (array("q"), array("q"), array("q")) for part in ("train", "valid")}

    def see(self, record: Record, whole: bool) -> None:
        """One record, if both sides show something."""
        if not whole:
            return
        source, target = record.source or "", record.target or ""
        part = record.given.part
        self._numbers[part].append(record.number)
        for hashes, of in ((self._exact[part], exact_hash), (self._folded[part], folded_hash)):
            left, right = of(source), of(target)
            hashes[0].append(left)
            hashes[1].append(right)
            hashes[2].append(pair_hash(left, right))

    def drafts(self) -> Iterator[Draft]:
        """Repeated pairs, sources and targets; what both parts hold; targets that fit everything."""
        for part in ("train", "valid"):
            if self._numbers[part]:
                yield from self._repeated(part)
                yield from self._ambiguous(part, 0)
                yield from self._ambiguous(part, 1)
        yield from self._generic()
        if self._numbers["train"] and self._numbers["valid"]:
            yield from self._overlap()

    def held_out(self) -> frozenset[int]:
        """The folded hashes of the sources of validation."""
        return frozenset(self._folded["valid"][0])

    def _repeated(self, part: str) -> Iterator[Draft]:
        again = _again(_numbers(self._exact[part][2]))
        count, of = int(again.sum()), len(again)
        if not count:
            return
        severity: Severity = "warning" if count / of >= MANY else "note"
        sentence = f"{counted(count, 'pair')} of {part} {'is' if count == 1 else 'are'} there before, word for word"
        advice = (
            "what is there often is learned more: nothing, if that is meant, or fix=FOLDER, which keeps one of each"
        )
        yield Draft(Finding("duplicates", severity, count, of, sentence, advice), self._spots(part, again, BOTH))

    def _ambiguous(self, part: str, side: int) -> Iterator[Draft]:
        """Pairs whose source has several targets, or the other way round."""
        hashes, pairs = _numbers(self._exact[part][side]), _numbers(self._exact[part][2])
        first = ~_again(pairs)
        kinds, counts = np.unique(hashes[first], return_counts=True)
        several = np.isin(hashes, kinds[counts > 1])
        count, of = int(several.sum()), len(several)
        if not count:
            return
        other = SIDES[1 - side]
        pairs_of = f"{counted(count, 'pair')} of {part}"
        sentence = f"{pairs_of} {verb(count, 'shares', 'share')} the {SIDES[side]} with pairs of another {other}"
        advice = (
            "nothing, where both are right; a model gives the more frequent one"
            if side == 0
            else "nothing, where both mean the same"
        )
        yield Draft(Finding(f"several {other}s", "note", count, of, sentence, advice), self._spots(part, several, BOTH))

    def _generic(self) -> Iterator[Draft]:
        targets, pairs = _numbers(self._exact["train"][1]), _numbers(self._exact["train"][2])
        if not len(targets):
            return
        distinct = ~_again(pairs)
        _, begins, counts = np.unique(targets[distinct], return_index=True, return_counts=True)
        least = max(GENERIC, GENERIC_SHARE / 10 * distinct.sum())
        often = [place for place in np.argsort(-counts, kind="stable")[:SEVERAL] if counts[place] >= least]
        if not often:
            return
        spots = np.flatnonzero(distinct)[begins[often]]
        most, of = int(counts[often[0]]), int(distinct.sum())
        severity: Severity = "warning" if most / of >= GENERIC_SHARE else "note"
        sentence = (
            f"one target stands for {most:,} different sources of train"
            if len(often) == 1
            else f"{len(often)} targets stand for many different sources of train, the first for {most:,}"
        )
        advice = "a model falls back on such answers: fewer of them are wanted, unless they are right"
        numbers = self._numbers["train"]
        yield Draft(
            Finding("generic targets", severity, most, of, sentence, advice),
            tuple(Spot(numbers[spot], 1) for spot in spots),
        )

    def _overlap(self) -> Iterator[Draft]:
        for side, what in ((0, "sources"), (1, "targets"), (BOTH, "pairs")):
            known = np.isin(_numbers(self._folded["valid"][side]), _numbers(self._folded["train"][side]))
            count, of = int(known.sum()), len(known)
            if not count:
                continue
            severity: Severity = "warning" if side != 1 and count / of >= MUCH else "note"
            one = what.removesuffix("s")
            sentence = (
                f"{counted(count, one)} of valid {'is' if count == 1 else 'are'} in train too (case and spaces apart)"
            )
            advice = (
                "targets are often shared, lawfully"
                if side == 1
                else "scores on them tell what was remembered: fix=FOLDER takes such sources out of train"
            )
            yield Draft(
                Finding(f"overlap of {what}", severity, count, of, sentence, advice), self._spots("valid", known, side)
            )

    def _spots(self, part: str, where: Mask, side: int) -> tuple[Spot, ...]:
        numbers = self._numbers[part]
        return tuple(Spot(numbers[place], side) for place in np.flatnonzero(where)[:SHOWN].tolist())


def _numbers(hashes: array[int]) -> Hashes:
    return np.frombuffer(hashes, dtype=np.int64) if hashes else np.empty(0, np.int64)


def _again(hashes: Hashes) -> Mask:
    """Where something stands that stood before."""
    _, first = np.unique(hashes, return_index=True)
    again = np.ones(len(hashes), dtype=np.bool_)
    again[first] = False
    return again
