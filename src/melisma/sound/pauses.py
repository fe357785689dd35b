"""Where utterances begin and end in a stream: by its loudness against what is quiet in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

LOUDER = 10 ** (9 / 10)  # nine decibels above the quiet is sound
QUIETEST = 1e-7  # of the mean square: -70 dB of full scale is silence whatever surrounds it
RISE = 10 ** (1.5 / 10)  # what was quiet is forgotten by so much a second


@dataclass
class Pauses:
    """Which frames of a stream belong to which utterance, decided frame by frame: any cutting gives the same.

    A frame is sound where its mean square is ``LOUDER`` than the quietest that was heard of late; where something much
    quieter comes, all before it was. ``pause`` seconds without sound after some sound end an utterance; so do
    ``longest`` seconds in any case.
    """

    seconds: float  # from one frame to the next
    pause: float
    longest: float
    _floor: float = field(default=np.inf, init=False)
    _frames: int = field(default=0, init=False)  # of the utterance so far
    _quiet: int = field(default=0, init=False)  # of these, since the last sound
    _spoken: bool = field(default=False, init=False)

    def feed(self, power: NDArray[np.float32]) -> list[int]:
        """Mean squares of more frames (t,) -> after which of them, counted from 1, an utterance ends."""
        ends = []
        rise = RISE**self.seconds
        most, enough = round(self.longest / self.seconds), round(self.pause / self.seconds)
        for number, loud in enumerate(power.tolist(), 1):
            floor, self._floor = self._floor, min(loud, max(self._floor, QUIETEST / LOUDER) * rise)
            self._frames += 1
            if loud > max(self._floor * LOUDER, QUIETEST):
                self._spoken, self._quiet = True, 0
            elif self._frames > 1 and floor > max(loud, QUIETEST) * LOUDER:
                self._spoken, self._quiet = True, 1
            else:
                self._quiet += 1
            if self._frames >= most or (self._spoken and self._quiet >= enough):
                ends.append(number)
                self._frames, self._quiet, self._spoken = 0, 0, False
        return ends


class Loudness:
    """The mean square of the first hop of each frame, where frames are uncentred: one value as each frame is given."""

    def __init__(self, hop: int) -> None:
        self.hop = hop
        self._rest = np.zeros(0, np.float32)

    def feed(self, samples: NDArray[np.float32], count: int) -> NDArray[np.float32]:
        """More samples (N,), and how many frames were made by then -> their mean squares (count,)."""
        self._rest = np.concatenate((self._rest, samples))
        used, self._rest = np.split(self._rest, [min(count * self.hop, len(self._rest))])
        used = np.pad(used, (0, count * self.hop - len(used)))
        found: NDArray[np.float32] = np.square(used).reshape(count, self.hop).mean(1)
        return found
