"""When what a spotter hears counts: smoothed over a moment, over a threshold, and not again until it has fallen.

Scores come step by step; whatever they are cut into, the same alarms come out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from melisma.settings.spotter import DecisionSettings

Scores = NDArray[np.float32]
NEVER = float(np.nextafter(1.0, 2.0))  # a threshold above all scores, where even background has a score of 1


class Alarm(NamedTuple):
    """A word was heard: which, at which step (from 0), and its smoothed score there."""

    word: int
    step: int
    score: float


class DecisionState(NamedTuple):
    """What came before the next step."""

    recent: Scores  # (smoothing - 1, words) the last scores, zeros before the first step
    armed: NDArray[np.bool_]  # (words,) whether the score has fallen since the last alarm
    free: NDArray[np.int64]  # (words,) the first step at which a word may be heard again
    step: int  # the number of the next step


class Decision(NamedTuple):
    """p_t = mean of the last ``smoothing`` scores; word w is heard where p_tw >= threshold_w, is armed and free.

    Where several are at once, it is the one furthest above its threshold, in odds. A word that was heard is armed again
    once p falls below ``release`` times its threshold, and free after ``refractory`` steps; the others are free after
    ``apart``, so that one sound is not heard as two words.
    """

    thresholds: tuple[float, ...]  # of each word
    smoothing: int  # steps, 1 or more
    release: float
    refractory: int  # steps
    apart: int  # steps

    @staticmethod
    def of(settings: DecisionSettings, thresholds: Sequence[float], step: float) -> Decision:
        """By settings in seconds, for scores that come every ``step`` seconds; each counts for at least one of them."""
        smoothing, refractory, apart = (
            max(1, round(seconds / step)) for seconds in (settings.smoothing, settings.refractory, settings.apart)
        )
        return Decision(tuple(thresholds), smoothing, settings.release, refractory, apart)

    def start(self) -> DecisionState:
        """Before the first step of one stream."""
        words = len(self.thresholds)
        recent = np.zeros((self.smoothing - 1, words), np.float32)
        return DecisionState(recent, np.ones(words, np.bool_), np.zeros(words, np.int64), 0)

    def feed(self, state: DecisionState, scores: Scores) -> tuple[DecisionState, list[Alarm]]:
        """Scores (t, words) of the next steps, probabilities -> the alarms among them."""
        count = len(scores)
        if not count:
            return state, []
        joined = np.concatenate((state.recent, scores), dtype=np.float32)
        smooth = smoothed(joined, self.smoothing)
        thresholds = np.asarray(self.thresholds)  # in float64: one that no score reaches may lie just above 1
        armed, free, alarms = state.armed.copy(), state.free.copy(), list[Alarm]()
        over, under = smooth >= thresholds, smooth < self.release * thresholds
        if not over.any():
            armed |= under.any(0)
        else:
            for t in range(count):
                armed |= under[t]
                chosen = self._chosen(smooth[t], over[t] & armed & (free <= state.step + t))
                if chosen is not None:
                    alarms.append(Alarm(chosen, state.step + t, float(smooth[t, chosen])))
                    armed[chosen] = False
                    np.maximum(free, state.step + t + self.apart, out=free)
                    free[chosen] = state.step + t + self.refractory
        return DecisionState(joined[count:], armed, free, state.step + count), alarms

    def _chosen(self, p: Scores, heard: NDArray[np.bool_]) -> int | None:
        places = np.flatnonzero(heard)
        if not len(places):
            return None
        return int(max(places, key=lambda word: _odds(float(p[word])) - _odds(self.thresholds[word])))


def smoothed(joined: Scores, smoothing: int) -> Scores:
    """(smoothing - 1 + t, words) -> (t, words): the mean of each step and those before it, added in their order."""
    count = len(joined) - smoothing + 1
    total = joined[:count].copy()
    for k in range(1, smoothing):
        total += joined[k : k + count]
    total /= smoothing
    return total


def peaks(smooth: Scores, least: float, apart: int, most: int) -> list[int]:
    """Steps of the ``most`` highest scores (T,) of ``least`` or more, the highest first, each ``apart`` from a higher.

    Where nothing was said these are the false alarms to learn from, and those that nearly were.
    """
    left, found = smooth.copy(), list[int]()
    while len(found) < most and len(left):
        place = int(left.argmax())
        if left[place] < least:
            break
        found.append(place)
        left[max(0, place - apart + 1) : place + apart] = -np.inf
    return found


def _odds(p: float) -> float:
    p = min(max(p, 1e-12), 1 - 1e-12)
    return float(np.log(p) - np.log1p(-p))
