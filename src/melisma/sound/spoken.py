"""When in a recording of one thing somebody begins and ends to speak, by its energy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from melisma.sound.resample import Samples

WINDOW, HOP = 0.02, 0.01  # seconds over which energy is measured, and from one such window to the next
BELOW = 30.0  # dB below the loudest that still count, where the room is quiet
SHARE = 0.4  # of the way from the room's level to the loudest that must be passed, where it is not
PAUSE = 0.25  # seconds of quiet within what is said: the closure of a plosive, or between two words
SILENCE = 1e-10  # power that stands for none: 100 dB below full scale


def levels(samples: Samples, rate: int) -> NDArray[np.float64]:
    """(T,) dB of the energy in windows of 20 ms, 10 ms apart, window t from t * 10 ms; zeros behind a short end."""
    window, hop = round(WINDOW * rate), round(HOP * rate)
    count = 1 + max(0, -(-(len(samples) - window) // hop))
    sums = np.zeros((count - 1) * hop + window + 1)
    np.cumsum(np.square(samples, dtype=np.float64), out=sums[1 : len(samples) + 1])
    sums[len(samples) + 1 :] = sums[len(samples)]
    starts = hop * np.arange(count)
    return 10 * np.log10(np.maximum((sums[starts + window] - sums[starts]) / window, SILENCE))


def threshold(found: NDArray[np.float64]) -> float:
    """The level above which somebody speaks, by levels (T,) of a recording of one thing.

    40 % of the way from the room (the 10th percentile) to the loudest (the 98th), and 30 dB below that or more.
    """
    room, loudest = np.percentile(found, (10, 98))
    return float(max(room + SHARE * (loudest - room), loudest - BELOW))


def spoken(samples: Samples, rate: int) -> tuple[float, float]:
    """When what is said begins and ends, in seconds, to 10 ms: the stretch of loud windows with the most energy.

    Windows above ``threshold`` less than 250 ms apart are one stretch, so that a click or a cough besides is left out.
    A recording whose level never differs is spoken from its beginning to its end.
    """
    found = levels(samples, rate)
    places = np.flatnonzero(found > threshold(found))
    if not len(places):
        return 0.0, len(samples) / rate
    stretches = np.split(places, np.flatnonzero(np.diff(places) * HOP > PAUSE) + 1)
    loudest = max(stretches, key=lambda stretch: float((10 ** (found[stretch] / 10)).sum()))
    aside = (WINDOW - HOP) / 2  # windows overlap by half: of each its middle counts
    begin, end = loudest[0] * HOP + aside, loudest[-1] * HOP + WINDOW - aside
    return float(begin), min(len(samples) / rate, float(end))
