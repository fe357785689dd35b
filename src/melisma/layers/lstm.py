"""Long short-term memory: a cell that keeps, with gates that decide what enters, stays and shows."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from melisma.layers.initial import gate_matrix, recurrent_matrix


class LstmState(NamedTuple):
    """h (B, H) what shows, c (B, H) what is kept."""

    h: Tensor
    c: Tensor


class Lstm(nn.Module):
    """Long short-term memory with a forget gate, without peepholes   (Hochreiter & Schmidhuber 1997; Gers et al. 2000).

    i, f, o = sigmoid(W x + b + U h);  g = tanh(Wg x + bg + Ug h);  c = f * c + i * g;  h = o * tanh(c)

    x (B, I), h and c (B, H). The forget gate's bias begins at 1, so that a new model remembers (Jozefowicz et al.
    2015).
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight = nn.Parameter(gate_matrix(4, hidden_size, input_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        self.recurrent = nn.Parameter(recurrent_matrix(4, hidden_size))
        self.recurrent_bias: Tensor | None = None
        with torch.no_grad():
            self.bias[hidden_size : 2 * hidden_size] = 1

    def start(self, batch: int, random: Generator | None = None) -> LstmState:
        return LstmState(self.weight.new_zeros(batch, self.hidden_size), self.weight.new_zeros(batch, self.hidden_size))

    def enter(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias)

    def step(self, state: LstmState, entered: Tensor) -> tuple[LstmState, Tensor]:
        H = self.hidden_size
        before = entered + functional.linear(state.h, self.recurrent)
        i, f, o = torch.sigmoid(before[:, : 3 * H]).chunk(3, 1)
        c = torch.addcmul(f * state.c, i, torch.tanh(before[:, 3 * H :]))  # rounds as ``gates`` does
        h = o * torch.tanh(c)
        return LstmState(h, c), h

    def gates(
        self, state: tuple[Tensor, ...], entered: Tensor, product: Tensor
    ) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        H = self.hidden_size
        gates = product.add_(entered)
        gates[:, : 3 * H].sigmoid_()
        gates[:, 3 * H :].tanh_()
        i, f, o, g = gates.chunk(4, 1)
        c = torch.addcmul(f * state[1], i, g)
        shown = c.tanh()
        return (o * shown, c), (gates, shown)

    def gates_backward(
        self, gradient: tuple[Tensor, ...], state: tuple[Tensor, ...], kept: tuple[Tensor, ...]
    ) -> tuple[tuple[Tensor | None, ...], Tensor, Tensor]:
        (d_h, d_c), (gates, shown) = gradient, kept
        H, derivative = self.hidden_size, torch.ops.aten
        i, f, o, g = gates.chunk(4, 1)
        d_c = derivative.tanh_backward(d_h * o, shown) + d_c
        d_product = torch.empty_like(gates)
        for factors, place in zip(((d_c, g), (d_c, state[1]), (d_h, shown), (d_c, i)), d_product.chunk(4, 1)):
            torch.mul(*factors, out=place)
        sigmoids, tanh = d_product[:, : 3 * H], d_product[:, 3 * H :]
        derivative.sigmoid_backward(sigmoids, gates[:, : 3 * H], grad_input=sigmoids)
        derivative.tanh_backward(tanh, g, grad_input=tanh)
        return (None, d_c * f), d_product, d_product
