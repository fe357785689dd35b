"""A few steps of the future for a recurrence that runs one way, feature by feature, chunk by chunk."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from melisma.ragged import Ragged


class LookAheadState(NamedTuple):
    """The input steps whose outputs wait for what comes after them, rows (N, F)."""

    waiting: Ragged


class LookAhead(nn.Module):
    """y_t = sum_j W_j * x_{t+j}, j from 0 to L, * by feature, zeros beyond the end   (Wang et al. 2016).

    It is called a row convolution there. Rows (N, F) -> (N, F); W (L + 1, F). The delay is L. It begins as y_t = x_t.
    """

    ratio = Fraction(1)

    def __init__(self, size: int, ahead: int) -> None:
        super().__init__()
        if ahead < 0:
            raise ValueError(f"a look-ahead of {ahead} steps would look back: wants 0 or more")
        self.size = size
        self.delay: int | None = ahead
        self.weight = nn.Parameter(torch.zeros(ahead + 1, size))
        with torch.no_grad():
            self.weight[0] = 1

    def start(self, batch: int, random: Generator | None = None) -> LookAheadState:
        return LookAheadState(Ragged.none(batch, self.size, like=self.weight))

    def feed(self, state: LookAheadState, x: Ragged) -> tuple[LookAheadState, Ragged]:
        return self._slide(state.waiting.join(x))

    def flush(self, state: LookAheadState) -> tuple[LookAheadState, Ragged | None]:
        if not state.waiting.batch:
            return state, None
        missing = (len(self.weight) - 1) * (state.waiting.lengths() > 0)
        return self._slide(state.waiting.join(Ragged.zeros(missing, self.size, like=self.weight)))

    def _slide(self, x: Ragged) -> tuple[LookAheadState, Ragged]:
        frames, left = x.windows(len(self.weight), 1)
        return LookAheadState(left), frames.with_rows(self._weighed(frames.rows))

    def _weighed(self, frames: Tensor) -> Tensor:
        """(N, L + 1, F) -> (N, F); products and sums apart, as fused ones may round otherwise from row to row."""
        first, *others = (step * own for step, own in zip(frames.unbind(1), self.weight))
        return sum(others, first)
