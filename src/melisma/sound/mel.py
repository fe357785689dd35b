"""Bands as wide as the ear's: triangles over the bins of a Fourier transform, evenly spaced in mel."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

BREAK = 1000.0  # hertz up to which Slaney's scale is linear, at 200/3 Hz a mel
STEP = np.log(6.4) / 27  # what a mel above that adds to the logarithm of the frequency


def mel(hertz: Numbers) -> Numbers:
    """1127 ln(1 + f / 700) (O'Shaughnessy 1987; HTK and Kaldi)."""
    return 1127.0 * np.log1p(hertz / 700.0)


def hertz(mels: Numbers) -> Numbers:
    """The frequency that lies at a place of `mel`."""
    return 700.0 * np.expm1(mels / 1127.0)


def slaney_mel(hertz: Numbers) -> Numbers:
    """3 f / 200 up to 1 kHz and 15 + 27 ln(f / 1000) / ln 6.4 above (Slaney 1998, Auditory Toolbox; librosa)."""
    return np.where(hertz < BREAK, hertz * 3 / 200, BREAK * 3 / 200 + np.log(np.maximum(hertz, BREAK) / BREAK) / STEP)


def slaney_hertz(mels: Numbers) -> Numbers:
    """The frequency that lies at a place of `slaney_mel`."""
    linear = BREAK * 3 / 200
    return np.where(mels < linear, mels * 200 / 3, BREAK * np.exp(STEP * (np.maximum(mels, linear) - linear)))


class Scale(NamedTuple):
    """How triangles are laid: where bands lie, along which axis their slopes are straight, and how high they are."""

    there: Callable[[Numbers], Numbers]  # hertz -> mel
    back: Callable[[Numbers], Numbers]  # mel -> hertz
    straight: str  # "hertz" or "mel"
    area: bool  # whether each triangle has the same area over hertz; otherwise its peak is 1


SCALES = {
    "htk": Scale(mel, hertz, "hertz", False),
    "kaldi": Scale(mel, hertz, "mel", False),
    "slaney": Scale(slaney_mel, slaney_hertz, "hertz", True),
}
"""``htk`` is torchaudio's default, ``kaldi`` Kaldi's, ``slaney`` librosa's."""


def _laid(scale: Scale, rate: int, fft: int, bands: int, limits: tuple[float, float]) -> tuple[Numbers, Numbers]:
    """The bands + 2 edges and the fft/2 bins along the axis on which slopes are straight."""
    lowest, highest = scale.there(np.array(limits, np.float64)).tolist()
    mels: Numbers = np.linspace(lowest, highest, bands + 2)
    bins: Numbers = np.arange(fft // 2, dtype=np.float64) * rate / fft
    return (scale.back(mels), bins) if scale.straight == "hertz" else (mels, scale.there(bins))


def without_bins(scale: Scale, rate: int, fft: int, bands: int, limits: tuple[float, float]) -> NDArray[np.intp]:
    """The bands of `triangles` that are columns of zeros, from 0: no bin lies within their edges."""
    edges, places = _laid(scale, rate, fft, bands, limits)
    return np.flatnonzero(places.searchsorted(edges[:-2], "right") >= places.searchsorted(edges[2:]))


def triangles(scale: Scale, rate: int, fft: int, bands: int, limits: tuple[float, float]) -> Numbers:
    """Weights (fft/2, bands) of the bins k · rate / fft in triangles between ``limits`` (hertz).

    Band b rises from edge b to edge b + 1 and falls to edge b + 2, the bands + 2 edges evenly spaced in mel. The bin at
    half the rate has no row: no triangle reaches beyond. A column of zeros is a band narrower than bins are apart.
    """
    edges, places = _laid(scale, rate, fft, bands, limits)
    widths = np.diff(edges)
    rising = (places[:, None] - edges[:-2]) / widths[:-1]
    falling = (edges[2:] - places[:, None]) / widths[1:]
    weights: Numbers = np.maximum(0.0, np.minimum(rising, falling))
    if scale.area:
        weights *= 2.0 / (edges[2:] - edges[:-2])
    return weights


def power_of_two(least: int) -> int:
    """The first power of two that is no less: the shortest transform of so many samples that is quick."""
    return 1 << (least - 1).bit_length()


def cosines(bands: int, coefficients: int) -> Numbers:
    """The first cosines (bands, coefficients), orthonormal: √(2/B) cos(π k (b + ½) / B), k = 0 times √½ (DCT-II)."""
    angles = np.pi / bands * (np.arange(bands)[:, None] + 0.5) * np.arange(coefficients)
    table: Numbers = np.sqrt(2.0 / bands) * np.cos(angles)
    table[:, 0] *= np.sqrt(0.5)
    return table


def lifter(coefficients: int, length: float) -> Numbers:
    """1 + L/2 sin(π k / L) for coefficient k (Juang, Rabiner and Wilpon 1987; HTK and Kaldi); ones where L is 0."""
    if not length:
        return np.ones(coefficients)
    table: Numbers = 1.0 + 0.5 * length * np.sin(np.pi * np.arange(coefficients) / length)
    return table
