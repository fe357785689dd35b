"""A part of a sound file, told in seconds, as frames."""

from __future__ import annotations

from melisma.quoting import named
from melisma.sound.decoding import Decoder
from melisma.sound.unusable import Unusable

LATEST = 1e9  # seconds: no recording lasts thirty years
OVERSHOOT = 0.05  # seconds by which an end may lie behind the file's: times that are written with one decimal


def bounds(decoder: Decoder, begin: float, end: float | None) -> tuple[int, int | None]:
    """The first frame of a part, and the one behind its last; None: the end of the file. Refusal where it has none."""
    if not 0 <= begin <= LATEST or (end is not None and not begin < end <= LATEST):
        raise Unusable(
            f"{named(decoder.path)}: the part from {begin:g} to {'the end' if end is None else f'{end:g} s'} is asked"
            f" for; it has to begin at 0 s or later, and to end after that, by {LATEST:g} s",
            "beyond",
        )
    first, last = round(begin * decoder.rate), None if end is None else round(end * decoder.rate)
    if decoder.length is not None and (first or last is not None):
        require_within(decoder.path, decoder.length, decoder.rate, first, last)
        last = None if last is None else min(last, decoder.length)
    return first, last


def require_all(decoder: Decoder, at: int, first: int, last: int | None) -> None:
    """Refuses a part whose frames ended before frame ``at``, where it should have gone on."""
    if (first or last is not None) and (last is None or at < last):
        require_within(decoder.path, at, decoder.rate, first, last)


def require_within(path: str, length: int, rate: int, first: int, last: int | None) -> None:
    """Refuses a part that is not in a file of ``length`` frames."""
    if first >= length or (last is not None and last > length + OVERSHOOT * rate):
        until = "its end" if last is None else f"{last / rate:.3f} s"
        raise Unusable(
            f"{named(path)} ends at {length / rate:.3f} s, and the part from {first / rate:.3f} s to {until} is asked"
            " for; correct its times, or get the whole file",
            "beyond",
        )
