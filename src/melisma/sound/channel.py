"""What microphones and lines do to sound: another level, peaks cut off, a telephone's narrow band."""

from __future__ import annotations

import numpy as np

from melisma.sound.fourier import fast
from melisma.sound.level import amplitude
from melisma.sound.resample import Samples, resampled

LINE = 8000  # samples a second on the telephone
BAND = (300.0, 3400.0)  # Hz that pass (ITU-T G.712)
EDGES = (200.0, 3800.0)  # Hz beyond which nothing passes
MU = 255  # of the companding law (ITU-T G.711)


def gained(samples: Samples, decibels: float) -> Samples:
    """Louder by so many decibels, or softer, (N,)."""
    return samples * np.float32(amplitude(decibels))


def clipped(samples: Samples, decibels: float) -> Samples:
    """All that exceeds the highest peak less so many decibels is cut off there, (N,)."""
    if not len(samples):
        return samples
    bound = np.float32(np.abs(samples).max() * amplitude(-decibels))
    return np.clip(samples, -bound, bound)


def telephone(samples: Samples, rate: int) -> Samples:
    """As it comes out of a telephone, (N,) at the same rate: 300 to 3400 Hz, in 8 bits of the mu-law.

    y = sign(x) ln(1 + μ |x|) / ln(1 + μ), rounded to 255 steps and turned back; what exceeds full scale is cut off. The
    band is cut without phase, so that everything stays in place.
    """
    if not len(samples):
        return samples
    line = _companded(_banded(resampled(samples, rate, LINE), LINE))
    back = resampled(line, LINE, rate)[: len(samples)]
    return np.pad(back, (0, len(samples) - len(back)))


def _banded(samples: Samples, rate: int) -> Samples:
    size = fast(len(samples) + rate // 50)
    passed = np.interp(np.arange(size // 2 + 1) * rate / size, (EDGES[0], *BAND, EDGES[1]), (0, 1, 1, 0))
    kept = np.fft.irfft(np.fft.rfft(samples, size) * passed.astype(np.float32), size)[: len(samples)]
    return kept.astype(np.float32, copy=False)


def _companded(samples: Samples) -> Samples:
    sign, size = np.sign(samples), np.minimum(np.abs(samples), 1)
    steps = np.rint(np.log1p(MU * size) / np.log1p(MU) * 127) / 127
    heard: Samples = (sign * np.expm1(steps * np.log1p(MU)) / MU).astype(np.float32)
    return heard


def bounded(samples: Samples, peak: float) -> Samples:
    """Softer where it must be so that nothing exceeds ``peak``, (N,)."""
    highest = float(np.abs(samples).max()) if len(samples) else 0.0
    return samples if highest <= peak else samples * np.float32(peak / highest)
