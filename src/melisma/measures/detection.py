"""Trigger words: when an alarm is given, which words were heard and how late, and how often it was a false one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from melisma.errors import Refusal
from melisma.measures.interval import Array
from melisma.measures.poisson import Rate, rate
from melisma.measures.share import Share, share

Scores = NDArray[np.floating[Any]]  # (T,) of one word, 0 … 1

HOUR = 3600.0


@dataclass(frozen=True)
class Word:
    """A word that should be heard: when it ends, and by what its misses are told apart."""

    end: float  # seconds
    speaker: str | None = None


@dataclass(frozen=True)
class Recording:
    """What there is to hear in a recording of ``seconds``; without words it is background alone."""

    seconds: float
    words: tuple[Word, ...] = ()
    name: str = ""


@dataclass(frozen=True)
class Window:
    """When an alarm belongs to a word: from ``early`` seconds before its end to ``late`` seconds after it."""

    early: float = 0.2
    late: float = 0.75

    def around(self, end: float) -> tuple[float, float]:
        """The first and the last instant."""
        return end - self.early, end + self.late


WINDOW = Window()


@dataclass(frozen=True)
class Rule:
    """When a word counts as heard: at the first score of ``threshold`` or more while armed.

    An alarm disarms; a score below ``release`` · ``threshold`` arms again (hysteresis). Within ``refractory`` seconds
    after an alarm, of which at least one score is told, there is no other. Scores are as the rule sees them: smoothed.
    """

    threshold: float
    release: float = 0.5  # share of the threshold; 1: no hysteresis, 0: nothing is heard twice
    refractory: float = 1.0  # seconds

    def __post_init__(self) -> None:
        if not self.threshold > 0:
            raise Refusal(f"threshold is {self.threshold:g}: it must be above 0, or silence would be an alarm.")
        if not 0 <= self.release <= 1:
            raise Refusal(f"release is {self.release:g}: it must be a share of the threshold, 0 … 1.")
        if not 0 <= self.refractory < math.inf:
            raise Refusal(f"refractory is {self.refractory:g} seconds: 0 or more are wanted.")

    def alarms(self, scores: Scores, step: float) -> list[int]:
        """At which scores (T,), one each ``step`` seconds, an alarm is given."""
        values = np.asarray(scores, np.float64)
        return crossings(values, self.released(values), self.threshold, self.rest(step)).places

    def released(self, scores: Array) -> Array:
        """The thresholds above which each score arms again."""
        return scores / self.release if self.release else np.full(scores.shape, math.inf)

    def rest(self, step: float) -> int:
        """How many scores after an alarm the next one may be."""
        return max(1, round(self.refractory / step))


class Crossings(NamedTuple):
    """Where alarms are given, and how far that holds."""

    places: list[int]
    lower: float  # thresholds above this one, up to that asked for, give the same alarms


def crossings(scores: Array, released: Array, threshold: float, rest: int) -> Crossings:
    """Alarms at scores (T,) of ``threshold`` or more while armed, ``rest`` scores apart; ``released`` below it arms.

    All stays as it is until the threshold falls to a score that it was compared with in vain.
    """
    above, below = np.flatnonzero(scores >= threshold), np.flatnonzero(released < threshold)
    places: list[int] = []
    at, lower = 0, -math.inf
    while True:
        place = _next(above, at)
        passed = scores[at:place]
        lower = max(lower, float(passed.max())) if len(passed) else lower
        armed = None if place is None else _next(below, place)
        if place is not None:
            places.append(place)
        if place is None or armed is None:
            return Crossings(places, lower)
        lower = max(lower, float(released[armed]))
        at = max(armed, place + rest)


def _next(places: NDArray[np.intp], at: int) -> int | None:
    """The first of the rising places that is not before ``at``."""
    number = int(places.searchsorted(at))
    return int(places[number]) if number < len(places) else None


@dataclass(frozen=True, eq=False)
class Track:
    """How strongly a detector hears one word in a recording, score after score."""

    scores: Scores
    step: float  # seconds from one score to the next
    recording: Recording
    first: float = 0.0  # the second at which the first score is known: what it waited for counts as latency

    def __post_init__(self) -> None:
        name = self.recording.name or "a recording"
        if not self.step > 0:
            raise Refusal(f"the scores of {name} come each {self.step:g} seconds: more than 0 are wanted.")
        if self.scores.ndim != 1 or not np.isfinite(self.scores).all():
            raise Refusal(f"the scores of {name} are not all numbers in one row.")
        if len(self.scores) and (self.scores.min() < 0 or self.scores.max() > 1):
            found = f"{self.scores.min():.3g} to {self.scores.max():.3g}"
            raise Refusal(f"the scores of {name} run from {found}: they must lie in 0 … 1.")

    def time(self, place: int) -> float:
        """The second at which a score is known."""
        return self.first + place * self.step


@dataclass(frozen=True)
class Heard:
    """A word of a recording, and how many seconds after its end it was heard; None: it was missed."""

    word: Word
    recording: str
    latency: float | None


@dataclass(frozen=True)
class FalseAlarm:
    """An alarm without a word."""

    recording: str
    second: float


@dataclass(frozen=True)
class Detection:
    """What alarms were worth: each word heard or missed, and the false alarms in some hours."""

    heard: tuple[Heard, ...]
    false: tuple[FalseAlarm, ...]
    repeats: int  # further alarms for a word already heard, which count for nothing
    hours: float  # in which an alarm would have been a false one

    @cached_property
    def missed(self) -> tuple[bool, ...]:
        """Of each word whether it was missed."""
        return tuple(one.latency is None for one in self.heard)

    @property
    def misses(self) -> int:
        """How many words were missed."""
        return sum(self.missed)

    @cached_property
    def latencies(self) -> tuple[float, ...]:
        """Seconds from the end of the word to its alarm, of all that were heard, rising."""
        return tuple(sorted(one.latency for one in self.heard if one.latency is not None))

    def latency(self, share: float = 0.5) -> float | None:
        """So late is that share of what was heard, at most (0.5: the median); None where nothing was."""
        if not self.latencies:
            return None
        return float(np.quantile(self.latencies, share, method="inverted_cdf"))

    def miss_rate(self) -> Share:
        """The share of words missed; its interval knows of speakers where they are known. Refuses no words."""
        return _missed(self.heard)

    def false_alarms(self) -> Rate:
        """False alarms an hour, with the exact interval; refuses no time."""
        return rate(len(self.false), self.hours)


def _missed(heard: Sequence[Heard]) -> Share:
    return share([one.latency is None for one in heard], [one.word.speaker for one in heard])


def detect(tracks: Sequence[Track], rule: Rule, window: Window = WINDOW) -> Detection:
    """What the alarms are worth that ``rule`` gives on scores of one word."""
    alarms = [[track.time(place) for place in rule.alarms(track.scores, track.step)] for track in tracks]
    return judged([track.recording for track in tracks], alarms, 0.0, window)


def judged(
    recordings: Sequence[Recording],
    alarms: Sequence[Sequence[float]],
    refractory: float = 1.0,
    window: Window = WINDOW,
) -> Detection:
    """What alarms are worth, given as seconds for each recording, whoever gave them.

    Those within ``refractory`` seconds after one that counts are left out. An alarm within the ``window`` of a word not
    heard so far is a hit, of several such words that of the earliest; within that of a word already heard it is a
    repetition; all others are false. Refuses other numbers of both.
    """
    if len(recordings) != len(alarms):
        raise Refusal(f"{len(recordings)} recordings and alarms of {len(alarms)}: there must be as many of both.")
    heard: list[Heard] = []
    false: list[FalseAlarm] = []
    repeats = 0
    for recording, times in zip(recordings, alarms):
        found = matched(list(_rested(times, refractory)), [word.end for word in recording.words], window)
        heard += [Heard(word, recording.name, late) for word, late in zip(recording.words, found.latencies)]
        false += [FalseAlarm(recording.name, second) for second in found.false]
        repeats += found.repeats
    hours = sum(exposed(recording, window) for recording in recordings) / HOUR
    return Detection(tuple(heard), tuple(false), repeats, hours)


def _rested(times: Sequence[float], refractory: float) -> Iterator[float]:
    last = -math.inf
    for time in sorted(times):
        if time - last >= refractory:
            yield time
            last = time


class Matched(NamedTuple):
    """Alarms of one recording, given to its words."""

    latencies: list[float | None]  # of each word, in the order given
    false: list[float]  # seconds
    repeats: int


def matched(times: Sequence[float], ends: Sequence[float], window: Window) -> Matched:
    """Rising alarms given to words by their ``ends``, each to the earliest not heard yet: so most words are heard."""
    order = sorted(range(len(ends)), key=ends.__getitem__)
    latencies: list[float | None] = [None] * len(ends)
    false: list[float] = []
    repeats = 0
    for time in times:
        near = [i for i in order if window.around(ends[i])[0] <= time <= window.around(ends[i])[1]]
        fresh = next((i for i in near if latencies[i] is None), None)
        if fresh is not None:
            latencies[fresh] = time - ends[fresh]
        elif near:
            repeats += 1
        else:
            false.append(time)
    return Matched(latencies, false, repeats)


def exposed(recording: Recording, window: Window = WINDOW) -> float:
    """Seconds of a recording in which an alarm would be a false one: all but the windows of its words."""
    taken = upto = 0.0
    for begin, end in sorted(window.around(word.end) for word in recording.words):
        begin, end = max(begin, upto), min(end, recording.seconds)
        taken += max(0.0, end - begin)
        upto = max(upto, end)
    return recording.seconds - taken
