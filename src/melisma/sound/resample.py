"""Another rate for a stream of samples, however it is cut."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from melisma.errors import Refusal
from melisma.sound.unusable import lacking

Samples = NDArray[np.float32]

LOWEST, HIGHEST = 1_000, 1_000_000  # samples a second; what lies outside is a damaged header, not a recording
DELAYED = 100  # pieces after which a stream holds back no more than before


class Resampler:
    """Samples at ``source`` Hz become samples at ``target`` Hz, as one stream: the same bits however it is cut.

    N samples give ⌊N · target / source + ½⌋ in all, the first at the time of the first; what a filter needs of the
    future is held back until it is there, or until ``finish``. Equal rates give back what was fed. Band-limited
    interpolation by the library soxr ("HQ": 20 bits, linear phase); Refusal where it is not installed.
    """

    def __init__(self, source: int, target: int) -> None:
        for rate in (source, target):
            if not LOWEST <= rate <= HIGHEST:
                raise Refusal(f"a rate of {rate:,} samples a second; {LOWEST:,} to {HIGHEST:,} are wanted")
        self.source, self.target = source, target
        self._stream = None if source == target else _stream(source, target)
        self._fed = self._given = 0  # samples
        self._finished = False

    @property
    def delay(self) -> float:
        """Seconds of sound that it holds back at most, while fed a hundredth of a second at a time."""
        if self._stream is None:
            return 0.0
        stream, piece = _stream(self.source, self.target), np.zeros(self.source // 100, np.float32)
        given = np.cumsum([len(stream.resample_chunk(piece)) for _ in range(DELAYED)])
        fed = len(piece) * np.arange(1, DELAYED + 1)
        return float((fed / self.source - given / self.target).max())

    def feed(self, samples: Samples) -> Samples:
        """More samples (n,) -> what can be said by now (m,)."""
        if self._finished:
            raise ValueError("the stream has ended: begin a new one")
        if self._stream is None:
            return samples
        self._fed += len(samples)
        said: Samples = self._stream.resample_chunk(np.ascontiguousarray(samples, np.float32))
        self._given += len(said)
        return said

    def finish(self) -> Samples:
        """The stream has ended -> the rest (m,)."""
        if self._finished:
            raise ValueError("the stream has ended: begin a new one")
        self._finished = True
        nothing = np.zeros(0, np.float32)
        if self._stream is None or not self._fed:
            return nothing
        rest = self._stream.resample_chunk(nothing, last=True)
        lacking = (2 * self._fed * self.target + self.source) // (2 * self.source) - self._given
        return np.pad(rest[: max(0, lacking)], (0, max(0, lacking - len(rest))))


def resampled(samples: Samples, source: int, target: int) -> Samples:
    """All of a recording (N,) at another rate, (⌊N · target / source + ½⌋,)."""
    stream = Resampler(source, target)
    return np.concatenate((stream.feed(samples), stream.finish()))


def _stream(source: int, target: int) -> Any:
    try:
        import soxr
    except ImportError:
        raise lacking("another rate than the file's", "soxr") from None
    return soxr.ResampleStream(source, target, 1, "float32", "HQ")
