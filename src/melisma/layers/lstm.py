"""Long short-term memory: a cell that keeps, with gates that decide what enters, stays and shows."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

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
        return (x @ self.weight.t()).add_(self.bias)

    def step(self, state: LstmState, entered: Tensor) -> tuple[LstmState, Tensor]:
        H = self.hidden_size
        before = torch.addmm(entered, state.h, self.recurrent.t())
        i, f, o = torch.sigmoid(before[:, : 3 * H]).chunk(3, 1)
        c = torch.addcmul(f * state.c, i, torch.tanh(before[:, 3 * H :]))  # rounds as ``gates`` does
        h = o * torch.tanh(c)
        return LstmState(h, c), h

    def gates(
        self, state: tuple[Tensor, ...], entered: Tensor, product: Tensor, out: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        H = self.hidden_size
        product[:, : 3 * H].sigmoid_()
        product[:, 3 * H :].tanh_()
        i, f, o, g = product.chunk(4, 1)
        h, c = out
        shown = torch.mul(f, state[1], out=c).addcmul_(i, g).tanh()
        torch.mul(o, shown, out=h)
        return product, shown

    def gates_backward(
        self,
        gradient: tuple[Tensor, ...],
        state: tuple[Tensor, ...],
        kept: tuple[Tensor, ...],
        out: tuple[Tensor, Tensor],
    ) -> bool:
        (d_h, d_c), (gates, shown) = gradient, kept
        H, derivative, d_product = self.hidden_size, torch.ops.aten, out[1]
        i, f, o, g = gates.chunk(4, 1)
        through = d_h * o
        d_c.add_(derivative.tanh_backward(through, shown, grad_input=through))
        for factors, place in zip(((d_c, g), (d_c, state[1]), (d_h, shown), (d_c, i)), d_product.chunk(4, 1)):
            torch.mul(*factors, out=place)
        sigmoids, tanh = d_product[:, : 3 * H], d_product[:, 3 * H :]
        derivative.sigmoid_backward(sigmoids, gates[:, : 3 * H], grad_input=sigmoids)
        derivative.tanh_backward(tanh, g, grad_input=tanh)
        d_c.mul_(f)
        return False
