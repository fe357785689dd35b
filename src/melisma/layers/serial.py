"""Layers one after another."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from typing import Any, NamedTuple, cast

from torch import Generator, nn

from melisma.contract import Layer
from melisma.ragged import Ragged


class SerialState(NamedTuple):
    """The state of each layer, in order."""

    layers: tuple[Any, ...]


class Serial(nn.Module):
    """y = layer_n(... layer_1(x)), chunk by chunk; ratio: the product of theirs; delay: what theirs come to."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(cast(nn.Module, layer) for layer in layers)
        self.delay, self.ratio = _delay(layers), Fraction(1)
        for layer in layers:
            self.ratio *= layer.ratio

    def _each(self) -> list[Layer]:
        return [cast(Layer, layer) for layer in self.layers]

    def start(self, batch: int, random: Generator | None = None) -> SerialState:
        return SerialState(tuple(layer.start(batch, random) for layer in self._each()))

    def feed(self, state: SerialState, x: Ragged) -> tuple[SerialState, Ragged]:
        states = []
        for layer, before in zip(self._each(), state.layers):
            after, x = layer.feed(before, x)
            states.append(after)
        return SerialState(tuple(states)), x

    def flush(self, state: SerialState) -> tuple[SerialState, Ragged | None]:
        states: list[Any] = []
        rest: Ragged | None = None
        for layer, before in zip(self._each(), state.layers):
            after, said = (before, None) if rest is None else layer.feed(before, rest)
            after, held = layer.flush(after)
            rest = said if held is None else held if said is None else said.join(held)
            states.append(after)
        return SerialState(tuple(states)), rest


def _delay(layers: Sequence[Layer]) -> int | None:
    """Input steps needed beyond an output, counted at the first layer's input; None if any layer needs the end."""
    total, stride = Fraction(0), Fraction(1)
    for layer in layers:
        if layer.delay is None:
            return None
        total += layer.delay * stride
        stride /= layer.ratio
    return ceil(total)
