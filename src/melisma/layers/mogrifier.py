"""The Mogrifier LSTM: input and memory gate each other, by turns, before the cell reads them."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from melisma.layers.initial import gate_matrix, recurrent_matrix
from melisma.layers.lstm import LstmState


class Mogrifier(nn.Module):
    """An LSTM after ``rounds`` rounds of mutual gating   (Melis et al. 2020, eq. 1-2; matrices of full rank).

    odd rounds:   x = 2 sigmoid(Q h) * x          even rounds:   h = 2 sigmoid(R x) * h

    i, f, o = sigmoid(W x + b + U h);  g = tanh(Wg x + bg + Ug h);  c = f * c + i * g;  h = o * tanh(c)

    x (B, I), h and c (B, H); each round has a matrix of its own, Q (I, H) or R (H, I). What enters depends on memory
    from the first round on, so nothing can be computed for all steps at once.
    """

    by_input: Tensor  # (rounds // 2, H, I), not there where that is none

    def __init__(self, input_size: int, hidden_size: int, rounds: int = 5) -> None:
        super().__init__()
        if rounds < 1:
            raise ValueError(f"a Mogrifier of {rounds} rounds is an LSTM: one round or more is wanted")
        self.input_size, self.hidden_size, self.rounds = input_size, hidden_size, rounds
        self.weight = nn.Parameter(gate_matrix(4, hidden_size, input_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        self.recurrent = nn.Parameter(recurrent_matrix(4, hidden_size))
        odd, even = (rounds + 1) // 2, rounds // 2
        self.by_memory = nn.Parameter(gate_matrix(odd, input_size, hidden_size).view(odd, input_size, hidden_size))
        by_input = gate_matrix(even, hidden_size, input_size).view(even, hidden_size, input_size)
        self.register_parameter("by_input", nn.Parameter(by_input) if even else None)
        with torch.no_grad():
            self.bias[hidden_size : 2 * hidden_size] = 1

    def start(self, batch: int, random: Generator | None = None) -> LstmState:
        return LstmState(self.weight.new_zeros(batch, self.hidden_size), self.weight.new_zeros(batch, self.hidden_size))

    def enter(self, x: Tensor) -> Tensor:
        return x

    def step(self, state: LstmState, entered: Tensor) -> tuple[LstmState, Tensor]:
        x, h, H = entered, state.h, self.hidden_size
        for turn in range(self.rounds):
            if turn % 2 == 0:
                x = _opened(functional.linear(h, self.by_memory[turn // 2])) * x
            else:
                h = _opened(functional.linear(x, self.by_input[turn // 2])) * h
        before = functional.linear(x, self.weight, self.bias) + functional.linear(h, self.recurrent)
        i, f, o = torch.sigmoid(before[:, : 3 * H]).chunk(3, 1)
        c = f * state.c + i * torch.tanh(before[:, 3 * H :])
        h = o * torch.tanh(c)
        return LstmState(h, c), h


def _opened(a: Tensor) -> Tensor:
    """2 sigmoid(a), which is 1 + tanh(a / 2): torch rounds tanh alike wherever a row stands, and sigmoid not always."""
    return 1 + torch.tanh(a / 2)
