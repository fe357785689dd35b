"""Where two files that should have been parallel stop being so, judged by the lengths of their lines alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

WINDOW = 40  # lines that must agree before a shift is believed
SHIFTS = 16  # lines that may be missing at the first place
GAIN = 0.1  # nats a line by which the shifted lines must fit better, averaged over a window
CAP = 2.0  # nats that one line may count, so that an odd line moves nothing

Floats = npt.NDArray[np.float64]


def parting(left: Sequence[int], right: Sequence[int]) -> int:
    """The index of the first line from which the lines fit better shifted than as they stand.

    `left`, `right`: characters of each line, of two files of unequal numbers of lines. Lines fit when the logarithm of
    the ratio of their lengths is near its mean (after Gale and Church 1993). Gives the shorter file's length when no
    shift explains anything, that is, when the longer file only goes on.
    """
    short, long = sorted((np.asarray(left, np.float64), np.asarray(right, np.float64)), key=len)
    if len(short) == 0:
        return 0
    middle = np.log(short.mean() + 1) - np.log(long.mean() + 1)
    short, long = np.log(short + 1) - middle, np.log(long + 1)
    straight = _misfit(short, long)
    missing = len(long) - len(short)
    shifts = sorted({*range(1, min(missing, SHIFTS) + 1), missing} - {0})
    first = _first_window(short, long, straight, shifts)
    if first is not None:
        return first
    return _best_split(straight - _misfit(short, long[missing:]), 0)


def _misfit(short: Floats, long: Floats) -> Floats:
    return np.minimum(np.abs(short - long[: len(short)]), CAP)


def _first_window(short: Floats, long: Floats, straight: Floats, shifts: Sequence[int]) -> int | None:
    """The first line at which one of the shifts pays over a whole window."""
    if len(short) < 2 * WINDOW:
        return None
    found: list[tuple[int, int]] = []
    gains = {shift: straight - _misfit(short, long[shift:]) for shift in shifts}
    for shift, gain in gains.items():
        sums = np.cumsum(gain)
        windows = np.concatenate((sums[WINDOW - 1 : WINDOW], sums[WINDOW:] - sums[:-WINDOW])) / WINDOW
        above = np.flatnonzero(windows > GAIN)
        if len(above):
            found.append((int(above[0]), shift))
    if not found:
        return None
    begin, shift = min(found)
    return _best_split(gains[shift][begin : begin + 2 * WINDOW], begin)


def _best_split(gain: Floats, begin: int) -> int:
    """The index from which on the gains sum to most; the end if every such sum is zero or less."""
    tails = np.append(np.cumsum(gain[::-1])[::-1], 0.0)
    tails[np.abs(tails) < 1e-9] = 0.0
    return begin + len(tails) - 1 - int(np.argmax(tails[::-1]))
