"""A few steps of the future for a recurrence that runs one way, feature by feature, chunk by chunk."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

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
        ahead = len(self.weight) - 1
        if x.even:
            steps = x.rows.reshape(len(x.live), x.batch, self.size)
            y = _ahead(steps, self.weight)
            return LookAheadState(Ragged.of_even(steps[len(y) :])), Ragged.of_even(y)
        ready, waiting = x.split((x.lengths() - ahead).clamp(min=0))
        if not ready.live:
            return LookAheadState(waiting), ready
        y = _ahead(x.padded()[0].transpose(0, 1), self.weight)
        return LookAheadState(waiting), ready.gathered(y.transpose(0, 1))


def _ahead(steps: Tensor, weight: Tensor) -> Tensor:
    """(T, B, F) -> (T - L, B, F) or nothing."""
    y: Tensor = _Ahead.apply(steps, weight)  # type: ignore[no-untyped-call]
    return y


class _Ahead(torch.autograd.Function):
    """The sum, one step of looking ahead at a time: nothing as large as all of them is ever held."""

    @staticmethod
    def forward(ctx: Any, steps: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(steps, weight)
        count = max(0, len(steps) - len(weight) + 1)
        y = steps[:count] * weight[0]
        for j in range(1, len(weight)):
            y += steps[j : j + count] * weight[j]  # a product and a sum: fused ones may round otherwise from row to row
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        steps, weight = ctx.saved_tensors
        d_steps, d_weight, count = torch.zeros_like(steps), torch.zeros_like(weight), len(gradient)
        for j, own in enumerate(weight):
            d_steps[j : j + count] += gradient * own
            d_weight[j] = (gradient * steps[j : j + count]).sum((0, 1))
        return d_steps, d_weight
