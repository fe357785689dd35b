"""Sound files as one channel of samples at a stated rate: whole, or block by block in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from melisma.quoting import named
from melisma.sound.decoding import Decoder
from melisma.sound.heard import NO_SOUND, Heard, look
from melisma.sound.mixing import Levels, lawful, mixed
from melisma.sound.resample import Resampler, resampled
from melisma.sound.stretch import bounds, require_all
from melisma.sound.unusable import Unusable

__all__ = ["Heard", "Resampler", "Wave", "blocks", "look", "read", "resampled"]

Samples = NDArray[np.float32]


class Wave(NamedTuple):
    """Samples (N,) float32 of one channel, and how many of them make a second."""

    samples: Samples
    rate: int


def read(path: str | os.PathLike[str], rate: int | None = None, begin: float = 0.0, end: float | None = None) -> Wave:
    """The samples of a file from ``begin`` to ``end`` seconds, at ``rate`` Hz (None: as in the file).

    They are its ``blocks``, joined. Raises Refusal as those do.
    """
    with Decoder(os.fspath(path)) as decoder:
        rate = decoder.rate if rate is None else rate
        samples = [*_samples(decoder, rate, begin, end)]
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
    with Decoder(os.fspath(path)) as decoder:
        rate = decoder.rate if rate is None else rate
        yield from _cut(_samples(decoder, rate, begin, end), max(1, round(seconds * rate)))


def _samples(decoder: Decoder, rate: int, begin: float, end: float | None) -> Iterator[Samples]:
    """The samples of a part, as they come."""
    first, last = bounds(decoder, begin, end)
    channel = _channel(decoder.path, first, last) if decoder.channels > 1 else 0
    resampler = Resampler(decoder.rate, rate)
    at = first
    for frames in decoder.frames(first, last):
        samples = mixed(frames, channel)
        _require_numbers(samples, decoder, at)
        at += len(samples)
        yield resampler.feed(samples)
    require_all(decoder, at, first, last)
    yield resampler.finish()


def _channel(path: str, first: int, last: int | None) -> int | None:
    """The channel that is used of a part; None: the mean of all."""
    with Decoder(path) as decoder:
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
