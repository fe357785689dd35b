"""What a sound file is, told from decoding all of it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from melisma.quoting import named
from melisma.sound.decoding import Decoder
from melisma.sound.following import Following
from melisma.sound.mixing import LOUDEST, Levels, lawful, mixed
from melisma.sound.stretch import bounds, require_all

FULL = 0.99  # of full scale: what an integer of 8 bits can reach
MUCH_CLIPPED, MUCH_OFFSET, MUCH_SILENT = 0.001, 0.02, 0.5  # from where on it is worth a word


NO_SOUND = f"NaN, infinite or beyond {LOUDEST:,.0f}"  # what samples are that cannot be sound


@dataclass(frozen=True)
class SoundFacts:
    """The facts of a sound file, or of a part of one. Levels are those of the channel that is used, where 1 is full
    scale."""

    path: str
    format: str  # the kind of file and how its samples are written: "WAV PCM_16"
    rate: int  # Hz
    channels: int
    channel: int | None  # that is used, counted from 1; None: the mean of all, which agree
    frames: int  # that are there, in the part
    declared: int | None  # that its header promises; None: it does not say, or a part was looked at
    peak: float  # the largest absolute value
    rms: float  # √(Σx²/N)
    offset: float  # the mean
    clipped: float  # share of samples that stand at full scale beside another that does, on the same side
    silent: float  # share of samples that are exactly zero
    unlawful: int  # samples that are no numbers of sound (``lawful``), which are left out of the levels
    unlawful_at: float | None  # the second of the first of them
    truncated: bool  # its end is not there
    recovered: bool  # its header says 0 frames, and there are some: the recorder was killed before it closed the file
    streams: int  # recordings that follow each other in it, of which the first is read
    sha256: str  # of the samples that are used, as float32: the same for the same sound in another kind of file

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.frames / self.rate

    def warnings(self) -> list[str]:
        """One sentence for each thing that a user should know of."""
        return [f"{named(self.path)} {words}" for words in self._words()]

    def _words(self) -> list[str]:
        found = (
            (self.truncated, _cut_off(self.frames, self.declared, self.rate)),
            (
                self.recovered,
                f"says that it holds nothing, and {self.seconds:.3f} s are there: its recorder was stopped before it"
                " wrote the length; they are read",
            ),
            (self.streams > 1, f"holds {self.streams} recordings, one after the other; only the first is read"),
            (not self.frames, "holds no samples"),
            (bool(self.unlawful), self.lawless()),
            (self.peak > 1, f"goes beyond full scale (to {self.peak:.3g}); it is left as it is"),
            (self.clipped > MUCH_CLIPPED, f"is clipped: {self.clipped:.1%} of it stands at full scale"),
            (abs(self.offset) > MUCH_OFFSET, f"has an offset: its mean is {self.offset:+.3f}"),
            (self.silent == 1, "is digital silence: all of it is zero"),
            (MUCH_SILENT < self.silent < 1, f"is digital silence for the most part: {self.silent:.0%} of it is zero"),
            (
                self.channel is not None,
                f"has {self.channels} channels that do not agree; channel {self.channel}, the loudest, is used",
            ),
        )
        return [words for true, words in found if true]

    def lawless(self) -> str:
        """What is said of samples that are no numbers of sound, as ``holds …``."""
        many = f"{self.unlawful:,} samples that are no numbers"
        thing = "1 sample that is no number" if self.unlawful == 1 else many
        return f"holds {thing} of sound ({NO_SOUND}), the first at {self.unlawful_at or 0:.3f} s"


def look(
    path: str | os.PathLike[str], begin: float = 0.0, end: float | None = None, following: Following | None = None
) -> SoundFacts:
    """Decodes all of a file, or the part between two seconds, in memory that its length does not change, and says what
    is in it.

    With ``following`` parts of a packed file that follow each other are decoded in one go. Raises Refusal where it is
    no sound, or damaged so that it cannot be decoded to its end, and where the part is not in it.
    """
    with Following() as alone:
        decoder = (following or alone).at(path, begin)
        first, last = bounds(decoder, begin, end)
        several = decoder.channels > 1
        levels = Levels(decoder.channels)
        columns = {number: _Column() for number in ((*range(decoder.channels), None) if several else (0,))}
        for frames in decoder.frames(first, last):
            if several:
                levels.add(frames)
            for number, column in columns.items():
                column.add(mixed(frames, number))
        require_all(decoder, first + columns[None if several else 0].count, first, last)
        chosen = levels.chosen() if several else 0
        return _heard(decoder, chosen if several else None, columns[chosen], whole=not first and last is None)


def cut_off(path: str | os.PathLike[str]) -> str | None:
    """What to say of a file whose end is not there, as far as that can be told without decoding it; None: it is there.

    Raises Refusal where it is no sound.
    """
    with Decoder(os.fspath(path)) as decoder:
        if not decoder.truncated:
            return None
        return f"{named(decoder.path)} {_cut_off(decoder.length, decoder.promised, decoder.rate)}"


def _cut_off(frames: int | None, declared: int | None, rate: int) -> str:
    if frames is None:
        return "is cut off: its end is not there"
    if declared is None or declared <= frames:
        return f"is cut off after {frames / rate:.3f} s: its end is not there"
    return f"is cut off: {frames / rate:.3f} of {declared / rate:.3f} s are there"


def clipped(samples: NDArray[np.float32]) -> float:
    """The share of samples (N,) that stand at full scale beside another that does, on the same side."""
    column = _Column()
    column.add(samples)
    return column.clipped / max(column.count, 1)


class _Column:
    """What is told of one channel, gathered block by block."""

    def __init__(self) -> None:
        self.count = self.unlawful = self.silent = self.clipped = 0
        self.first_unlawful: int | None = None
        self.peak = self.sum = self.squares = 0.0
        self.digest = hashlib.sha256()
        self._side, self._counted = 0, False  # of the last sample: at which end of the scale, and counted as clipped

    def add(self, samples: NDArray[np.float32]) -> None:
        """One more block (n,)."""
        self.digest.update((samples + np.float32(0)).astype("<f4", copy=False).tobytes())  # -0 is 0
        numbers = lawful(samples)
        if not numbers.all():
            if self.first_unlawful is None:
                self.first_unlawful = self.count + int(numbers.argmin())
            unlawful = len(samples) - int(np.count_nonzero(numbers))
            self.unlawful += unlawful
            self.silent -= unlawful  # they are written as zeros next
            samples = np.where(numbers, samples, np.float32(0))
        values = samples.astype(np.float64)
        self.count += len(values)
        self.silent += len(values) - int(np.count_nonzero(values))
        self.sum += float(values.sum())
        self.squares += float(
            np.einsum("i,i->", values, values)
        )  # not a BLAS product: its threads cost more than they do
        least, most = float(values.min(initial=0.0)), float(values.max(initial=0.0))
        self.peak = max(self.peak, most, -least)
        self._clip(values if most >= FULL or least <= -FULL else values[-1:])

    def _clip(self, values: NDArray[np.float64]) -> None:
        """Counts samples at one end of the scale beside another there, the last of the block before included."""
        sides = np.concatenate(([self._side], np.sign(values) * (np.abs(values) >= FULL) * (np.abs(values) <= 1)))
        pairs = (sides[1:] == sides[:-1]) & (sides[1:] != 0)
        beside = np.concatenate(([False], pairs)) | np.concatenate((pairs, [False]))
        self.clipped += int(beside.sum()) - (self._counted and bool(beside[0]))
        self._side, self._counted = int(sides[-1]), bool(beside[-1])


def _heard(decoder: Decoder, chosen: int | None, column: _Column, whole: bool) -> SoundFacts:
    numbers = max(column.count - column.unlawful, 1)
    promised, contents = decoder.promised if whole else None, decoder.contents
    short = promised is not None and column.count < promised
    return SoundFacts(
        path=decoder.path,
        format=decoder.format,
        rate=decoder.rate,
        channels=decoder.channels,
        channel=None if chosen is None else chosen + 1,
        frames=column.count,
        declared=promised,
        peak=column.peak,
        rms=float(np.sqrt(column.squares / numbers)),
        offset=column.sum / numbers,
        clipped=column.clipped / max(column.count, 1),
        silent=column.silent / max(column.count, 1),
        unlawful=column.unlawful,
        unlawful_at=None if column.first_unlawful is None else column.first_unlawful / decoder.rate,
        truncated=decoder.truncated or short,
        recovered=contents.recovered,
        streams=contents.streams,
        sha256=column.digest.hexdigest(),
    )
