"""Frames brought to a mean of 0 and a deviation of 1, as they were in the training data."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melisma.errors import Refusal

Frames = NDArray[np.float32]

LEAST = 0.01  # of a deviation; what varies less, such as a band above all that was recorded, is only centred


@dataclass(frozen=True, eq=False)
class Normaliser:
    """(frame − mean) / deviation, each number of a frame by itself; mean and deviation (F,) are fixed.

    They come from the training data alone, so that an answer depends on nothing but the sound before it.
    """

    mean: Frames
    deviation: Frames

    def __post_init__(self) -> None:
        for name in ("mean", "deviation"):
            with np.errstate(over="ignore"):  # what float32 cannot hold is refused below
                value = np.array(getattr(self, name), np.float32)
            value.setflags(write=False)
            object.__setattr__(self, name, value)
        if self.mean.ndim != 1 or self.mean.shape != self.deviation.shape or not len(self.mean):
            raise Refusal(
                f"the mean of frames has shape {self.mean.shape} and the deviation {self.deviation.shape}: "
                "wants one number each for every number of a frame"
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(self.deviation).all() and (self.deviation > 0).all()):
            raise Refusal(
                "the mean or deviation of frames holds what is no number: wants finite ones, deviations above 0"
            )

    @classmethod
    def of(cls, frames: Iterable[NDArray[np.floating[Any]]]) -> Normaliser:
        """The mean and deviation of all frames (T, F) of all recordings, each frame counted once.

        Each recording's own mean and squared deviations are found in float64 and merged into those so far (Chan, Golub
        and LeVeque 1983), so that neither how many there are nor their order matters but for rounding. A number that
        deviates by less than 0.01 is only centred: its deviation is taken as 1. Raises Refusal where there is no frame.
        """
        count, mean, squares = 0, np.zeros(1), np.zeros(1)
        for some in frames:
            if not len(some):
                continue
            values = np.asarray(some, np.float64)
            own = values.mean(axis=0)
            total = count + len(values)
            apart = own - mean
            squares = squares + np.square(values - own).sum(axis=0) + np.square(apart) * (count * len(values) / total)
            mean = mean + apart * (len(values) / total)
            count = total
        if not count:
            raise Refusal("no recording is as long as one frame: wants longer recordings, or a shorter sound.window")
        deviation = np.sqrt(squares / count)
        return cls(mean.astype(np.float32), np.where(deviation < LEAST, 1.0, deviation).astype(np.float32))

    def __call__(self, frames: Frames) -> Frames:
        """Frames (T, F), normalised; raises ValueError for another number of features."""
        if frames.shape[-1:] != self.mean.shape:
            raise ValueError(f"frames of {frames.shape[-1]} numbers, {len(self.mean)} are wanted")
        found = np.subtract(frames, self.mean, dtype=np.float32)
        found /= self.deviation
        return found

    def require(self, features: int) -> None:
        """Refuses to be used for frames of another number of features."""
        if len(self.mean) != features:
            raise Refusal(f"The normaliser of frames is of {len(self.mean)} features: wants the {features} of a frame.")

    def to_json(self) -> dict[str, list[float]]:
        """Plain data for `from_json`: every float32 as the shortest number that is read back as it."""
        return {name: [float(str(value)) for value in getattr(self, name)] for name in ("mean", "deviation")}

    @classmethod
    def from_json(cls, data: object) -> Normaliser:
        """The normaliser from what `to_json` gave; raises Refusal for anything else."""
        if not isinstance(data, dict) or set(data) != {"mean", "deviation"}:
            raise Refusal("The normaliser of frames is no object with mean and deviation.")
        for name, values in data.items():
            if not isinstance(values, list) or not all(_is_number(value) for value in values):
                raise Refusal(f"The normaliser of frames has a {name} that is no list of numbers.")
        return cls(data["mean"], data["deviation"])


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
