"""From where to where something is said that was heard at one place of it: between two, where it is quiet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from melisma.sound.pauses import Loudness
from melisma.sound.resample import Samples
from melisma.sound.spoken import SILENCE, threshold

QUIET = 0.05  # seconds of quiet that are a pause
APART = 10.0  # decibels between the quiet and the loud of a recording, below which none of it is called quiet
REACH = 0.25  # seconds by which the first and the last reach beyond where they were heard, where nothing is quiet

Span = tuple[int, int]  # frames begin to end, the end left out


class Levels(NamedTuple):
    """How loud each frame of a recording is, and above what somebody may be speaking; -inf: always."""

    found: NDArray[np.float64]  # (T,) dB
    speaking: float


def levels(samples: Samples, hop: int, count: int) -> Levels:
    """The levels of ``count`` frames of ``hop`` samples each; ``speaking`` is ``spoken.threshold``."""
    power = Loudness(hop).feed(samples, count).astype(np.float64)
    found: NDArray[np.float64] = 10 * np.log10(np.maximum(power, SILENCE))
    even = not count or np.ptp(np.percentile(found, (10, 98))) < APART
    return Levels(found, -np.inf if even else threshold(found))


def spread(heard: Sequence[Span], begins: Collection[int], loud: Levels, seconds: float) -> list[Span]:
    """Where each of some symbols begins and ends, by where it was ``heard``, frames of so many ``seconds`` apart.

    What lies between two belongs to both. Where the second of them, one of ``begins``, begins a word, it is parted by
    its longest pause (50 ms of quiet or more), else where it is quietest; within a word in the middle. The first
    reaches back to the pause before it, the last on to the one behind.
    """
    if not heard:
        return []
    pauses = _runs(loud.found <= loud.speaking, max(1, round(QUIET / seconds)))
    reach = len(loud.found) if np.isfinite(loud.speaking) else round(REACH / seconds)
    first, last = heard[0][0], heard[-1][1]
    begin = max([0, first - reach, *(min(after, first) for before, after in pauses if before < first)])
    end = min([len(loud.found), last + reach, *(max(before, last) for before, after in pauses if after > last)])
    parted = [
        _parted((one, other), pauses, loud, seconds) if place in begins and one < other else _halved(one, other)
        for place, ((_, one), (other, _)) in enumerate(pairwise(heard), 1)
    ]
    return list(zip([begin, *(after for _, after in parted)], [*(before for before, _ in parted), end]))


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


def _runs(quiet: NDArray[np.bool_], least: int) -> list[Span]:
    """Where it is quiet for so many frames at least."""
    ends = np.flatnonzero(np.diff(np.concatenate(([False], quiet, [False]))))
    return [(begin, end) for begin, end in ends.reshape(-1, 2).tolist() if end - begin >= least]
