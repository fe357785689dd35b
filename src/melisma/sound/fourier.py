"""Long filters and noise of a given colour, by the fast Fourier transform."""

from __future__ import annotations

from bisect import bisect_left
from functools import cache

import numpy as np
from numpy.typing import NDArray

from melisma.sound.resample import Samples

BLOCK = 1 << 15  # samples: a transform of that many still lies in a processor's second cache


def fast(count: int) -> int:
    """The least even number of ``count`` or more without prime factors above 5: quick to transform."""
    known = _quick(max(1, (count - 1).bit_length()))
    return known[bisect_left(known, count)]


@cache
def _quick(bits: int) -> tuple[int, ...]:
    """All even numbers without prime factors above 5 above half of 2^bits and up to it, in order."""
    most = 1 << bits
    found = set()
    for fives in range(bits):
        for threes in range(bits):
            odd = 3**threes * 5**fives
            found |= {odd << twos for twos in range(1, bits + 1) if most // 2 < odd << twos <= most}
    return tuple(sorted(found))


def convolved(samples: Samples, taps: Samples) -> Samples:
    """The convolution (N + K − 1,) of samples (N,) with taps (K,): overlap and add, in blocks that fit the cache."""
    if not len(samples) or not len(taps):
        return np.zeros(0, np.float32)
    total = len(samples) + len(taps) - 1
    size = fast(min(total, max(BLOCK, 4 * len(taps))))
    block = size - len(taps) + 1
    count = -(-len(samples) // block)
    rows = np.zeros((count, block), np.float32)
    rows.ravel()[: len(samples)] = samples
    parts = np.fft.irfft(np.fft.rfft(rows, size) * np.fft.rfft(taps, size), size).astype(np.float32, copy=False)
    if count == 1:
        return parts[0, :total]
    result = np.zeros(count * block + size, np.float32)
    for i, part in enumerate(parts):
        result[i * block : i * block + size] += part
    return result[:total]


def coloured(spectrum: NDArray[np.floating], count: int, random: np.random.Generator) -> Samples:
    """Gaussian noise (``count``,) of mean square 1, its amplitudes as in ``spectrum`` (K,), from 0 to half the rate.

    It is drawn as a spectrum, with nothing at 0 Hz; its lines are evenly drawn, which is quick, and their sum is
    Gaussian wherever they are many. Always draws the same number of values for the same ``count``.
    """
    if not count:
        return np.zeros(0, np.float32)
    size = fast(count)
    half = size // 2 + 1
    lines = (random.random((half, 2), np.float32) - np.float32(0.5)).view(np.complex64)[:, 0]
    sounding, last = np.flatnonzero(spectrum), len(spectrum) - 1
    begin = max(1, (int(sounding[0]) - 1) * (half - 1) // max(1, last)) if len(sounding) else half
    lines[:begin] = 0
    lines[begin:] *= np.interp(np.arange(begin, half) * last / (half - 1), np.arange(last + 1), spectrum)
    noise = np.fft.irfft(lines, size)[:count].astype(np.float32, copy=False)
    power = float(np.mean(np.square(noise)))
    return noise * np.float32(power**-0.5) if power > 0 else np.zeros(count, np.float32)
