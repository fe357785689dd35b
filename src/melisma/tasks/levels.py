"""How loud training sound is: of its frames as they are, and brought to one level over a floor."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melisma.errors import Refusal
from melisma.sound.features import Frames
from melisma.sound.normalise import Normaliser


@dataclass(frozen=True)
class Level:
    """What brings levelled frames to a mean of 0 and a deviation of 1, and the usual level, in nats."""

    levelled: Normaliser
    usual: float

    def to_json(self) -> dict[str, Any]:
        """Plain data for `from_json`."""
        return {"levelled": self.levelled.to_json(), "usual": self.usual}

    @classmethod
    def from_json(cls, data: object) -> Level:
        """The level from what `to_json` gave; raises Refusal for anything else."""
        if not isinstance(data, dict) or set(data) != {"levelled", "usual"}:
            raise Refusal("The level of frames is no object with levelled and usual.")
        if type(data["usual"]) is not float or not math.isfinite(data["usual"]):
            raise Refusal("The level of frames has a usual one that is no number.")
        return cls(Normaliser.from_json(data["levelled"]), data["usual"])


def measured(recordings: Iterable[Frames], floor: float) -> tuple[Normaliser, Level | None]:
    """The mean and deviation of all log-energies (T, F) of recordings; with a floor those of ln(E / m + floor), too.

    m is the mean energy of a recording. Raises Refusal where there is no frame.
    """
    if not floor:
        return Normaliser.of(recordings), None
    found = Normaliser.of(_beside(recordings, floor))
    size = len(found.mean) // 2
    plain, levelled = (Normaliser(found.mean[part], found.deviation[part]) for part in (slice(size), slice(size, -1)))
    return plain, Level(levelled, float(found.mean[-1]))


def _beside(recordings: Iterable[Frames], floor: float) -> Iterator[NDArray[np.float64]]:
    """(T, F + F + 1): log-energies, the same at one level, and the level."""
    for frames in recordings:
        if len(frames):
            logs = frames.astype(np.float64)
            level = np.log(np.exp(logs).mean())
            yield np.hstack((logs, np.logaddexp(logs - level, math.log(floor)), np.full((len(logs), 1), level)))
