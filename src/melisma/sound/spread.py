"""From where to where something is said that was heard at one place of it: between two, where it is quiet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from melisma.sound.spoken import SILENCE, threshold

QUIET = 0.05  # seconds of quiet that are a pause
CLICK = 0.03  # seconds of sound that are too few to be speech
APART = 10.0  # decibels between the quiet and the loud of a recording, below which none of it is called quiet
REACH = 0.25  # seconds by which the first and the last reach beyond where they were heard, where nothing is quiet

Span = tuple[int, int]  # frames begin to end, the end left out


class Levels(NamedTuple):
    """How loud each frame of a recording is, and above what somebody may be speaking; -inf: always."""

    found: NDArray[np.float64]  # (T,) dB
    speaking: float


def levels(power: NDArray[np.float32]) -> Levels:
    """The levels of frames by their mean squares (T,); ``speaking`` is ``spoken.threshold``."""
    found: NDArray[np.float64] = 10 * np.log10(np.maximum(power.astype(np.float64), SILENCE))
    even = not len(found) or np.ptp(np.percentile(found, (10, 98))) < APART
    return Levels(found, -np.inf if even else threshold(found))


def spread(heard: Sequence[Span], begins: Collection[int], loud: Levels, seconds: float) -> list[Span]:
    """Where each of some symbols begins and ends, by where it was ``heard``, frames of so many ``seconds`` apart.

    ``begins`` are those that begin words. What lies between two belongs to both: words are parted by the longest pause
    between them (50 ms of quiet or more), else where it is quietest; symbols of a word in the middle. The first reaches
    back to the pause before it, the last on to the one behind. A word that was heard within a pause, as models do that
    know it before or after it is said, is first moved to the sound behind that pause, or the one before, where no other
    word was heard.
    """
    if not heard:
        return []
    pauses = _pauses(loud, seconds)
    heard = _sounding(heard, begins, pauses, len(loud.found))
    reach = len(loud.found) if np.isfinite(loud.speaking) else round(REACH / seconds)
    first, last = heard[0][0], heard[-1][1]
    begin = max([0, first - reach, *(min(after, first) for before, after in pauses if before < first)])
    end = min([len(loud.found), last + reach, *(max(before, last) for before, after in pauses if after > last)])
    parted = [
        _parted((one, other), pauses, loud, seconds) if place in begins and one < other else _halved(one, other)
        for place, ((_, one), (other, _)) in enumerate(pairwise(heard), 1)
    ]
    return list(zip([begin, *(after for _, after in parted)], [*(before for before, _ in parted), end]))


def _sounding(heard: Sequence[Span], begins: Collection[int], pauses: Sequence[Span], count: int) -> list[Span]:
    """The same, words that were heard within a pause moved out of it where there is room."""
    found = list(heard)
    firsts = [0, *sorted(set(begins) - {0}), len(heard)]
    for first, last in pairwise(firsts):
        where = next((one for one in pauses if one[0] <= found[first][0] and found[last - 1][1] <= one[1]), None)
        if where is None:
            continue
        before = max((after for _, after in pauses if after <= where[0]), default=0)
        behind = min((begin for begin, _ in pauses if begin >= where[1]), default=count)
        lower, upper = found[first - 1][1] if first else 0, found[last][0] if last < len(found) else count
        for begin, end in ((where[1], behind), (before, where[0])):
            if end - begin >= last - first and lower <= begin and end <= upper:
                edges = [begin + place * (end - begin) // (last - first) for place in range(last - first + 1)]
                found[first:last] = pairwise(edges)
                break
    return found


def _halved(begin: int, end: int) -> Span:
    middle = (begin + end + 1) // 2
    return middle, middle


def _parted(between: Span, pauses: Sequence[Span], loud: Levels, seconds: float) -> Span:
    """From where to where nothing is said between two words."""
    begin, end = between
    inside = [(max(before, begin), min(after, end)) for before, after in pauses if before < end and after > begin]
    if inside:
        return max(inside, key=lambda one: one[1] - one[0])
    size = max(1, round(QUIET / seconds))
    power = np.pad(10 ** (loud.found / 10), (size // 2, size - 1 - size // 2), mode="edge")
    at = begin + int(np.convolve(power, np.ones(size), "valid")[begin:end].argmin())
    return at, at


def _pauses(loud: Levels, seconds: float) -> list[Span]:
    """Where it is quiet for long enough; what is loud for an instant is a click."""
    quiet = np.ones(len(loud.found), bool)
    for begin, end in _runs(loud.found > loud.speaking, max(1, round(CLICK / seconds))):
        quiet[begin:end] = False
    return _runs(quiet, max(1, round(QUIET / seconds)))


def _runs(so: NDArray[np.bool_], least: int) -> list[Span]:
    """Where something is so for that many frames at least."""
    ends = np.flatnonzero(np.diff(np.concatenate(([False], so, [False]))))
    return [(begin, end) for begin, end in ends.reshape(-1, 2).tolist() if end - begin >= least]
