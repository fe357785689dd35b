"""Sound files as one channel of samples at a stated rate: whole, or block by block in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from melisma.quoting import named
from melisma.sound.decoding import Decoder
from melisma.sound.following import Following
from melisma.sound.heard import NO_SOUND, SoundFacts, cut_off, look
from melisma.sound.mixing import Levels, lawful, mixed
from melisma.sound.resample import Resampler, resampled
from melisma.sound.stretch import bounds, require_all
from melisma.sound.unusable import Unusable

__all__ = ["Parts", "Resampler", "SoundFacts", "Wave", "blocks", "cut_off", "look", "read", "resampled"]

Samples = NDArray[np.float32]


class Wave(NamedTuple):
    """Samples (N,) float32 of one channel, and how many of them make a second."""

    samples: Samples
    rate: int


def read(path: str | os.PathLike[str], rate: int | None = None, begin: float = 0.0, end: float | None = None) -> Wave:
    """The samples of a file from ``begin`` to ``end`` seconds, at ``rate`` Hz (None: as in the file).

    They are its ``blocks``, joined. Raises Refusal as those do.
    """
    with Decoder(os.fspath(path)) as decoder, Following() as chosen:
        rate = decoder.rate if rate is None else rate
        samples = [*_samples(decoder, rate, begin, end, chosen)]
    return Wave(np.concatenate(samples), rate)


def blocks(
    path: str | os.PathLike[str],
    rate: int | None = None,
    begin: float = 0.0,
    end: float | None = None,
    seconds: float = 10.0,
) -> Iterator[Samples]:
    """The samples of a file, ``seconds`` at a time (the last block may be shorter), however long in the same memory.

    They are in -1…1 where the file holds integers; floats beyond that are left as they are. Of several channels it is
    their mean where they agree, otherwise the one with the most energy in this part (``mixing``), for which the part is
    decoded twice. Resampled as one stream. Raises Refusal where the file is no sound or damaged, where a sample is no
    number, and where the part is not in the file; of a file that was cut off (``look`` tells) what is there is given.
    """
    with Parts() as parts:
        yield from parts.blocks(path, rate, begin, end, seconds)


class Parts:
    """Parts of files, as ``blocks`` gives them; of a packed file parts that follow each other are decoded in one go."""

    def __init__(self) -> None:
        self._heard, self._chosen = Following(), Following()  # for the samples, and before for the channel

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._heard.close()
        self._chosen.close()

    def blocks(
        self,
        path: str | os.PathLike[str],
        rate: int | None = None,
        begin: float = 0.0,
        end: float | None = None,
        seconds: float = 10.0,
    ) -> Iterator[Samples]:
        """The samples of a part, ``seconds`` at a time; all of them are to be taken before another is asked for."""
        decoder = self._heard.at(path, begin)
        rate = decoder.rate if rate is None else rate
        yield from _cut(_samples(decoder, rate, begin, end, self._chosen), max(1, round(seconds * rate)))


def _samples(decoder: Decoder, rate: int, begin: float, end: float | None, chosen: Following) -> Iterator[Samples]:
    """The samples of a part, as they come."""
    first, last = bounds(decoder, begin, end)
    channel = _channel(chosen.at(decoder.path, begin), first, last) if decoder.channels > 1 else 0
    resampler = Resampler(decoder.rate, rate)
    at = first
    for frames in decoder.frames(first, last):
        samples = mixed(frames, channel)
        _require_numbers(samples, decoder, at)
        at += len(samples)
        yield resampler.feed(samples)
    require_all(decoder, at, first, last)
    yield resampler.finish()


def _channel(decoder: Decoder, first: int, last: int | None) -> int | None:
    """The channel that is used of a part; None: the mean of all."""
    levels = Levels(decoder.channels)
    for frames in decoder.frames(first, last):
        levels.add(frames)
    return levels.chosen()


def _require_numbers(samples: Samples, decoder: Decoder, at: int) -> None:
    numbers = lawful(samples)
    if not numbers.all():
        raise Unusable(
            f"{named(decoder.path)} holds a sample that is no number of sound ({NO_SOUND}) at"
            f" {(at + int(numbers.argmin())) / decoder.rate:.3f} s; repair it, or leave it out",
            "numbers",
        )


def _cut(pieces: Iterable[Samples], size: int) -> Iterator[Samples]:
    """The same samples, ``size`` at a time."""
    held: list[Samples] = []
    count = 0
    for piece in pieces:
        while count + len(piece) >= size:
            taken = size - count
            yield np.concatenate((*held, piece[:taken]))
            held, count, piece = [], 0, piece[taken:]
        held.append(piece)
        count += len(piece)
    if count:
        yield np.concatenate(held)
