"""What symbols enter a decoder's first cell as, each computed once: in searches the same come again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from torch import Generator, Tensor

from melisma.contract import Cell, Layer, is_gated
from melisma.layers.deep import OneWay
from melisma.layers.dropout import LockedDropout, PlainDropout
from melisma.layers.packed import Packed
from melisma.layers.scan import gated_step
from melisma.layers.serial import Serial
from melisma.layers.standing import Standing
from melisma.ragged import filled

HELD = 2**26  # numbers that may be held: 256 MiB, of which few are touched before an eighth of the symbols came
DEARER = 8  # times what a symbol costs among all is what it costs among the few that come in one step
TOGETHER = 512  # symbols that enter at once at most
GATES = 4  # times a cell's size is the most that enters it


class Entered:
    """Symbols (N,) -> what enters the first cell (N, G); kept, so it serves as long as the ``weights`` stand.

    Where so many have come that all could have been had for it, the others are computed, too: a few answers never wait
    for the whole, and many never cost more than twice the least. ``layers`` are those of the decoder, of which the
    first takes what has entered. A copy is nothing: it would hear with the weights of the first.
    """

    def __init__(
        self, layers: Serial, entering: Callable[[Tensor], Tensor], known: Tensor, weights: Iterable[Tensor] = ()
    ) -> None:
        self.layers, self.entering, self.weights = layers, entering, Standing(weights)
        self.known = known  # (V,) which rows are there
        entered = filled(entering, torch.zeros(1, dtype=torch.int64, device=known.device))
        self.rows = entered.new_empty(len(known), entered.shape[1])  # (V, G)
        self.complete = False

    def __call__(self, symbols: Tensor) -> Tensor:
        if not self.complete:
            new = symbols[~self.known[symbols]]
            if len(new):
                self._hear(torch.unique(new))
                self._hear_others()
        return self.rows.index_select(0, symbols)

    def _hear_others(self) -> None:
        if DEARER * int(self.known.sum()) < len(self.known):
            return
        others = (~self.known).nonzero()[:, 0]
        if len(others):
            self._hear(others)
        self.complete = True

    def _hear(self, new: Tensor) -> None:
        for some in torch.split(new, TOGETHER):
            self.rows[some] = filled(self.entering, some)
            self.known[some] = True  # last: what another thread sees as known is there

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()


class _EnteredCell:
    """A cell whose input has entered it."""

    def __init__(self, cell: Cell) -> None:
        self.cell, self.input_size, self.hidden_size = cell, cell.input_size, cell.hidden_size
        self.packed = Packed()

    def start(self, batch: int, random: Generator | None = None) -> Any:
        return self.cell.start(batch, random)

    def enter(self, x: Tensor) -> Tensor:
        return x

    def step(self, state: Any, entered: Tensor) -> tuple[Any, Tensor]:
        if torch.is_grad_enabled() or not is_gated(self.cell):
            return self.cell.step(state, entered)
        now = tuple(torch.empty_like(leaf) for leaf in state)
        gated_step(self.cell, state, entered, now, self.packed)  # in the place of what entered, as nothing is learnt
        return type(state)(*now), now[0]


def heard(
    decoder: Serial, vectors: Callable[[Tensor], Tensor], known: Tensor, weights: Iterable[Tensor]
) -> Entered | None:
    """For a decoder that hears the vectors of symbols and nothing else; None where that would not do, or hold too much.

    ``known`` (V,) is false for every symbol. It would not do where the vectors pass by the first cell, too
    (``Residual``).
    """
    layers = [cast(Layer, layer) for layer in decoder.layers]
    first = next((n for n, layer in enumerate(layers) if not isinstance(layer, LockedDropout | PlainDropout)), None)
    if first is None or not isinstance(one := layers[first], OneWay):
        return None
    cell = one.cell
    if len(known) * GATES * cell.hidden_size > HELD:
        return None
    layers[first] = OneWay(_EnteredCell(cell))
    return Entered(Serial(layers), lambda new: cell.enter(vectors(new)), known, weights)
