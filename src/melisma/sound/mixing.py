"""Several channels as one: their mean where they agree, otherwise the one that holds the sound."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

LOUDEST: Final = 1e5  # a sample of a file beyond this is damage: a recording lies in −1 … 1, as integers in ±32768
AGREEING = 0.9  # of the loudest channel's energy, which the mean has to keep: half a decibel may be lost


class Levels:
    """How much sound there is in each channel of a recording and in their mean, gathered block by block.

    Energies are about the mean, E = Σx² - (Σx)²/N, so that a channel with an offset and nothing else has none; samples
    that are no numbers of sound (``lawful``) are counted and left out.
    """

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self._counts, self._sums, self._squares = (np.zeros(channels + 1) for _ in range(3))
        self._rows = 0

    def add(self, frames: Samples) -> None:
        """One more block (n, channels)."""
        columns = np.empty((self.channels + 1, len(frames)))  # a channel after the other: sums are quick along them
        columns[:-1] = frames.T
        with np.errstate(invalid="ignore"):  # of +∞ and −∞ in two channels there is no mean
            columns[:-1].mean(0, out=columns[-1])
        numbers = lawful(columns)
        if not numbers.all():
            columns[~numbers] = 0.0
        self._rows += len(frames)
        self._counts += numbers.sum(1)
        self._sums += columns.sum(1)
        self._squares += np.einsum("ij,ij->i", columns, columns)

    def chosen(self) -> int | None:
        """The channel to be used, counted from 0; None: the mean of all.

        The mean, if it keeps AGREEING of the energy of the loudest; of channels in antiphase it keeps nothing, of one
        beside a dead one a quarter. A channel with samples that are no numbers is not used beside one without.
        """
        energies = self._squares - self._sums**2 / np.maximum(self._counts, 1)
        lost = self._rows - self._counts[:-1]
        whole = lost == lost.min()
        loudest = int(np.where(whole, energies[:-1], -1.0).argmax())
        agree = bool(whole.all()) and energies[-1] >= AGREEING * energies[loudest]
        return None if agree else loudest


def lawful(samples: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which samples can be sound: numbers, finite and within ±LOUDEST."""
    found: NDArray[np.bool_] = np.abs(samples) <= LOUDEST
    return found


def mixed(frames: Samples, channel: int | None) -> Samples:
    """One channel (n,) of a block (n, channels): the one with this number, or None: the mean."""
    if channel is None and frames.shape[1] > 1:
        with np.errstate(invalid="ignore"):  # of +∞ and −∞
            mean: Samples = frames.mean(1, dtype=np.float64).astype(np.float32)
        return mean
    return np.ascontiguousarray(frames[:, channel or 0])
