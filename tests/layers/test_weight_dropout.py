"""Weights that are left out: the same for a whole batch and all its steps, on every path, and never while answering."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch
from laws.things import CELL_NAMES, FEATURES, a_cell, some_sequences
from torch import Generator, Tensor

from melisma.contract import detached, is_gated, joined, leaves, part, take, whole
from melisma.layers.deep import BothWays, OneWay, Residual, ThinState, began
from melisma.layers.dropout import WeightMask, weight_mask, without_weights
from melisma.layers.scan import plain_loop, scan
from melisma.ragged import Ragged

RATE = 0.4
LENGTHS = [5, 0, 3, 7]


def seeded(seed: int = 1) -> Generator:
    return Generator().manual_seed(seed)


def inputs() -> Ragged:
    return Ragged.of([sequence.double() for sequence in some_sequences(2, LENGTHS)])


def a_double(name: str) -> Any:
    return a_cell(name).double()


def with_matrix(name: str, matrix: Tensor) -> Any:
    """The same cell, its recurrent matrix replaced for good."""
    cell = a_double(name)
    with torch.no_grad():
        cell.recurrent.copy_(matrix)
    return cell


@pytest.mark.parametrize("name", CELL_NAMES)
def test_it_is_the_cell_of_a_matrix_with_zeros_in_it(name: str) -> None:
    cell = a_double(name)
    mask = weight_mask(cell, RATE, seeded())
    assert mask is not None
    assert sorted(set(mask.values.flatten().tolist())) == [0.0, pytest.approx(1 / (1 - RATE))]
    y = whole(OneWay(cell, RATE), inputs(), seeded()).rows
    other = with_matrix(name, cell.recurrent * mask.values)
    torch.testing.assert_close(y, whole(OneWay(other), inputs()).rows)
    assert not torch.allclose(y, whole(OneWay(cell), inputs()).rows)


@pytest.mark.parametrize("name", CELL_NAMES)
def test_the_whole_matrix_learns_through_what_stays(name: str) -> None:
    cell = a_double(name)
    mask = weight_mask(cell, RATE, seeded())
    assert mask is not None
    y = whole(OneWay(cell, RATE), inputs(), seeded()).rows
    weights = torch.randn(y.shape, generator=seeded(3), dtype=torch.float64)
    found = torch.autograd.grad((y * weights).sum(), list(cell.parameters()))
    other = with_matrix(name, cell.recurrent * mask.values)
    z = whole(OneWay(other), inputs()).rows
    wanted = torch.autograd.grad((z * weights).sum(), list(other.parameters()))
    for (key, _), one, expected in zip(cell.named_parameters(), found, wanted, strict=True):
        torch.testing.assert_close(one, expected * mask.values if key == "recurrent" else expected)
    assert other.recurrent.shape == cell.recurrent.shape


@pytest.mark.parametrize("name", [name for name in CELL_NAMES if is_gated(a_cell(name))])
def test_the_fast_path_takes_it_and_equals_the_plain_loop(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scanning = importlib.import_module("melisma.layers.scan")
    cell, taken = a_double(name), []
    fast = scanning.fast_loop
    monkeypatch.setattr(scanning, "fast_loop", lambda *parts: (taken.append(name), fast(*parts))[1])
    found = torch.autograd.grad(whole(OneWay(cell, RATE), inputs(), seeded()).rows.square().sum(), cell.parameters())
    assert taken == [name]
    monkeypatch.setattr(scanning, "fast_loop", plain_loop)
    wanted = torch.autograd.grad(whole(OneWay(cell, RATE), inputs(), seeded()).rows.square().sum(), cell.parameters())
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", CELL_NAMES)
def test_the_cell_itself_stays_whole(name: str) -> None:
    cell = a_double(name)
    before = cell.recurrent.detach().clone()
    thin = without_weights(cell, weight_mask(cell, RATE, seeded()))
    assert type(thin) is type(cell)
    assert not torch.equal(thin.recurrent, before)
    assert torch.equal(cell.recurrent, before)
    assert thin.weight is cell.weight
    assert "recurrent" in dict(cell.named_parameters())
    assert without_weights(cell, None) is cell


@pytest.mark.parametrize("layer", [OneWay(a_cell("lstm"), RATE), Residual(OneWay(a_cell("elman"), RATE))])
def test_nothing_is_drawn_or_left_out_while_answering(layer: Any) -> None:
    before = torch.get_rng_state()
    x = Ragged.of(some_sequences(1, LENGTHS))
    inner = layer.layer if isinstance(layer, Residual) else layer
    plain = Residual(OneWay(inner.cell)) if isinstance(layer, Residual) else OneWay(inner.cell)
    assert torch.equal(whole(layer, x).rows, whole(plain, x).rows)
    layer.train()
    assert torch.equal(whole(layer, x).rows, whole(plain, x).rows), "train() means nothing here"
    assert torch.equal(torch.get_rng_state(), before)


def test_a_rate_of_zero_draws_nothing_and_keeps_the_state_of_the_cell() -> None:
    cell, generator = a_cell("lstm"), seeded()
    state = OneWay(cell).start(3, generator)
    assert type(state) is type(cell.start(3))
    assert torch.equal(generator.get_state(), seeded().get_state())


def test_both_directions_have_masks_of_their_own() -> None:
    state = BothWays(a_cell("elman"), a_cell("elman"), RATE).start(2, seeded())
    assert not torch.equal(state.forward.mask.values, state.backward.mask.values)


def test_the_mask_is_one_for_all_sequences_and_goes_with_none_of_them() -> None:
    layer = OneWay(a_cell("lstm"), RATE)
    state = layer.start(4, seeded())
    assert len(leaves(state)) == 2, "a mask is no tensor of the state"
    for moved in (take(state, torch.tensor([2, 0, 0])), part(state, 1, 3), detached(state), joined([state, state])):
        assert isinstance(moved, ThinState)
        assert moved.mask is state.mask
    sequences = some_sequences(1, LENGTHS)
    together = layer.feed(state, Ragged.of(sequences))[1].sequences()
    alone = layer.feed(take(state, torch.tensor([3])), Ragged.of(sequences[3:]))[1].sequences()
    torch.testing.assert_close(together[3], alone[0], rtol=0, atol=1e-6)


def test_a_state_that_begins_elsewhere_keeps_its_mask() -> None:
    cell = a_cell("lstm")
    elsewhere = type(cell.start(2))(torch.ones(2, FEATURES), torch.ones(2, FEATURES))
    for layer in (OneWay(cell), OneWay(cell, RATE), Residual(OneWay(cell)), Residual(OneWay(cell, RATE))):
        state = layer.start(2, seeded())
        begun = began(state, elsewhere)
        assert type(begun) is type(state)
        assert all(bool(leaf.all()) for leaf in leaves(begun))
        y = layer.feed(begun, Ragged.of(some_sequences(1, [2, 3])))[1]
        assert not torch.equal(y.rows, layer.feed(state, Ragged.of(some_sequences(1, [2, 3])))[1].rows)
    assert began(OneWay(cell, RATE).start(2, seeded()), elsewhere).mask is not None


def test_a_cell_without_a_recurrent_matrix_is_refused() -> None:
    class Forgetful:
        input_size = hidden_size = FEATURES

        def start(self, batch: int, random: Generator | None = None) -> Any:
            return (torch.zeros(batch, FEATURES),)

        def enter(self, x: Tensor) -> Tensor:
            return x

        def step(self, state: Any, entered: Tensor) -> Any:
            return (entered,), entered

    for random in (None, seeded()):
        with pytest.raises(ValueError, match="Forgetful has no recurrent matrix"):
            OneWay(Forgetful(), RATE).start(1, random)  # type: ignore[arg-type]
    scan(Forgetful(), Ragged.of(some_sequences(1, [2])), Forgetful().start(1))


def test_a_mask_is_carried_along_whatever_it_holds() -> None:
    mask = WeightMask(torch.zeros(2, 3))
    assert mask != WeightMask(torch.zeros(2, 3)), "masks are compared by identity, as their tensors have no truth"
