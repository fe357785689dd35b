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
    """The mean of ln(E / m + floor), a number of nats for each of F bands, and the usual level ln m, in nats."""

    levelled: tuple[float, ...]
    usual: float

    def require(self, features: int) -> None:
        """Refuses to be used for frames of another number of features."""
        if len(self.levelled) != features:
            raise Refusal(f"The level of frames is of {len(self.levelled)} features: wants the {features} of a frame.")

    def to_json(self) -> dict[str, Any]:
        """Plain data for `from_json`."""
        return {"levelled": list(self.levelled), "usual": self.usual}

    @classmethod
    def from_json(cls, data: object) -> Level:
        """The level from what `to_json` gave; raises Refusal for anything else."""
        if not isinstance(data, dict) or set(data) != {"levelled", "usual"}:
            raise Refusal("The level of frames is no object with levelled and usual.")
        levelled, usual = data["levelled"], data["usual"]
        if not isinstance(levelled, list) or not all(map(_is_number, [*levelled, usual])):
            raise Refusal("The level of frames holds what is no number.")
        return cls(tuple(levelled), usual)


def measured(recordings: Iterable[Frames], floor: float) -> tuple[Normaliser, Level | None]:
    """The mean and deviation of all log-energies (T, F) of recordings; with a floor the mean of ln(E / m + floor), too.

    m is the mean energy of a recording. Raises Refusal where there is no frame.
    """
    if not floor:
        return Normaliser.of(recordings), None
    found = Normaliser.of(_beside(recordings, floor))
    size = len(found.mean) // 2
    levelled = tuple(map(float, found.mean[size:-1]))
    return Normaliser(found.mean[:size], found.deviation[:size]), Level(levelled, float(found.mean[-1]))


def _beside(recordings: Iterable[Frames], floor: float) -> Iterator[NDArray[np.float64]]:
    """(T, F + F + 1): log-energies, the same at one level, and the level."""
    for frames in recordings:
        if len(frames):
            logs = frames.astype(np.float64)
            level = np.log(np.exp(logs).mean())
            yield np.hstack((logs, np.logaddexp(logs - level, math.log(floor)), np.full((len(logs), 1), level)))


def _is_number(value: object) -> bool:
    return type(value) is float and math.isfinite(value)
