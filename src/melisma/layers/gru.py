"""The gated recurrent unit in both published variants, side by side: they differ in where the reset gate stands."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from melisma.layers.initial import gate_matrix, recurrent_matrix


class GruState(NamedTuple):
    """h (B, H)."""

    h: Tensor


class _Gru(nn.Module):
    """What both variants share: W (3H, I) for r, z, n and the state."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight = nn.Parameter(gate_matrix(3, hidden_size, input_size))
        self.bias = nn.Parameter(torch.zeros(3 * hidden_size))
        self.recurrent = nn.Parameter(recurrent_matrix(3, hidden_size))

    def start(self, batch: int, random: Generator | None = None) -> GruState:
        return GruState(self.weight.new_zeros(batch, self.hidden_size))

    def enter(self, x: Tensor) -> Tensor:
        return (x @ self.weight.t()).add_(self.bias)


class GruResetBefore(_Gru):
    """The reset gate before the product   (Cho et al. 2014, "Learning phrase representations", eq. 5-8).

    r = sigmoid(Wr x + br + Ur h);  z = sigmoid(Wz x + bz + Uz h)
    n = tanh(Wn x + bn + Un (r * h));  h = z * h + (1 - z) * n
    """

    def step(self, state: GruState, entered: Tensor) -> tuple[GruState, Tensor]:
        h, H = state.h, self.hidden_size
        r, z = torch.sigmoid(entered[:, : 2 * H] + functional.linear(h, self.recurrent[: 2 * H])).chunk(2, 1)
        n = torch.tanh(entered[:, 2 * H :] + functional.linear(r * h, self.recurrent[2 * H :]))
        h = z * h + (1 - z) * n
        return GruState(h), h


class GruResetAfter(_Gru):
    """The reset gate after the product, one product a step   (Cho et al. 2014, arXiv version 1; cuDNN, torch.nn.GRU).

    r = sigmoid(Wr x + br + Ur h + cr);  z = sigmoid(Wz x + bz + Uz h + cz)
    n = tanh(Wn x + bn + r * (Un h + cn));  h = z * h + (1 - z) * n
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.recurrent_bias = nn.Parameter(torch.zeros(3 * hidden_size))

    def step(self, state: GruState, entered: Tensor) -> tuple[GruState, Tensor]:
        H = self.hidden_size
        product = functional.linear(state.h, self.recurrent, self.recurrent_bias)
        r, z = torch.sigmoid((entered + product)[:, : 2 * H]).chunk(2, 1)  # rounds as ``gates`` does
        n = torch.tanh(entered[:, 2 * H :] + r * product[:, 2 * H :])
        h = torch.lerp(n, state.h, z)
        return GruState(h), h

    def gates(
        self, state: tuple[Tensor, ...], entered: Tensor, product: Tensor, out: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        H = self.hidden_size
        r, z = entered[:, : 2 * H].add_(product[:, : 2 * H]).sigmoid_().chunk(2, 1)
        un = product[:, 2 * H :]
        n = entered[:, 2 * H :].add_(r * un).tanh_()
        torch.lerp(n, state[0], z, out=out[0])
        return r, z, n, un

    def gates_backward(
        self,
        gradient: tuple[Tensor, ...],
        state: tuple[Tensor, ...],
        kept: tuple[Tensor, ...],
        out: tuple[Tensor, Tensor],
    ) -> bool:
        (d_h,), (h,), (r, z, n, un) = gradient, state, kept
        d_entered, d_product = (d.chunk(3, 1) for d in out)
        torch.ops.aten.tanh_backward(d_h * (1 - z), n, grad_input=d_entered[2])
        torch.mul(d_entered[2], r, out=d_product[2])
        torch.ops.aten.sigmoid_backward(d_entered[2] * un, r, grad_input=d_entered[0])
        torch.ops.aten.sigmoid_backward(d_h * (h - n), z, grad_input=d_entered[1])
        d_product[0].copy_(d_entered[0])
        d_product[1].copy_(d_entered[1])
        d_h.mul_(z)
        return True
