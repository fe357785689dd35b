"""What is left out while training: a value, a feature of a whole sequence, a row of an embedding, a weight of memory.

Each scales what stays by 1 / (1 - rate), so that nothing changes when a model is used (Srivastava et al. 2014).
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, TypeVar

import torch
from torch import Generator, Tensor, nn

from melisma.ragged import Ragged

C = TypeVar("C")
RECURRENT = "recurrent"  # what every cell calls the matrix that its memory enters through


def kept(shape: tuple[int, ...], rate: float, random: Generator) -> Tensor:
    """A mask of this shape, on the generator's device: 0 with probability ``rate``, else 1 / (1 - rate)."""
    return torch.rand(shape, generator=random, device=random.device).ge_(rate).mul_(1 / (1 - rate))


def embedding_rows(weight: Tensor, rate: float, random: Generator | None) -> Tensor:
    """The embedding matrix (V, E) without some whole words (Gal & Ghahramani 2016); without ``random`` itself."""
    if random is None or not rate:
        return weight
    return weight * kept((len(weight), 1), rate, random)


@dataclass(frozen=True, eq=False)
class WeightMask:
    """What stays of a recurrent matrix: one for all sequences, so no tensor of a state, which only carries it along."""

    values: Tensor  # (G, H)


def weight_mask(cell: object, rate: float, random: Generator | None) -> WeightMask | None:
    """A mask for the recurrent matrix of a cell; without ``random`` none. ValueError where it has no such matrix."""
    recurrent = getattr(cell, RECURRENT, None)
    if not isinstance(recurrent, Tensor):
        raise ValueError(f"{type(cell).__name__} has no recurrent matrix to leave weights out of")
    return None if random is None else WeightMask(kept(tuple(recurrent.shape), rate, random))


def without_weights(cell: C, mask: WeightMask | None) -> C:
    """The same cell with some of its recurrent weights left out   (DropConnect: Wan et al. 2013; Merity et al. 2018).

    It shares everything else with the cell, and gradients reach the whole matrix through what stays.
    """
    if mask is None:
        return cell
    thin = copy(cell)
    vars(thin)[RECURRENT] = getattr(cell, RECURRENT) * mask.values  # found before the parameter of that name is
    return thin


class PlainState(NamedTuple):
    """What masks are drawn from; None: nothing is left out."""

    random: Generator | None


class PlainDropout(nn.Module):
    """y = x * mask, a mask of its own for every value (Srivastava et al. 2014). Rows (N, F) -> (N, F)."""

    delay: int | None = 0
    ratio = Fraction(1)

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def start(self, batch: int, random: Generator | None = None) -> PlainState:
        return PlainState(random)

    def feed(self, state: PlainState, x: Ragged) -> tuple[PlainState, Ragged]:
        if state.random is None or not self.rate:
            return state, x
        return state, x.with_rows(x.rows * kept(tuple(x.rows.shape), self.rate, state.random))

    def flush(self, state: PlainState) -> tuple[PlainState, None]:
        return state, None


class LockedState(NamedTuple):
    """mask (B, F), the same at every step of a sequence; None: nothing is left out."""

    mask: Tensor | None


class LockedDropout(nn.Module):
    """y_t = x_t * mask, one for all steps (Gal & Ghahramani 2016, "variational"). Rows (N, F) -> (N, F)."""

    delay: int | None = 0
    ratio = Fraction(1)

    def __init__(self, rate: float, size: int) -> None:
        super().__init__()
        self.rate, self.size = rate, size

    def start(self, batch: int, random: Generator | None = None) -> LockedState:
        if random is None or not self.rate:
            return LockedState(None)
        return LockedState(kept((batch, self.size), self.rate, random))

    def feed(self, state: LockedState, x: Ragged) -> tuple[LockedState, Ragged]:
        if state.mask is None:
            return state, x
        return state, x.with_rows(x.rows * state.mask[x.owners])

    def flush(self, state: LockedState) -> tuple[LockedState, None]:
        return state, None
