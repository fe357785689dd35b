"""The simple recurrent network of Elman (1990): memory is the last output."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from melisma.layers.initial import recurrent_matrix, uniform


class ElmanState(NamedTuple):
    """h (B, H)."""

    h: Tensor


class Elman(nn.Module):
    """h = tanh(W x + b + U h)   (Elman 1990, "Finding structure in time"). x (B, I), h (B, H); the output is h."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight = nn.Parameter(uniform(hidden_size, input_size))
        self.bias = nn.Parameter(torch.zeros(hidden_size))
        self.recurrent = nn.Parameter(recurrent_matrix(1, hidden_size))
        self.recurrent_bias: Tensor | None = None

    def start(self, batch: int, random: Generator | None = None) -> ElmanState:
        return ElmanState(self.weight.new_zeros(batch, self.hidden_size))

    def enter(self, x: Tensor) -> Tensor:
        return (x @ self.weight.t()).add_(self.bias)

    def step(self, state: ElmanState, entered: Tensor) -> tuple[ElmanState, Tensor]:
        h = torch.tanh(torch.addmm(entered, state.h, self.recurrent.t()))
        return ElmanState(h), h

    def gates(
        self, state: tuple[Tensor, ...], entered: Tensor, product: Tensor, out: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        out[0].copy_(product.tanh_())
        return (product,)

    def gates_backward(
        self,
        gradient: tuple[Tensor, ...],
        state: tuple[Tensor, ...],
        kept: tuple[Tensor, ...],
        out: tuple[Tensor, Tensor],
    ) -> bool:
        (h,), (d_h,) = kept, gradient
        torch.ops.aten.tanh_backward(d_h, h, grad_input=out[1])
        return False
