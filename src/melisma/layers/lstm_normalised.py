"""The layer-normalised LSTM: what enters, what is remembered and what shows are each brought to one scale."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from melisma.layers.initial import gate_matrix, recurrent_matrix
from melisma.layers.lstm import LstmState

SMALLEST = 1e-5  # added to a variance, so that what does not vary at all is not divided by zero


def normalised(rows: Tensor, gain: Tensor) -> Tensor:
    """Rows (N, F) less their mean, over their deviation, times ``gain`` (F,)   (Ba et al. 2016, eq. 4)."""
    return functional.layer_norm(rows, rows.shape[1:], gain, None, SMALLEST)


class LstmNormalised(nn.Module):
    """An LSTM with layer normalisation   (Ba et al. 2016, eq. 20-22): over all gates together, x and h apart.

    i, f, o, g = LN(W x; a) + b + LN(U h; a');  c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(LN(c; a'') + b'')

    x (B, I), h and c (B, H). The published biases of the first two normalisations are part of b, as only their sum
    shows. The gains begin at 1 and the forget gate's bias at 1. Memory passes through a gain that learns, so there is
    no fast path.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        self.weight = nn.Parameter(gate_matrix(4, hidden_size, input_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))
        self.recurrent = nn.Parameter(recurrent_matrix(4, hidden_size))
        self.gain_of_input = nn.Parameter(torch.ones(4 * hidden_size))
        self.gain_of_memory = nn.Parameter(torch.ones(4 * hidden_size))
        self.gain_of_shown = nn.Parameter(torch.ones(hidden_size))
        self.bias_of_shown = nn.Parameter(torch.zeros(hidden_size))
        with torch.no_grad():
            self.bias[hidden_size : 2 * hidden_size] = 1

    def start(self, batch: int, random: Generator | None = None) -> LstmState:
        return LstmState(self.weight.new_zeros(batch, self.hidden_size), self.weight.new_zeros(batch, self.hidden_size))

    def enter(self, x: Tensor) -> Tensor:
        return normalised(functional.linear(x, self.weight), self.gain_of_input) + self.bias

    def step(self, state: LstmState, entered: Tensor) -> tuple[LstmState, Tensor]:
        H = self.hidden_size
        before = entered + normalised(functional.linear(state.h, self.recurrent), self.gain_of_memory)
        i, f, o = torch.sigmoid(before[:, : 3 * H]).chunk(3, 1)
        c = f * state.c + i * torch.tanh(before[:, 3 * H :])
        h = o * torch.tanh(normalised(c, self.gain_of_shown) + self.bias_of_shown)
        return LstmState(h, c), h
