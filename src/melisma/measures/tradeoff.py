"""Misses against false alarms: what each threshold of a trigger word is worth, and which one to take."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from melisma.errors import Refusal
from melisma.measures.detection import HOUR, WINDOW, Rule, Track, Window, crossings, detect, exposed, matched
from melisma.measures.interval import Array
from melisma.measures.poisson import Rate, rate
from melisma.measures.share import Share, alone

LOWEST = 0.01  # no threshold is looked at below
MOST = 60.0  # false alarms an hour: one a minute is of no use
ENOUGH = 20  # false alarms: fewer are looked at however few the hours


class Point(NamedTuple):
    """What alarms are worth at thresholds down from this one, itself among them, to the next point's."""

    threshold: float
    misses: int
    false: int


class Spot(NamedTuple):
    """A point with its intervals: of misses as of independent words, the exact one of false alarms an hour."""

    threshold: float
    misses: Share
    false: Rate


@dataclass(frozen=True)
class Curve:
    """The detection error tradeoff (Martin et al. 1997): misses and false alarms at all thresholds above ``lowest``.

    The first point is that of thresholds above all scores (``inf``), where nothing is heard.
    """

    points: tuple[Point, ...]  # thresholds falling; neighbours differ in what they are worth
    words: int
    hours: float
    lowest: float  # thresholds above it were looked at

    def at(self, threshold: float) -> Point:
        """What a threshold is worth; refuses those that were not looked at."""
        if not threshold > self.lowest:
            raise Refusal(f"the threshold {threshold:g} was not looked at: it must be above {self.lowest:g}.")
        return next(point for point in reversed(self.points) if threshold <= point.threshold)

    def best(self) -> tuple[Point, ...]:
        """The points that no other beats in both: false alarms rise, misses fall."""
        found: list[Point] = []
        for point in sorted(self.points, key=lambda point: (point.false, point.misses)):
            if not found or point.misses < found[-1].misses:
                found.append(point)
        return tuple(found)

    def spots(self) -> tuple[Spot, ...]:
        """The best points with their intervals, as a figure shows them; refuses no words."""
        return tuple(
            Spot(point.threshold, self.share(point.misses), rate(point.false, self.hours)) for point in self.best()
        )

    def allowed(self, wanted: float) -> float:
        """How many false alarms are ``wanted`` ones an hour, a rounding more."""
        return wanted * self.hours * (1 + 1e-12)

    def share(self, misses: int) -> Share:
        """So many misses as a share of the words, with its interval (``alone``); refuses no words."""
        if not self.words:
            raise Refusal("there are no words to be missed: at least one is wanted.")
        return Share(misses, self.words, *alone(misses, self.words))


def tradeoff(
    tracks: Sequence[Track],
    *,
    release: float = 0.5,
    refractory: float = 1.0,
    window: Window = WINDOW,
    lowest: float = LOWEST,
    most: float = MOST,
) -> Curve:
    """What every threshold of a rule with this ``release`` and ``refractory`` time is worth on scores of one word.

    Exact: thresholds fall from one at which an alarm comes, goes or moves to the next, down to ``lowest``, or to where
    there are more than ``most`` false alarms an hour (and more than ``ENOUGH``). Fewer alarms at a lower threshold are
    possible: two become one where the score no longer falls below the release. Refuses no time.
    """
    rule = Rule(max(lowest, np.nextafter(0, 1)), release, refractory)
    hours = sum(exposed(track.recording, window) for track in tracks) / HOUR
    if not hours > 0:
        raise Refusal("there is no time in which an alarm could be false: recordings of some length are wanted.")
    words = sum(len(track.recording.words) for track in tracks)
    enough = max(most * hours, ENOUGH)
    rule = _raised(tracks, rule, window, enough)
    stretches = [stretch for track in tracks for stretch in _stretches(track, rule, window)]
    points = [Point(math.inf, words, 0)]
    for point in _falling(stretches, words, rule.threshold):
        if point.false > enough:
            return Curve(tuple(points), words, hours, point.threshold)
        if point[1:] != points[-1][1:]:
            points.append(point)
    return Curve(tuple(points), words, hours, rule.threshold)


def _raised(tracks: Sequence[Track], rule: Rule, window: Window, enough: float) -> Rule:
    """The rule, or one with a higher threshold at which there are too many false alarms: none below is looked at.

    The higher the lowest threshold is, the shorter are the parts into which tracks fall.
    """
    scores = np.concatenate([np.asarray(track.scores, np.float64) for track in tracks])
    highest = int(enough) + 1
    while highest < len(scores):
        place = len(scores) - highest
        higher = replace(rule, threshold=max(rule.threshold, float(np.partition(scores, place)[place])))
        if higher == rule or len(detect(tracks, higher, window).false) > enough:
            return higher
        highest *= 2
    return rule


def _falling(stretches: list[_Stretch], words: int, lowest: float) -> Iterator[Point]:
    """What all stretches are worth together, threshold after threshold at which anything changes."""
    waiting = [(-stretch.top, number) for number, stretch in enumerate(stretches)]
    heapq.heapify(waiting)
    worth = [(0, 0)] * len(stretches)
    misses, false = words, 0
    while waiting and -waiting[0][0] > lowest:
        threshold = -waiting[0][0]
        while waiting and -waiting[0][0] == threshold:
            _, number = heapq.heappop(waiting)
            hits, wrong, lower = stretches[number].at(threshold)
            misses, false = misses + worth[number][0] - hits, false + wrong - worth[number][1]
            worth[number] = hits, wrong
            heapq.heappush(waiting, (-lower, number))
        yield Point(threshold, misses, false)


class _Stretch:
    """A part of a track whose alarms no other part has a say in, at any threshold that is looked at."""

    def __init__(
        self, scores: Array, released: Array, times: Array, ends: list[float], rest: int, window: Window
    ) -> None:
        self.scores, self.released, self.times = scores, released, times
        self.ends, self.rest, self.window = ends, rest, window
        self.top = float(scores.max())

    def at(self, threshold: float) -> tuple[int, int, float]:
        """Words heard and false alarms at a threshold, and the next lower one at which alarms come, go or move."""
        alarms = crossings(self.scores, self.released, threshold, self.rest)
        found = matched([float(self.times[place]) for place in alarms.places], self.ends, self.window)
        return sum(late is not None for late in found.latencies), len(found.false), alarms.lower


def _stretches(track: Track, rule: Rule, window: Window) -> Iterator[_Stretch]:
    """The track cut where at every threshold above that of ``rule`` the score arms again and the last alarm has rested.

    What may belong to one word stays together.
    """
    scores = np.asarray(track.scores, np.float64)
    released, rest, lowest = rule.released(scores), rule.rest(track.step), rule.threshold
    times = track.first + np.arange(len(scores), dtype=np.float64) * track.step
    live = np.flatnonzero(scores > lowest)
    arms = np.concatenate(([0], np.cumsum(released <= lowest)))
    cut = (np.diff(live) >= rest) & (arms[live[1:]] > arms[live[:-1]])
    nearest: dict[int, list[float]] = {}  # the first live score near a word -> the ends of such words
    for word in track.recording.words:
        begin, end = window.around(word.end)
        near = slice(*np.searchsorted(times[live], (begin, np.nextafter(end, math.inf))))
        if near.start < near.stop:
            cut[near.start : near.stop - 1] = False
            nearest.setdefault(near.start, []).append(word.end)
    bounds = [0, *(np.flatnonzero(cut) + 1).tolist(), len(live)]
    for begin, end in pairwise(bounds if len(live) else [0]):
        inside = slice(live[begin], live[end - 1] + 1)
        ends = [word for place in range(begin, end) for word in nearest.get(place, ())]
        yield _Stretch(scores[inside], released[inside], times[inside], ends, rest, window)


@dataclass(frozen=True)
class Chosen:
    """A threshold for a wanted rate of false alarms, and what it was worth where it was chosen."""

    threshold: float
    low: float  # thresholds above this one …
    high: float  # … and up to this one are worth the same there
    wanted: float  # false alarms an hour
    misses: Share
    false: Rate

    def told(self) -> str:
        """One sentence, which says too what the hours cannot show."""
        return f"threshold {self.threshold:.3g}: misses {self.misses.told()}; false alarms {self.false.told()}"


def choose(curve: Curve, wanted: float) -> Chosen:
    """The threshold with the fewest misses, if it and all higher ones give at most ``wanted`` false alarms an hour.

    Of equal ones those with the fewest false alarms, of these the widest range, and its middle: as far from the scores
    that decided it as can be. Where nothing is heard at that rate, it lies above all scores. Refuses no words.
    """
    if not wanted >= 0:
        raise Refusal(f"{wanted:g} false alarms an hour: 0 or more can be wanted.")
    ranges = list(zip(curve.points, [*(point.threshold for point in curve.points[1:]), curve.lowest], strict=True))
    allowed = 0
    while allowed < len(ranges) and ranges[allowed][0].false <= curve.allowed(wanted):
        allowed += 1

    def order(one: tuple[Point, float]) -> tuple[int, int, float]:
        return one[0].misses, one[0].false, one[1] - _top(one)

    point, low = best = min(ranges[:allowed], key=order)
    high = _top(best)
    middle = max((low + high) / 2, float(np.nextafter(low, math.inf)))
    return Chosen(middle, low, high, wanted, curve.share(point.misses), rate(point.false, curve.hours))


def _top(one: tuple[Point, float]) -> float:
    """The highest threshold of a range; scores are 1 at most, and where one is, what lies above is hardly more."""
    point, low = one
    return point.threshold if math.isfinite(point.threshold) else max(1.0, 2 * float(np.nextafter(low, math.inf)) - low)
