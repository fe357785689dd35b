"""How loud somebody speaks: the level of the frames in which anybody does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from melisma.sound.resample import Samples

FRAME = 0.02  # seconds over which power is measured: a whole cycle of 50 Hz
MARGIN = 15.9  # decibels below the active level at which speech ends (ITU-T P.56)


def powers(samples: Samples, rate: int) -> NDArray[np.float64]:
    """Mean squares (n,) of frames of 20 ms side by side, about the mean of all samples (N,).

    What is left over at the end belongs to no frame, unless there is no other.
    """
    width = frame(rate)
    count = len(samples) // width
    if not count:
        return np.array([samples.var(dtype=np.float64)] if len(samples) else [], np.float64)
    whole = (samples - samples.mean(dtype=np.float64).astype(np.float32))[: count * width].reshape(count, width)
    power: NDArray[np.float64] = np.einsum("ij,ij->i", whole, whole).astype(np.float64) / width
    return power


def frame(rate: int) -> int:
    """The samples of a frame."""
    return max(1, round(FRAME * rate))


def active(power: NDArray[np.float64]) -> NDArray[np.bool_]:
    """In which frames of these mean squares (n,) somebody speaks: no more than 15.9 dB below the mean of just those.

    The rule of ITU-T P.56, on frames; it needs no guess of the noise. None in silence. It says which frames a level is
    taken of, room tone in between left out; when somebody begins and ends to speak is told by ``spoken`` alone.
    """
    ordered = np.sort(power)[::-1]
    means = np.cumsum(ordered) / np.arange(1, len(power) + 1)
    within = ordered[ordered >= means * 10 ** (-MARGIN / 10)]  # the loudest alone is: of all such sets, the largest
    heard: NDArray[np.bool_] = (power > 0) & (power >= within.min(initial=np.inf))
    return heard


def level(samples: Samples, rate: int) -> float:
    """The root of the mean square of samples (N,) in their active frames; 0 in silence."""
    return loudness(powers(samples, rate))


def loudness(power: NDArray[np.float64]) -> float:
    """The same, of the mean squares (n,) of frames."""
    heard = active(power)
    return float(np.sqrt(power[heard].mean())) if heard.any() else 0.0


def decibels(ratio: float) -> float:
    """20 log₁₀ of a ratio of amplitudes."""
    return 20 * float(np.log10(ratio))


def amplitude(decibels: float) -> float:
    """The ratio of amplitudes that so many decibels are."""
    return float(10 ** (decibels / 20))
