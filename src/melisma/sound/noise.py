"""Noise behind speech, at a stated distance in decibels."""

from __future__ import annotations

import numpy as np

from melisma.sound.fourier import coloured
from melisma.sound.level import amplitude, level
from melisma.sound.resample import Samples

COLOURS = 257  # bands that hiss is made of
HUSH = 1e-4  # amplitude of a hush


def noisy(samples: Samples, noise: Samples, rate: int, decibels: float) -> Samples:
    """The clip (N,) with noise (N,) behind it, so many decibels softer than its active frames: s + g n, (N,).

    g = level(s) / rms(n) · 10^(−decibels / 20). Silence stays silence, and silent noise adds nothing.
    """
    if len(noise) != len(samples):
        raise ValueError(f"{len(noise)} samples of noise for a clip of {len(samples)}")
    if not len(samples):
        return samples
    loud = level(samples, rate)
    behind = float(np.sqrt(np.mean(np.square(noise - np.float32(noise.mean(dtype=np.float64))))))
    if not loud or not behind:
        return samples
    return samples + noise * np.float32(loud / behind * amplitude(-decibels))


def hush(count: int, random: np.random.Generator) -> Samples:
    """What is heard where nothing is, (``count``,): white noise at 80 dB below full scale."""
    return (HUSH * random.standard_normal(count)).astype(np.float32)


def hiss(count: int, random: np.random.Generator) -> Samples:
    """Noise (``count``,) of mean square 1, between white and brown: power goes with f^s, s evenly drawn from −2 … 0."""
    slope = -2 * random.random()
    bands = np.maximum(np.arange(COLOURS), 2.0)
    return coloured(bands ** (slope / 2), count, random)
