"""Where utterances begin and end in a stream: by its loudness against what is quiet in it, and by a model's blanks."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

LOUDER = 10 ** (9 / 10)  # nine decibels above the quiet is sound
QUIETEST = 1e-7  # of the mean square: -70 dB of full scale is silence whatever surrounds it
LEAD = 0.5  # seconds of blanks that are heard again, as the beginning of the next utterance, at most
RISE = 10 ** (1.5 / 10)  # what was quiet is forgotten by so much a second


class Level(IntEnum):
    """What a frame's loudness says, whatever utterance it belongs to."""

    QUIET = 0
    SOUND = 1
    FALL = 2  # it is quiet, and all before it was not


@dataclass
class Levels:
    """How loud each frame of a stream is against what is quiet in it, decided frame by frame.

    A frame is sound where its mean square is ``LOUDER`` than the quietest that was heard of late; where something much
    quieter comes, all before it was.
    """

    seconds: float  # from one frame to the next
    _floor: float = field(default=np.inf, init=False)

    def feed(self, power: NDArray[np.float32]) -> list[Level]:
        """Mean squares of more frames (t,) -> what each of them is."""
        rise, found = RISE**self.seconds, []
        for loud in power.tolist():
            floor, self._floor = self._floor, min(loud, max(self._floor, QUIETEST / LOUDER) * rise)
            if loud > max(self._floor * LOUDER, QUIETEST):
                found.append(Level.SOUND)
            else:
                found.append(Level.FALL if np.inf > floor > max(loud, QUIETEST) * LOUDER else Level.QUIET)
        return found


@dataclass
class Pause:
    """Where an utterance ends by its loudness: ``pause`` seconds without sound after some sound, ``longest`` anyway."""

    seconds: float  # from one frame to the next
    pause: float
    longest: float
    _frames: int = field(default=0, init=False)  # of the utterance so far
    _quiet: int = field(default=0, init=False)  # of these, since the last sound
    _spoken: bool = field(default=False, init=False)

    def restart(self) -> None:
        """Another utterance begins."""
        self._frames, self._quiet, self._spoken = 0, 0, False

    def ends_after(self, level: int) -> bool:
        """Whether the utterance ends with this frame."""
        self._frames += 1
        if level == Level.SOUND:
            self._spoken, self._quiet = True, 0
        elif level == Level.FALL and self._frames > 1:
            self._spoken, self._quiet = True, 1
        else:
            self._quiet += 1
        if self._frames >= round(self.longest / self.seconds):
            return True
        return self._spoken and self._quiet >= round(self.pause / self.seconds)


@dataclass
class Pauses:
    """Which frames of a stream belong to which utterance by loudness alone: any cutting gives the same."""

    seconds: float  # from one frame to the next
    pause: float
    longest: float

    def __post_init__(self) -> None:
        self._levels, self._pause = Levels(self.seconds), Pause(self.seconds, self.pause, self.longest)

    def feed(self, power: NDArray[np.float32]) -> list[int]:
        """Mean squares of more frames (t,) -> after which of them, counted from 1, an utterance ends."""
        ends = []
        for number, level in enumerate(self._levels.feed(power), 1):
            if self._pause.ends_after(level):
                ends.append(number)
                self._pause.restart()
        return ends


@dataclass
class Blanks:
    """Where an utterance ends by what a model says: its outputs are judged one by one, so any cutting gives the same.

    It ends after so many seconds of blanks behind some text (``after_text``), and, as if it had never begun, after so
    many in which there was none (``nothing``); None: never. A blank is more likely than all else together. These are
    rules of Kaldi's (online-endpoint.h), with blanks for silence, as recognisers of CTC have them.
    """

    seconds: float  # from one output to the next
    after_text: float | None
    nothing: float | None
    said: bool = field(default=False, init=False)  # whether there was some text
    _blanks: int = field(default=0, init=False)  # since anything else

    def restart(self) -> None:
        """Another utterance begins."""
        self.said, self._blanks = False, 0

    def feed(self, blank: NDArray[np.float32], said: NDArray[np.bool_]) -> int | None:
        """Of more outputs the blank's probability (t,) and whether it is not the likeliest -> after which it ends."""
        for number, (probability, some) in enumerate(zip(blank.tolist(), said.tolist()), 1):
            self.said = self.said or some
            self._blanks = self._blanks + 1 if probability > 0.5 else 0
            enough = self.after_text if self.said else self.nothing
            if enough is not None and self._blanks >= round(enough / self.seconds):
                return number
        return None

    @property
    def lead(self) -> float:
        """Seconds before such an end that the next utterance begins: a model says later than it hears."""
        given = self.after_text if self.said else self.nothing
        return 0.0 if given is None else min(LEAD, given / 2)


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
