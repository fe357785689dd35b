"""SpecAugment: bands and spans of time hidden from a model that learns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.float32]


class Masks(NamedTuple):
    """How many masks, and how wide each may be."""

    bands: int  # masks over bands
    bands_by: float  # share of the bands that one covers, at most
    spans: int  # masks over time
    spans_by: float  # share of the frames that one covers, at most
    span: int  # frames that one covers, at most


def masked(frames: Frames, masks: Masks, random: np.random.Generator) -> Frames:
    """Frames (T, F) with bands and spans set to 0, (T, F); the frames are normalised, so that 0 is the mean.

    Each mask covers 0 … most rows or columns, evenly drawn, at a place evenly drawn (Park et al. 2019, without time
    warping; Park et al. 2020 for the share of the length). Spans draw from a seed: what is drawn of bands changes none.
    """
    length, width = frames.shape
    apart = np.random.default_rng(int(random.integers(0, 2**63)))
    bands = _drawn(random.random((masks.bands, 2)), int(masks.bands_by * width), width)
    spans = _drawn(apart.random((masks.spans, 2)), min(masks.span, int(masks.spans_by * length)), length)
    result = frames.copy()
    for begin, end in bands:
        result[:, begin:end] = 0
    for begin, end in spans:
        result[begin:end] = 0
    return result


def _drawn(drawn: NDArray[np.float64], most: int, length: int) -> NDArray[np.int64]:
    """Places (n, 2) of masks out of values (n, 2) from 0 to 1: begin and end."""
    widths = np.floor(drawn[:, 0] * (min(most, length) + 1))
    begins = np.floor(drawn[:, 1] * (length - widths + 1))
    return np.stack((begins, begins + widths), 1).astype(np.int64)
