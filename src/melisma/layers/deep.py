"""Recurrent layers from cells: one way, both ways, and with the input added (residual)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import torch
from torch import Generator, nn

from melisma.contract import Cell, Layer
from melisma.layers.dropout import WeightMask, weight_mask, without_weights
from melisma.layers.scan import scan
from melisma.ragged import Ragged


class ThinState(NamedTuple):
    """The state of a cell, and the mask of its recurrent matrix; None: nothing is left out."""

    cell: Any
    mask: WeightMask | None


def _started(cell: Cell, batch: int, rate: float, random: Generator | None) -> Any:
    """A cell's state, where weights may be left out a ``ThinState`` around it."""
    state = cell.start(batch, random)
    return ThinState(state, weight_mask(cell, rate, random)) if rate else state


def _scanned(cell: Cell, x: Ragged, state: Any, *, backwards: bool = False) -> tuple[Any, Ragged]:
    if not isinstance(state, ThinState):
        return scan(cell, x, state, backwards=backwards)
    after, y = scan(without_weights(cell, state.mask), x, state.cell, backwards=backwards)
    return ThinState(after, state.mask), y


class OneWay(nn.Module):
    """A cell over a sequence, from its first step to its last. Rows (N, I) -> (N, H). Its state is the cell's.

    With ``weight_dropout`` that share of the recurrent weights is left out while training, the same for all steps.
    """

    delay: int | None = 0
    ratio = Fraction(1)

    def __init__(self, cell: Cell, weight_dropout: float = 0.0) -> None:
        super().__init__()
        self.cell, self.weight_dropout = cell, weight_dropout
        self.size = cell.hidden_size

    def start(self, batch: int, random: Generator | None = None) -> Any:
        return _started(self.cell, batch, self.weight_dropout, random)

    def feed(self, state: Any, x: Ragged) -> tuple[Any, Ragged]:
        return _scanned(self.cell, x, state)

    def flush(self, state: Any) -> tuple[Any, None]:
        return state, None


class BothWaysState(NamedTuple):
    """Where the forward cell is, where the backward cell begins, what is held back: outputs and inputs so far."""

    forward: Any
    backward: Any
    said: Ragged | None
    heard: Ragged | None


class BothWays(nn.Module):
    """One cell from the first step to the last, another from the last to the first (Schuster & Paliwal 1997).

    Rows (N, I) -> (N, 2 H), side by side. It needs the end (``delay`` is None): ``feed`` holds everything back until
    ``flush``. With ``weight_dropout`` each cell has a mask of its own.
    """

    delay: int | None = None
    ratio = Fraction(1)

    def __init__(self, forward_cell: Cell, backward_cell: Cell, weight_dropout: float = 0.0) -> None:
        super().__init__()
        self.forward_cell, self.backward_cell, self.weight_dropout = forward_cell, backward_cell, weight_dropout
        self.size = forward_cell.hidden_size + backward_cell.hidden_size

    def start(self, batch: int, random: Generator | None = None) -> BothWaysState:
        rate = self.weight_dropout
        forward, backward = (_started(cell, batch, rate, random) for cell in (self.forward_cell, self.backward_cell))
        return BothWaysState(forward, backward, None, None)

    def feed(self, state: BothWaysState, x: Ragged) -> tuple[BothWaysState, Ragged]:
        forward, y = _scanned(self.forward_cell, x, state.forward)
        said = y if state.said is None else state.said.join(y)
        heard = x if state.heard is None else state.heard.join(x)
        return BothWaysState(forward, state.backward, said, heard), Ragged.none(x.batch, self.size, like=y.rows)

    def flush(self, state: BothWaysState) -> tuple[BothWaysState, Ragged | None]:
        if state.said is None or state.heard is None:
            return state, None
        backward, y = _scanned(self.backward_cell, state.heard, state.backward, backwards=True)
        both = state.said.with_rows(torch.cat((state.said.rows, y.rows), 1))
        return BothWaysState(state.forward, backward, None, None), both


class ResidualState(NamedTuple):
    """The state of the layer inside, and the inputs that still wait for their output."""

    inside: Any
    waiting: Ragged | None


class Residual(nn.Module):
    """y = x + layer(x)   (He et al. 2016), for a layer of ratio 1 that gives as many features as it takes."""

    ratio = Fraction(1)

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.layer = layer
        self.delay = layer.delay

    def start(self, batch: int, random: Generator | None = None) -> ResidualState:
        return ResidualState(self.layer.start(batch, random), None)

    def feed(self, state: ResidualState, x: Ragged) -> tuple[ResidualState, Ragged]:
        inside, y = self.layer.feed(state.inside, x)
        if self.delay == 0:
            return ResidualState(inside, None), y.with_rows(x.rows + y.rows)
        waiting = x if state.waiting is None else state.waiting.join(x)
        if not y.live:
            return ResidualState(inside, waiting), y
        ready, waiting = waiting.split(y.lengths())
        return ResidualState(inside, waiting), y.with_rows(ready.rows + y.rows)

    def flush(self, state: ResidualState) -> tuple[ResidualState, Ragged | None]:
        inside, rest = self.layer.flush(state.inside)
        if rest is None or state.waiting is None:
            return ResidualState(inside, None), rest
        return ResidualState(inside, None), rest.with_rows(rest.rows + state.waiting.rows)


def began(state: Any, cell_state: Any) -> Any:
    """The state that a recurrent layer (``OneWay``, or ``Residual`` around one) starts with, its cell's replaced."""
    if isinstance(state, ResidualState):
        return state._replace(inside=began(state.inside, cell_state))
    return state._replace(cell=cell_state) if isinstance(state, ThinState) else cell_state
