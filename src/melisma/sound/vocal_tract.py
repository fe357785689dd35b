"""Frames as a longer or shorter throat would have given them: bands read at other frequencies."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from melisma.sound.features import Definition
from melisma.sound.mel import SCALES, Numbers

Frames = NDArray[np.float32]

TURN: Final = 0.8  # share of the highest frequency from which on the rest is squeezed or drawn out to fit


def perturbed(frames: Frames, definition: Definition, factor: float) -> Frames:
    """Bands (T, F) whose formants are ``factor`` times as high, (T, F).

    Each band takes the value that lies at its centre's frequency divided by ``factor``, between two bands that of both.
    Near the highest frequency S the map bends, so that S stays where it is: with c = 0.8 S · min(factor, 1) what lies
    above c is read evenly between c / factor and S (vocal tract length perturbation, Jaitly and Hinton 2013).
    """
    below, share = _places(definition, factor)
    return frames[:, below] * (1 - share) + frames[:, below + 1] * share


@lru_cache(64)
def _places(definition: Definition, factor: float) -> tuple[NDArray[np.int64], Frames]:
    """Between which two bands each one is read (F,): the lower of them, and how far from it."""
    scale = SCALES[definition.mel]
    lowest, highest = scale.there(np.array([definition.low, definition.high])).tolist()
    edges: Numbers = np.linspace(lowest, highest, definition.bands + 2)
    centres = edges[1:-1]
    found = (scale.there(_read_at(scale.back(centres), definition.high, factor)) - centres[0]) / (edges[1] - edges[0])
    found = np.clip(found, 0, definition.bands - 1)
    below = np.minimum(found.astype(np.int64), definition.bands - 2)
    return below, (found - below).astype(np.float32)


def _read_at(hertz: Numbers, highest: float, factor: float) -> Numbers:
    turn = TURN * highest * min(factor, 1.0)
    above = turn / factor + (hertz - turn) * (highest - turn / factor) / (highest - turn)
    return np.where(hertz <= turn, hertz / factor, above)
