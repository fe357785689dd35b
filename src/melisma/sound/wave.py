"""Sound files as one channel of samples at a stated rate: whole, or block by block in bounded memory."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from melisma.errors import Refusal
from melisma.quoting import named
from melisma.sound.decoding import Decoder
from melisma.sound.heard import Heard, look
from melisma.sound.mixing import Levels, mixed
from melisma.sound.resample import Resampler, resampled

__all__ = ["Heard", "Resampler", "Wave", "blocks", "look", "read", "resampled"]

Samples = NDArray[np.float32]

OVERSHOOT = 0.05  # seconds by which an end may lie behind the file's: times that are written with one decimal


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
    """The samples of a file, ``seconds`` at a time (the last block may be shorter), in memory that its length does not
    change.

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
    first, last = _bounds(decoder, begin, end)
    channel = _channel(decoder.path, first, last) if decoder.channels > 1 else 0
    resampler = Resampler(decoder.rate, rate)
    at = first
    for frames in decoder.frames(first, last):
        samples = mixed(frames, channel)
        _require_numbers(samples, decoder, at)
        at += len(samples)
        yield resampler.feed(samples)
    if (first or last is not None) and (last is None or at < last):
        _within(decoder.path, at, decoder.rate, first, last)
    yield resampler.finish()


def _channel(path: str, first: int, last: int | None) -> int | None:
    """The channel that is used of a part; None: the mean of all."""
    with Decoder(path) as decoder:
        levels = Levels(decoder.channels)
        for frames in decoder.frames(first, last):
            levels.add(frames)
        return levels.chosen()


def _require_numbers(samples: Samples, decoder: Decoder, at: int) -> None:
    lawful = np.isfinite(samples)
    if not lawful.all():
        raise Refusal(
            f"{named(decoder.path)} holds a sample that is no number (NaN or infinite) at"
            f" {(at + int(lawful.argmin())) / decoder.rate:.3f} s; repair it, or leave it out"
        )


def _bounds(decoder: Decoder, begin: float, end: float | None) -> tuple[int, int | None]:
    """The first frame of a part, and the one behind its last; None: the end of the file."""
    if not (begin >= 0 and math.isfinite(begin)) or (end is not None and not (end > begin and math.isfinite(end))):
        raise Refusal(
            f"{named(decoder.path)}: the part from {begin:g} to {'the end' if end is None else f'{end:g} s'} is asked"
            " for; it has to begin at 0 s or later, and to end after that"
        )
    first, last = round(begin * decoder.rate), None if end is None else round(end * decoder.rate)
    if decoder.length is not None and (first or last is not None):
        _within(decoder.path, decoder.length, decoder.rate, first, last)
        last = None if last is None else min(last, decoder.length)
    return first, last


def _within(path: str, length: int, rate: int, first: int, last: int | None) -> None:
    """Refuses a part that is not in a file of ``length`` frames."""
    if first >= length or (last is not None and last > length + OVERSHOOT * rate):
        until = "its end" if last is None else f"{last / rate:.3f} s"
        raise Refusal(
            f"{named(path)} ends at {length / rate:.3f} s, and the part from {first / rate:.3f} s to {until} is asked"
            " for; correct its times, or get the whole file"
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
