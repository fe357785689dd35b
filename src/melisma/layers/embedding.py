"""How symbols enter: as rows of an embedding matrix, or one-hot, which is what looking up a row is a product with."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Self

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from melisma.layers.dropout import embedding_rows, kept
from melisma.ragged import Ragged


class Embedding(nn.Module):
    """Symbols (N,) int64 -> vectors (N, E), times ``scale``   (Bengio et al. 2003; scaled: Vaswani et al. 2017, 3.4).

    The rows begin normal with deviation E ** -0.5; scaled by E ** 0.5 they enter a network with deviation 1, and
    unscaled they serve as an output layer (Press & Wolf 2017).
    """

    def __init__(self, symbols: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(symbols, size).mul_(size**-0.5))
        self.size, self.scale = size, math.sqrt(size)

    def forward(self, symbols: Ragged, dropped: float = 0.0, random: Generator | None = None) -> Ragged:
        """Rows (N,) -> (N, E), whole symbols left out with probability ``dropped`` while training."""
        return symbols.with_rows(self.vectors(symbols.rows, self.drawn(dropped, random)))

    def drawn(self, dropped: float, random: Generator | None) -> Tensor:
        """The matrix as ``vectors`` takes it, whole symbols left out with probability ``dropped`` while training."""
        return embedding_rows(self.weight, dropped, random)

    def vectors(self, symbols: Tensor, weight: Tensor | None = None) -> Tensor:
        """(N,) -> (N, E)."""
        return functional.embedding(symbols, self.weight if weight is None else weight) * self.scale


class OneHot(nn.Module):
    """Symbols (N,) int64 -> rows (N, V), 1 at the symbol and 0 elsewhere: an identity matrix for an embedding.

    Nothing of it is learnt; the vectors of symbols are then the columns of the first layer's matrix.
    """

    def __init__(self, symbols: int) -> None:
        super().__init__()
        self.size, self.dtype = symbols, torch.get_default_dtype()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Takes the type that a model is turned into (``double()``), as there is no parameter to read it off."""
        self.dtype = fn(torch.empty(0, dtype=self.dtype, device="cpu")).dtype
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def forward(self, symbols: Ragged, dropped: float = 0.0, random: Generator | None = None) -> Ragged:
        """Rows (N,) -> (N, V), whole symbols left out with probability ``dropped`` while training."""
        return symbols.with_rows(self.vectors(symbols.rows, self.drawn(dropped, random)))

    def drawn(self, dropped: float, random: Generator | None) -> Tensor | None:
        """What stands at each symbol, (V, 1), where that is drawn; None: 1 everywhere."""
        return None if random is None or not dropped else kept((self.size, 1), dropped, random)

    def vectors(self, symbols: Tensor, weight: Tensor | None = None) -> Tensor:
        """(N,) -> (N, V)."""
        rows = torch.zeros(len(symbols), self.size, dtype=self.dtype, device=symbols.device)
        if weight is None:
            return rows.scatter(1, symbols[:, None], 1.0)
        return rows.scatter(1, symbols[:, None], weight[symbols].to(self.dtype))
