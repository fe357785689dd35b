"""Shares of right or wrong answers, with an interval that knows of speakers and says something even of none."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from melisma.errors import Refusal
from melisma.measures.groups import Gap, Groups, by_speaker, gap_of
from melisma.measures.interval import LEVEL, Array, bootstrap, in_order, none_of, wilson
from melisma.measures.measure import Measure, ratio


@dataclass(frozen=True)
class Share:
    """``count`` of ``of``, with its interval as shares."""

    count: int
    of: int
    low: float
    high: float
    speakers: int = 0  # how many speakers the interval knows of; 0: it takes all for independent

    @property
    def value(self) -> float:
        """The share itself."""
        return self.count / self.of

    def told(self) -> str:
        """``3.0 % (3 of 100; 1.0–8.5 %)``; of none or all what so many can show: ``none of 200: below 1.5 %``."""
        if not self.count:
            return f"none of {self.of}: below {math.ceil(round(1e4 * self.high, 6) / 10) / 10:.1f} %"
        if self.count == self.of:
            return f"all of {self.of}: above {math.floor(round(1e4 * self.low, 6) / 10) / 10:.1f} %"
        low, value, high = (100 * part for part in (self.low, self.value, self.high))
        return f"{value:.1f} % ({self.count} of {self.of}; {low:.1f}–{high:.1f} %)"


def alone(count: int, of: int, level: float = LEVEL) -> tuple[float, float]:
    """The interval of a share of independent answers: Wilson's; of none, below which nothing lies, ``none_of``.

    So all that is told of none is told of the same one-sided bound, and of all, above which nothing lies, of its mirror
    image: 1 - ``none_of``.
    """
    if not count:
        return 0.0, none_of(of, level)
    return (1 - none_of(of, level), 1.0) if count == of else wilson(count, of, level)


def share(flags: Sequence[bool], speakers: Groups | None = None, level: float = LEVEL) -> Share:
    """The share of ``flags`` that are set; the interval is Wilson's, widened to that over speakers where two are known.

    Wilson's (1927) takes answers for independent, which those of a speaker are not; the bootstrap over speakers has no
    width where none or all are set, or all speakers alike. Each end is the farther one of both. Of none and of all see
    ``alone``.
    """
    if not len(flags):
        raise Refusal("there are no answers to measure: at least one is wanted.")
    count = sum(map(bool, flags))
    low, high = alone(count, len(flags), level)
    drawn = by_speaker(_counts(flags), speakers)
    if drawn.speakers:
        drawn_low, drawn_high = (end / 100 for end in bootstrap(in_order(drawn.counts), ratio, level=level))
        low, high = min(low, drawn_low), max(high, drawn_high)
    return Share(count, len(flags), low, high, drawn.speakers)


def accuracy(right: Sequence[bool], speakers: Groups | None = None) -> Measure:
    """Per cent of answers that are right, with the interval of ``share``."""
    found = share(right, speakers)
    kind = "wilson,speakers" if found.speakers else "wilson"
    low, value, high = (100 * part for part in (found.low, found.value, found.high))
    return Measure("accuracy", value, low, high, f"interval:{kind}", "higher", found.of)


def share_gap(first: Sequence[bool], second: Sequence[bool], speakers: Groups | None = None) -> Gap:
    """By how many points the second share is above the first: paired bootstrap over the same answers, by speaker."""
    return gap_of(_counts(first), _counts(second), speakers)


def _counts(flags: Sequence[bool]) -> Array:
    return np.stack((np.asarray(flags, np.float64), np.ones(len(flags))), 1)
