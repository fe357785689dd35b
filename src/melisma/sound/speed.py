"""Faster and slower, higher and lower: another speaker out of the same clip."""

from __future__ import annotations

from typing import Any

import numpy as np

from melisma.errors import Refusal
from melisma.sound.resample import Samples
from melisma.sound.unusable import lacking

WINDOW = 0.03  # seconds that are moved as one: two periods of a low voice
REACH = 0.006  # seconds that each may slide to where it fits: half a period of a voice of 83 Hz
SLOWEST, FASTEST = 0.25, 4.0
PASSED = 0.95  # share of the frequencies, of the lower of both rates, that resampling keeps


def speed(samples: Samples, factor: float) -> Samples:
    """The clip (N,) played ``factor`` times as fast: (⌊N / factor + ½⌋,); pitch and formants go up by the same factor.

    What was at t seconds is at t / factor (Ko et al. 2015). By resampling with the library soxr ("MQ": 16 bits): what
    it adds is 100 dB softer than the clip, as is the rounding of a recording in 16 bits.
    """
    _check(factor)
    if factor == 1 or not len(samples):
        return samples
    wanted = int(len(samples) / factor + 0.5)
    return _fitted(_soxr().resample(samples, factor, 1.0, "MQ"), wanted)


def pitch(samples: Samples, rate: int, factor: float) -> Samples:
    """The clip (N,) with pitch and formants ``factor`` times as high, (N,): stretched in time, then played faster.

    What happens at t seconds stays there, to within 6 ms.
    """
    _check(factor)
    if factor == 1 or not len(samples):
        return samples
    return _fitted(speed(stretched(samples, rate, factor), factor), len(samples))


def stretched(samples: Samples, rate: int, factor: float) -> Samples:
    """The clip (N,) ``factor`` times as long at the same pitch: (⌊N · factor + ½⌋,).

    Windows of 30 ms that overlap by half are taken from every t / factor and added at t, each slid by up to 6 ms to
    where it is most like what would have followed the one before it: waveform similarity overlap-add, WSOLA (Verhelst
    and Roelands 1993), by normalised cross-correlation over the half that overlaps.
    """
    _check(factor)
    count = int(len(samples) * factor + 0.5)
    half, reach = max(1, round(WINDOW / 2 * rate)), round(REACH * rate)
    window = np.hanning(2 * half + 1)[:-1].astype(np.float32)  # periodic: halves add up to 1
    steps = -(-count // half) + 1
    taken = np.round(np.arange(steps) * half / factor).astype(np.int64) + reach  # where each window begins, unslid
    padded = np.zeros(int(taken[-1]) + reach + 3 * half, np.float32)
    padded[half + reach : half + reach + len(samples)] = samples
    energy = np.cumsum(np.concatenate(([0.0], np.square(padded, dtype=np.float64))))
    result = np.zeros((steps + 1) * half, np.float32)
    begin = int(taken[0])
    for step in range(steps):
        if step:
            begin = _most_like(padded, energy, begin + half, int(taken[step]), half, reach)
        result[step * half : (step + 2) * half] += padded[begin : begin + 2 * half] * window
    return result[half : half + count]


def _most_like(padded: Samples, energy: Any, follows: int, taken: int, half: int, reach: int) -> int:
    """Where around ``taken`` the samples are most like those that follow; the nearest where nothing is."""
    first = taken - reach
    likeness = np.correlate(padded[first : taken + reach + half], padded[follows : follows + half])
    power = energy[first + half : taken + reach + half + 1] - energy[first : taken + reach + 1]
    best = int(np.argmax(likeness / np.sqrt(np.maximum(power, 1e-12))))
    return first + best if likeness[best] > 0 else taken


def _fitted(samples: Samples, count: int) -> Samples:
    """Cut to ``count`` samples, or its last one repeated: for lengths that rounding moves by one."""
    if len(samples) < count:
        samples = np.pad(samples, (0, count - len(samples)), mode="edge")
    return samples[:count]


def _check(factor: float) -> None:
    if not SLOWEST <= factor <= FASTEST:
        raise Refusal(f"{factor:g} times as fast or high: wants a factor of {SLOWEST} to {FASTEST}")


def _soxr() -> Any:
    try:
        import soxr
    except ImportError:
        raise lacking("another speed or pitch", "soxr") from None
    return soxr
