"""Long filters and noise of a given colour, by the fast Fourier transform."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from melisma.sound.resample import Samples

BLOCK = 1 << 15  # samples: a transform of that many still lies in a processor's second cache


@lru_cache(maxsize=1024)
def fast(count: int) -> int:
    """The least even number of ``count`` or more without prime factors above 5: quick to transform."""
    best = 1 << max(1, (count - 1).bit_length())
    fives = 1
    while fives < best:
        threes = fives
        while threes < best:
            twos = max(1, -(-count // threes) - 1).bit_length()
            best = min(best, threes << max(1, twos))
            threes *= 3
        fives *= 5
    return best


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

    It is drawn as a spectrum, with nothing at 0 Hz. Always draws the same number of values for the same ``count``.
    """
    if not count:
        return np.zeros(0, np.float32)
    size = fast(count)
    half = size // 2 + 1
    drawn = random.standard_normal((2, half), np.float32)
    bins = np.interp(np.arange(half), np.linspace(0, half - 1, len(spectrum)), spectrum).astype(np.float32)
    bins[0] = 0
    noise = np.fft.irfft((drawn[0] + 1j * drawn[1]) * bins, size)[:count]
    power = float(np.mean(np.square(noise, dtype=np.float64)))
    return (noise / np.sqrt(power)).astype(np.float32) if power > 0 else np.zeros(count, np.float32)
