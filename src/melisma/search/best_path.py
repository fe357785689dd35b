"""Best path: the likeliest symbol of every frame, repeats and blanks removed."""

from __future__ import annotations

from math import exp
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from melisma.search.heard import BLANK, Heard, Spoken, checked


class Path(NamedTuple):
    """What the search knows between two chunks; the confidences in it are still log-probabilities."""

    frames: int  # how many there were
    total: float  # log-probability of the path so far
    last: Spoken | None  # the symbol of the last frame, which may go on; None: the blank, or no frame yet
    before: Any  # pairs (what was before, symbols) of what is done, as chunks came; None: nothing


class BestPath:
    """The collapse of the likeliest path, B(argmax_π p(π | x)), chunk by chunk.

    The same symbols, frames and log-probability however the frames are cut. Of equally likely symbols in a frame the
    lowest is taken, so the blank (0) before all. Several less likely paths of another answer may together be likelier:
    ``PrefixBeam`` finds that. Source: Graves, Fernández, Gomez and Schmidhuber 2006, section 3.2.
    """

    def __init__(self, symbols: int) -> None:
        self.symbols = symbols

    def start(self) -> Path:
        """The state before the first frame."""
        return Path(0, 0.0, None, None)

    def feed(self, state: Path, log_probabilities: NDArray[Any]) -> Path:
        """The state after these frames (T, V), nats."""
        frames = checked(log_probabilities, self.symbols, state.frames)
        if not len(frames):
            return state
        best = frames.argmax(1)
        values = frames[np.arange(len(frames)), best]
        begins = np.flatnonzero(np.diff(best, prepend=-1))
        runs = [
            _run(int(best[begin]), state.frames + int(begin), values[begin:end])
            for begin, end in zip(begins, [*begins[1:], len(best)])
        ]
        total = float(np.cumsum(np.concatenate(([state.total], values)))[-1])  # one by one, so that cuts are not seen
        if state.last is not None and runs[0].symbol == state.last.symbol:
            runs[0] = _longer(state.last, runs[0])
        elif state.last is not None:
            runs.insert(0, state.last)
        last = runs.pop() if runs[-1].symbol != BLANK else None
        done = tuple(run for run in runs if run.symbol != BLANK)
        before = (state.before, done) if done else state.before
        return Path(state.frames + len(frames), total, last, before)

    def stable(self, state: Path) -> tuple[int, ...]:
        """The symbols that no further frame can change: all so far, the last one with them."""
        return tuple(one.symbol for one in _spoken(state))

    def finish(self, state: Path) -> list[Heard]:
        """The one answer."""
        spoken = _spoken(state)
        return [Heard(tuple(one.symbol for one in spoken), state.total, state.total, spoken)]


def _run(symbol: int, begin: int, values: NDArray[np.float64]) -> Spoken:
    peak = int(values.argmax())
    return Spoken(symbol, begin, begin + len(values), begin + peak, float(values[peak]))


def _longer(one: Spoken, more: Spoken) -> Spoken:
    higher = more if more.confidence > one.confidence else one
    return Spoken(one.symbol, one.begin, more.end, higher.peak, higher.confidence)


def _spoken(state: Path) -> tuple[Spoken, ...]:
    parts: list[tuple[Spoken, ...]] = [] if state.last is None else [(state.last,)]
    before = state.before
    while before is not None:
        before, done = before
        parts.append(done)
    return tuple(one._replace(confidence=exp(one.confidence)) for part in reversed(parts) for one in part)
