"""Examples that belong together: utterances of one speaker are drawn together, or told apart from those of others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from melisma.errors import Refusal
from melisma.measures.interval import Array, Score, difference
from melisma.measures.measure import ratio

Groups = Sequence[str | None]  # of each example whose it is; None: nobody knows

FEW = 6  # of fewer that all differ one way that may be chance: by signs 2 · 2^-5 is more than 5 %

M = TypeVar("M")


class Drawn(NamedTuple):
    """Counts (G, K) of what a bootstrap draws: whole speakers, or single utterances where that is not possible."""

    counts: Array
    speakers: int  # of the rows; 0: they are utterances

    @property
    def unit(self) -> str:
        """``speakers`` or ``utterances``."""
        return "speakers" if self.speakers else "utterances"


def by_speaker(counts: Array, speakers: Groups | None) -> Drawn:
    """Counts (N, K) of utterances summed by speaker (G, K), so that a bootstrap draws speakers with all they said.

    Takes of one speaker err alike: drawn one by one they make an interval too narrow. An utterance of nobody in
    particular stands alone. Where fewer than two speakers are known, the rows stay utterances. Refuses other numbers of
    both.
    """
    if speakers is None:
        return Drawn(counts, 0)
    if len(speakers) != len(counts):
        raise Refusal(f"{len(counts)} utterances and {len(speakers)} speakers: there must be as many of both.")
    known = dict.fromkeys(speaker for speaker in speakers if speaker is not None)
    if len(known) < 2:
        return Drawn(counts, 0)
    rows = {speaker: row for row, speaker in enumerate(known)}
    alone = iter(range(len(known), len(known) + len(speakers)))
    places = [next(alone) if speaker is None else rows[speaker] for speaker in speakers]
    summed = np.zeros((max(places) + 1, counts.shape[1]))
    np.add.at(summed, places, counts)
    return Drawn(summed, len(known))


class Gap(NamedTuple):
    """By how much a second score is above a first one, in points, with its interval."""

    value: float
    low: float
    high: float
    speakers: int  # how many speakers were drawn from; 0: utterances were drawn
    drawn: int  # how many there were to draw from, be they speakers or utterances

    @property
    def ends(self) -> tuple[float, float] | None:
        """Both ends of the interval; None where it has no width: all differ alike, which says nothing of others."""
        return (self.low, self.high) if self.low < self.high else None

    @property
    def enough(self) -> bool:
        """Whether there are as many as it takes to tell any difference from chance."""
        return self.drawn >= FEW

    @property
    def tells(self) -> bool:
        """Whether the difference is more than chance: the interval leaves 0 out, and was not drawn from too few."""
        return self.enough and not self.low <= 0 <= self.high


def gap_of(first: Array, second: Array, speakers: Groups | None = None, score: Score = ratio) -> Gap:
    """By how much the score of the second counts (N, K), summed, is above that of the first, drawn in pairs by speaker.

    It is 100 · Σ / Σ of (N, 2) unless another ``score`` is given. Row n of both counts the same utterance. Refuses
    other numbers of both, and none.
    """
    if len(first) != len(second) or not len(first):
        found = f"{len(first)} utterances of the first and {len(second)} of the second"
        raise Refusal(f"{found}: two systems are compared on the same utterances.")
    drawn = by_speaker(np.concatenate((first, second), 1), speakers)
    one, two = drawn.counts[:, : first.shape[1]], drawn.counts[:, first.shape[1] :]
    value = float(score(two.sum(0)) - score(one.sum(0)))
    low, high = difference(one, two, score)
    return Gap(value, min(low, value), max(high, value), drawn.speakers, len(drawn.counts))


class Apart(NamedTuple):
    """Places of utterances by whether their speaker was heard in training."""

    seen: tuple[int, ...]
    unseen: tuple[int, ...]
    unknown: tuple[int, ...]  # nobody knows whose they are


def apart(speakers: Groups, trained: Collection[str]) -> Apart:
    """Where speakers stand that a training heard, others, and those that nobody knows."""
    found: tuple[list[int], list[int], list[int]] = ([], [], [])
    for place, speaker in enumerate(speakers):
        found[2 if speaker is None else 0 if speaker in trained else 1].append(place)
    return Apart(*map(tuple, found))


def for_each(groups: Groups, measured: Callable[[list[int]], M]) -> dict[str | None, M]:
    """What ``measured`` says of the places of each group, groups by name, those of none last."""
    places: dict[str | None, list[int]] = {}
    for place, group in enumerate(groups):
        places.setdefault(group, []).append(place)
    return {group: measured(places[group]) for group in sorted(places, key=lambda group: (group is None, group or ""))}
