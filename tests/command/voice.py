"""A microphone before which somebody speaks: takes made of sines, in a room of noise."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Take:
    """Somebody speaks for so long, after so long, so loudly (dB of full scale of its peaks)."""

    level: float = -12.0
    before: float = 0.7
    lasts: float = 0.4
    room: float = -65.0  # dB of full scale, the noise of the room; silence at -inf

    def samples(self, rate: int, count: int, random: np.random.Generator) -> Samples:
        """The first so many samples of it."""
        quiet = 0.0 if np.isneginf(self.room) else 10 ** (self.room / 20)
        wave = quiet * random.standard_normal(count)
        at = np.arange(count) / rate
        said = (at >= self.before) & (at < self.before + self.lasts)
        wave += said * 10 ** (self.level / 20) * np.sin(2 * np.pi * 0.11 * rate * at)
        return np.clip(wave, -1, 1).astype(np.float32)


@dataclass
class Voice:
    """Gives the takes one after the other, the last one again and again; counts how often it is opened and closed."""

    takes: Iterable[Take] = (Take(),)
    longest: float = 130.0  # seconds after which a take gives nothing more
    opened: int = 0
    closed: int = 0
    asked: list[int] = field(default_factory=list)  # rates

    def __post_init__(self) -> None:
        self._takes = [*self.takes]

    def __call__(self, rate: int, seconds: float) -> Generator[Samples, None, None]:
        number = self.opened - 1  # the first time it is only tried
        take = self._takes[min(max(0, number), len(self._takes) - 1)]
        self.opened += 1
        self.asked.append(rate)
        try:
            random, size = np.random.default_rng(number + 1), round(rate * seconds)
            whole = take.samples(rate, 4 * rate, random)
            for begin in range(0, round(self.longest * rate), size):
                yield whole[begin : begin + size] if begin + size <= len(whole) else whole[-size:]
        finally:
            self.closed += 1
