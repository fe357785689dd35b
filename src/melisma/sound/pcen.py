"""Energies divided by how loud each band has been lately: per-channel energy normalisation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from melisma.errors import Refusal

Frames = NDArray[np.float32]


class Loudness(NamedTuple):
    """What is remembered between frames: the smoothed energy of each band (F,); nothing before the first frame."""

    smooth: Frames | None = None


@dataclass(frozen=True)
class Pcen:
    """(E / (ε + M)^α + δ)^r − δ^r, where M ← M + s (E − M) follows the energies E and begins as the first of them.

    It looks at nothing that comes later, and hears a voice alike near and far: at α = 1 a gain would cancel. s is
    ``smoothing``, α ``gain``, δ ``bias``, r ``power``, ε ``least`` (energy). Source: Wang, Getreuer, Hughes, Lyon and
    Saurous 2017 (equations 1 and 2), with their fixed values. Raises Refusal for numbers outside their range.
    """

    smoothing: float = 0.025
    gain: float = 0.98
    bias: float = 2.0
    power: float = 0.5
    least: float = 1e-6

    def __post_init__(self) -> None:
        for name, highest in (("smoothing", 1.0), ("gain", 1.0), ("bias", 1e6), ("power", 1.0), ("least", 1e6)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= highest:
                raise Refusal(f"{name} of PCEN is {value!r:.40}: wants a number above 0 and at most {highest:g}")

    def start(self) -> Loudness:
        """The state before the first frame."""
        return Loudness()

    def feed(self, state: Loudness, energies: Frames) -> tuple[Loudness, Frames]:
        """More energies (T, F) -> state, values (T, F): the same bits however the frames are cut."""
        if not len(energies):
            return state, energies.copy()
        smooth = np.empty_like(energies)
        last = energies[0] if state.smooth is None else state.smooth
        for now, out in zip(energies, smooth, strict=True):
            np.subtract(now, last, out=out)
            out *= np.float32(self.smoothing)
            out += last
            last = out
        return Loudness(last.copy()), self._pressed(energies, smooth)

    def _pressed(self, energies: Frames, smooth: Frames) -> Frames:
        """The values of energies at these loudnesses; ``smooth`` is overwritten."""
        np.add(smooth, np.float32(self.least), out=smooth)
        np.log(smooth, out=smooth)
        smooth *= np.float32(-self.gain)
        np.exp(smooth, out=smooth)
        smooth *= energies
        smooth += np.float32(self.bias)
        np.log(smooth, out=smooth)
        smooth *= np.float32(self.power)
        np.exp(smooth, out=smooth)
        smooth -= np.float32(self.bias**self.power)
        return smooth


def following(hop: float, adaptation: float) -> float:
    """The smoothing s = 1 − exp(−hop / adaptation) that follows a level within ``adaptation``, both in milliseconds."""
    return -math.expm1(-hop / adaptation)
