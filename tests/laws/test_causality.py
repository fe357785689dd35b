"""Causality: what ``delay`` and ``ratio`` declare is what the gradient measures."""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import Any

import pytest
import torch
from laws.things import FEATURES, LAYERS, a_layer, some_sequences
from torch import Tensor

from melisma.contract import whole
from melisma.ragged import Ragged

STEPS = 29


def reach(layer: Any, steps: int = STEPS) -> Tensor:
    """(outputs, steps) true where an output has a gradient towards an input, in float64.

    As many copies of one sequence as it has outputs are heard together, and of each copy another output is asked.
    """
    (sequence,) = some_sequences(1, [steps])
    outputs = len(whole(layer.double(), Ragged.of([sequence.double()])).rows)
    copies = sequence.double().expand(outputs, -1, -1).clone().requires_grad_()
    said = whole(layer, Ragged.of(list(copies))).sequences()
    weights = torch.randn(FEATURES, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    (gradients,) = torch.autograd.grad(sum(said[output][output] @ weights for output in range(outputs)), copies)
    return gradients.abs().sum(-1) > 0


def furthest(reached: Tensor) -> list[int]:
    """For each output the last input that it reads."""
    return [int(row.nonzero()[-1]) for row in reached]


@pytest.mark.parametrize("name", LAYERS)
def test_the_delay_is_what_the_gradient_measures(name: str) -> None:
    layer = a_layer(name)
    last = furthest(reach(layer))
    places = [int(output / layer.ratio) for output in range(len(last))]
    if layer.delay is None:
        assert last == [STEPS - 1] * len(last), "what needs the end reads the end"
        return
    inside = [(at, place) for at, place in zip(last, places) if place + layer.delay < STEPS]
    assert len(inside) > 1
    assert {at - place for at, place in inside} == {layer.delay}


@pytest.mark.parametrize("name", LAYERS)
def test_the_ratio_is_how_many_outputs_there_are(name: str) -> None:
    layer = a_layer(name)
    x = Ragged.of(some_sequences(3, [5, 0, 12, 1, 2, 13, 24]))
    y = whole(layer, x)
    if layer.ratio == 1:
        assert y.lengths().tolist() == x.lengths().tolist()
    assert y.lengths().tolist() == [outputs(layer, length) for length in x.lengths().tolist()]


def outputs(layer: Any, length: int) -> int:
    """One layer after another rounds up; the whole differs from the ratio by less than one output a layer."""
    for inner in getattr(layer, "layers", [layer]):
        length = ceil(length * inner.ratio) if not hasattr(inner, "layers") else outputs(inner, length)
    return length


@pytest.mark.parametrize("name", [name for name in LAYERS if a_layer(name).delay is not None])
def test_an_output_is_said_as_soon_as_it_can_be(name: str) -> None:
    """After n steps everything has been said whose delay lies within them, and nothing else."""
    layer = a_layer(name)
    (sequence,) = some_sequences(4, [STEPS])
    state, said = layer.start(1), 0
    with torch.no_grad():
        for heard in range(1, STEPS + 1):
            state, y = layer.feed(state, Ragged.of([sequence[heard - 1 : heard]]))
            said += len(y.rows)
            assert said == max(0, ceil((heard - layer.delay) * layer.ratio))


def test_serial_ratios_multiply() -> None:
    assert a_layer("serial of strides").ratio == Fraction(1, 6)
    assert a_layer("serial of strides").delay == 1 + 2 * 2 + 6 * 1


@pytest.mark.parametrize("name", [name for name in LAYERS if a_layer(name).delay is None])
def test_what_needs_the_end_says_nothing_before(name: str) -> None:
    layer = a_layer(name)
    state, y = layer.feed(layer.start(2), Ragged.of(some_sequences(5, [9, 4])))
    assert y.lengths().tolist() == [0, 0]
    rest = layer.flush(state)[1]
    assert rest is not None
    assert len(rest.rows)
