"""Frames as another microphone would have given them: some bands louder, others softer, all along."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from melisma.sound.features import LOGARITHMS, Definition

Frames = NDArray[np.float32]

WAVES: Final = 4  # cosines over the bands that a curve is made of: microphones and rooms colour broadly


def equalised(frames: Frames, definition: Definition, decibels: float, random: Generator) -> Frames:
    """Frames (T, F) of ``log_mel`` through a drawn equaliser, (T, F).

    c_b = Σ_k a_k cos(π k (b + ½) / F) decibels are added to band b, k = 1 … 4: a smooth curve whose a_k are normally
    distributed with deviations that fall with √2^(k − 1), so that c has the deviation ``decibels``.
    """
    numbers = np.arange(1, WAVES + 1)
    fall = np.sqrt(2.0) ** (1 - numbers)
    heights = decibels * random.standard_normal(WAVES) * fall / np.sqrt(np.square(fall).sum() / 2)
    curve = heights @ np.cos(np.pi * np.outer(numbers, (np.arange(definition.bands) + 0.5) / definition.bands))
    found: Frames = frames + (LOGARITHMS[definition.logarithm] * np.log(10.0) / 10 * curve).astype(np.float32)
    return found
