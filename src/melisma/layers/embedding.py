"""The embedding matrix: row s is the vector of symbol s; looking up is what a product with one-hot vectors comes to."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from melisma.layers.dropout import embedding_rows
from melisma.ragged import Ragged


class Embedding(nn.Module):
    """Symbols (N,) int64 -> vectors (N, E), times ``scale``   (Bengio et al. 2003; scaled: Vaswani et al. 2017, 3.4).

    The rows begin normal with deviation E ** -0.5; scaled by E ** 0.5 they enter a network with deviation 1, and
    unscaled they serve as an output layer (Press & Wolf 2017).
    """

    def __init__(self, symbols: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(symbols, size) * size**-0.5)
        self.scale = math.sqrt(size)

    def forward(self, symbols: Ragged, dropped: float = 0.0, random: Generator | None = None) -> Ragged:
        """Rows (N,) -> (N, E), whole symbols left out with probability ``dropped`` while training."""
        weight = embedding_rows(self.weight, dropped, random)
        return symbols.with_rows(self.vectors(symbols.rows, weight))

    def vectors(self, symbols: Tensor, weight: Tensor | None = None) -> Tensor:
        """(N,) -> (N, E)."""
        return functional.embedding(symbols, self.weight if weight is None else weight) * self.scale
