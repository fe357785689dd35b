"""What a search has said, kept as back-pointers and read out once, at the end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from melisma.search.hypothesis import Hypothesis


@dataclass(frozen=True)
class Ends:
    """Where H answers end: ``slot`` holds an answer of ``sentence`` after ``length`` symbols; all (H,)."""

    sentence: NDArray[np.int64]
    length: NDArray[np.int64]
    slot: NDArray[np.int64]
    finished: NDArray[np.bool_]
    end: NDArray[np.float64]  # log-probability of the end symbol, where finished
    total: NDArray[np.float64]  # log-probability of the whole answer
    score: NDArray[np.float64]


@dataclass(frozen=True)
class Taken:
    """One step of a search: slot w of living sentence a says ``symbols[a, w]`` after slot ``parents[a, w]``."""

    place: NDArray[np.int64]  # (S,) where a sentence stands among the A living ones; -1: not there
    slots: int  # how many slots a sentence had before this step
    parents: Tensor  # (A, W)
    symbols: Tensor  # (A, W)
    values: Tensor  # (A, W) log-probabilities of the symbols
    trace: Tensor | None  # (A * slots, T) float32 on the CPU


class History:
    """The steps of one search over S sentences, which leave it when they are done."""

    def __init__(self, extent: Tensor, traced: bool = True) -> None:
        self.extent, self.traced = extent.cpu().numpy(), traced
        self.steps: list[Taken] = []
        self._alive: Tensor | None = None
        self._place = np.empty(0, np.int64)

    def append(self, alive: Tensor, said: tuple[Tensor, Tensor, Tensor], slots: int, trace: Tensor | None) -> None:
        """One step more: the living sentences (A,), their (parents, symbols, values), each (A, W), and the trace."""
        if alive is not self._alive:
            self._alive, self._place = alive, np.full(len(self.extent), -1, np.int64)
            self._place[alive.cpu().numpy()] = np.arange(len(alive))
        kept = trace.to("cpu", torch.float32) if self.traced and trace is not None else None
        self.steps.append(Taken(self._place, slots, *said, kept))

    def read(self, ends: Ends) -> list[list[Hypothesis]]:
        """The answers that end there, by sentence, in the order given."""
        count, longest = len(ends.sentence), int(ends.length.max(initial=0))
        symbols = np.zeros((count, longest), np.int64)
        values = np.zeros((count, longest + 1))
        values[np.arange(count), ends.length] = ends.end
        rows = self._walk(ends, symbols, values)
        traces = self._traces(rows)
        answers: list[list[Hypothesis]] = [[] for _ in self.extent]
        for h, sentence in enumerate(ends.sentence):
            length, finished = int(ends.length[h]), bool(ends.finished[h])
            steps = length + finished
            answers[sentence].append(
                Hypothesis(
                    symbols=tuple(symbols[h, :length].tolist()),
                    log_probability=float(ends.total[h]),
                    score=float(ends.score[h]),
                    log_probabilities=tuple(values[h, :steps].tolist()),
                    trace=None if traces is None else traces[h, :steps, : self.extent[sentence]].clone(),
                    finished=finished,
                )
            )
        return answers

    def _walk(self, ends: Ends, symbols: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Follows the back-pointers, fills in what was said; gives the rows (H, steps) of the trace, -1 where none."""
        rows = np.full((len(ends.sentence), len(self.steps)), -1, np.int64)
        slot = ends.slot.copy()
        for t in reversed(range(len(self.steps))):
            taken = self.steps[t]
            place = taken.place[ends.sentence]
            said = np.flatnonzero(ends.length > t)
            if len(said):
                here, there = place[said], slot[said]
                symbols[said, t] = taken.symbols.cpu().numpy()[here, there]
                values[said, t] = taken.values.cpu().numpy()[here, there]
                slot[said] = taken.parents.cpu().numpy()[here, there]
            looked = np.flatnonzero((ends.length > t) | ((ends.length == t) & ends.finished))
            rows[looked, t] = place[looked] * taken.slots + slot[looked]
        return rows

    def _traces(self, rows: NDArray[np.int64]) -> Tensor | None:
        """The rows of the trace, (H, steps, T), written to zero where there is none."""
        traces = [taken.trace for taken in self.steps if taken.trace is not None]
        if len(traces) < len(self.steps) or not traces:
            return None
        gathered = traces[0].new_zeros(*rows.shape, traces[0].shape[1])
        for t, trace in enumerate(traces):
            looked = np.flatnonzero(rows[:, t] >= 0)
            picked = trace.index_select(0, torch.from_numpy(rows[looked, t]))
            gathered[torch.from_numpy(looked), t, : trace.shape[1]] = picked
        return gathered
