"""Errors of what was heard: words and characters put in place of others, left out and put in, by speaker."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from melisma.errors import Refusal
from melisma.measures.groups import Groups, apart, by_speaker, for_each
from melisma.measures.interval import Array
from melisma.measures.measure import Measure, References, Rule, number_of_references, paired, rated, ratio
from melisma.measures.normalisation import AS_WRITTEN, Normalisation, Unit
from melisma.measures.share import Share

NAMES: dict[Unit, str] = {"word": "WER", "character": "CER"}


class Edits(NamedTuple):
    """What turns a reference of ``length`` symbols into an answer, the fewest that do."""

    substitutions: int
    deletions: int  # symbols of the reference that were not heard
    insertions: int  # symbols of the answer that nobody said
    length: int

    @property
    def errors(self) -> int:
        """All of them."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors in per cent of the length; without any length 0 for none and 100 for some."""
        return float(ratio(np.array([self.errors, self.length], np.float64)))


def edits(answer: Sequence[Hashable], reference: Sequence[Hashable]) -> Edits:
    """The fewest edits, and of ways with equally many the one with the fewest substitutions, so the most that is right.

    That leaves one answer to how many of each there are, whichever way the sequences are read: the least
    Σ (1 + ε) S + D + I, in whole numbers of ε (Wagner & Fischer 1974), by rows of the table.
    """
    numbers: dict[Hashable, int] = {}
    first, second = (
        np.array([numbers.setdefault(s, len(numbers)) for s in part], np.int64) for part in (answer, reference)
    )
    whole = len(answer) + len(reference) + 1  # of ε, so that no number of substitutions outweighs an edit
    across = whole * np.arange(len(second) + 1)
    row = across.copy()
    for symbol in first:
        below = row + whole
        below[1:] = np.minimum(below[1:], row[:-1] + (whole + 1) * (second != symbol))
        row = np.minimum.accumulate(below - across) + across
    errors, substitutions = divmod(int(row[-1]), whole)
    shifted, longer = errors - substitutions, len(reference) - len(answer)
    return Edits(substitutions, (shifted + longer) // 2, (shifted - longer) // 2, len(reference))


def edits_of_each(
    unit: Unit, answers: Sequence[str], references: References, normalisation: Normalisation = AS_WRITTEN
) -> list[Edits]:
    """The edits of each answer to its closest reference, of words or of characters; refusals as of any measure."""
    split = normalisation.words if unit == "word" else normalisation.characters
    return [_closest(split(answer), [split(one) for one in right]) for answer, right in paired(answers, references)]


def _closest(answer: list[str], references: list[list[str]]) -> Edits:
    """Edits to the reference with the fewest of them, of equals the longest, then by substitutions."""
    found = (edits(answer, reference) for reference in references)
    return min(found, key=lambda one: (one.errors, -one.length, one.substitutions))


def total(found: Sequence[Edits]) -> Edits:
    """The sum over utterances."""
    return Edits(*(sum(column) for column in zip(*found))) if found else Edits(0, 0, 0, 0)


@dataclass(frozen=True)
class ErrorRate:
    """An error rate with its interval, what it is made of, and what its interval was drawn from."""

    measure: Measure
    edits: Edits  # the sum over all utterances
    speakers: int  # how many speakers were drawn from; 0: utterances were drawn

    def told(self) -> str:
        """``WER 12.5 % [8.1, 17.0], S 3 D 1 I 2 of 48, drawn from 4 speakers``; of no error below what it surely is."""
        one, (wrong, deleted, inserted, length) = self.measure, self.edits
        if length and not self.edits.errors:
            return f"{one.name} 0.0 %: {Share(0, length, 0.0, one.high / 100).told()}"
        drawn = f"{self.speakers} speakers" if self.speakers else f"{one.count} utterances"
        ends = f" [{one.low:.1f}, {one.high:.1f}]" if one.ends else ""
        rate = f"{one.name} {one.value:.1f} %{ends}"
        return f"{rate}, S {wrong} D {deleted} I {inserted} of {length}, drawn from {drawn}"


def spoken_error_rate(
    unit: Unit,
    answers: Sequence[str],
    references: References,
    speakers: Groups | None = None,
    normalisation: Normalisation = AS_WRITTEN,
) -> ErrorRate:
    """WER or CER: 100 · Σ (S + D + I) / Σ length over all utterances; above 100 is possible.

    The interval is a bootstrap over speakers with all they said (``by_speaker``), over utterances where fewer than two
    are known; of no error see ``rated``. What counts as equal, and what was drawn, is in the signature. Nothing said
    and something heard is that many insertions.
    """
    pairs = paired(answers, references)
    signature = f"nrefs:{number_of_references(pairs)}|{normalisation.signature}|unit:{unit}"
    return error_rate(NAMES[unit], edits_of_each(unit, answers, references, normalisation), speakers, signature)


def error_rate(name: str, found: Sequence[Edits], speakers: Groups | None = None, signature: str = "") -> ErrorRate:
    """The rate of edits that were counted before, as ``spoken_error_rate``; refuses none at all."""
    if not found:
        raise Refusal("there are no answers to measure: at least one is wanted.")
    drawn = by_speaker(_counts(found), speakers)
    said = "|".join(part for part in (signature, f"interval:{drawn.unit}") if part)
    measure = rated(Rule(name, ratio, "lower"), drawn.counts, said)
    return ErrorRate(replace(measure, count=len(found)), total(found), drawn.speakers)


def _counts(found: Sequence[Edits]) -> Array:
    """(N, 2) errors and length of each."""
    return np.array([(one.errors, one.length) for one in found], np.float64).reshape(-1, 2)


def seen_and_unseen(
    name: str, found: Sequence[Edits], speakers: Groups, trained: Collection[str], signature: str = ""
) -> dict[str, ErrorRate]:
    """The rate of ``seen`` speakers, whom the training heard, of ``unseen`` ones and of ``unknown`` ones, if any."""
    if len(found) != len(speakers):
        raise Refusal(f"{len(found)} utterances and {len(speakers)} speakers: there must be as many of both.")
    return {
        kind: error_rate(name, [found[i] for i in places], [speakers[i] for i in places], signature)
        for kind, places in apart(speakers, trained)._asdict().items()
        if places
    }


def of_each_speaker(name: str, found: Sequence[Edits], speakers: Groups) -> dict[str | None, ErrorRate]:
    """The rate of each speaker, by name, drawn from what they said."""
    return for_each(speakers, lambda places: error_rate(name, [found[i] for i in places]))
