"""What is left out: nothing without a generator, the declared share with one, and what is expected stays the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from laws.things import LAYERS, a_layer, some_sequences
from torch import Generator, Tensor

from melisma.contract import take, whole
from melisma.layers.dropout import LockedDropout, PlainDropout, embedding_rows
from melisma.layers.embedding import Embedding
from melisma.ragged import Ragged

RATE = 0.3
SIZE = 50


def seeded(seed: int = 1) -> Generator:
    return Generator().manual_seed(seed)


def both() -> list[Any]:
    return [PlainDropout(RATE), LockedDropout(RATE, SIZE)]


def ones(*lengths: int) -> Ragged:
    return Ragged.of([torch.ones(length, SIZE) for length in lengths])


@pytest.mark.parametrize("layer", [*both(), PlainDropout(0.0), LockedDropout(0.0, SIZE)])
def test_without_a_generator_nothing_changes(layer: Any) -> None:
    x = ones(3, 0, 2)
    assert whole(layer, x).rows is x.rows
    if not layer.rate:
        generator = seeded()
        assert whole(layer, x, generator).rows is x.rows
        assert torch.equal(generator.get_state(), seeded().get_state()), "a rate of 0 draws nothing"


@pytest.mark.parametrize("layer", both())
def test_what_stays_is_scaled_and_what_is_expected_stays(layer: Any) -> None:
    generator = seeded()
    y = torch.cat([whole(layer, ones(*[2] * 200), generator).flat() for _ in range(3)])
    assert sorted(set(y.flatten().tolist())) == [0.0, pytest.approx(1 / (1 - RATE))]
    assert y.mean().item() == pytest.approx(1, abs=0.03)
    assert y.mean(0).min().item() > 0.8
    assert (y == 0).float().mean().item() == pytest.approx(RATE, abs=0.02)


def test_plain_masks_differ_at_every_value() -> None:
    (y,) = whole(PlainDropout(RATE), ones(400), seeded()).sequences()
    assert len({tuple(row.tolist()) for row in y}) > 390


def test_locked_masks_are_one_a_sequence() -> None:
    y = whole(LockedDropout(RATE, SIZE), ones(5, 9, 5), seeded()).sequences()
    assert all(torch.equal(row, sequence[0]) for sequence in y for row in sequence)
    assert not torch.equal(y[0][0], y[1][0])
    assert not torch.equal(y[0][0], y[2][0])


def test_locked_masks_follow_their_sequence() -> None:
    layer = LockedDropout(RATE, SIZE)
    state = layer.start(3, seeded())
    y = layer.feed(state, ones(2, 4, 3))[1].sequences()
    swapped = layer.feed(take(state, torch.tensor([2, 0])), ones(1, 6))[1].sequences()
    assert torch.equal(swapped[0][0], y[2][0])
    assert torch.equal(swapped[1][0], y[0][0])


@pytest.mark.parametrize("layer", both())
def test_the_generator_decides_and_nothing_else(layer: Any) -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first, again, other = (whole(layer, ones(4, 7), seeded(seed)).rows for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_masks_are_no_part_of_what_is_saved() -> None:
    assert not LockedDropout(RATE, SIZE).state_dict()


def test_gradients_go_only_through_what_stays() -> None:
    rows = torch.ones(6, SIZE, requires_grad=True)
    y = whole(LockedDropout(RATE, SIZE), Ragged.of([rows]), seeded()).rows
    y.sum().backward()
    assert rows.grad is not None
    assert torch.equal(rows.grad, y.detach())


def test_embedding_rows_leave_out_whole_words() -> None:
    weight = torch.randn(300, 4)
    assert embedding_rows(weight, RATE, None) is weight
    assert embedding_rows(weight, 0.0, seeded()) is weight
    dropped = embedding_rows(weight, RATE, seeded())
    share = dropped / weight
    assert all(len(set(row)) == 1 for row in share.round(decimals=3).tolist())
    assert (share[:, 0] == 0).float().mean().item() == pytest.approx(RATE, abs=0.08)
    assert share.mean().item() == pytest.approx(1, abs=0.12)


def test_an_embedding_leaves_a_word_out_wherever_it_stands() -> None:
    embedding = Embedding(40, 6)
    symbols = Ragged.of_symbols([list(range(40)), list(range(39, -1, -1))])
    plain, dropped = embedding(symbols), embedding(symbols, RATE, seeded())
    assert torch.equal(plain.rows, embedding.weight[symbols.rows] * 6**0.5)
    one, other = (sequence.detach() for sequence in dropped.sequences())
    assert torch.equal(one, other.flip(0))
    assert 0 < int((one == 0).all(1).sum()) < 40


@pytest.mark.parametrize(
    "name", [name for name in LAYERS if any("Dropout" in type(m).__name__ for m in a_layer(name).modules())]
)
def test_layers_with_dropout_inside_hear_the_generator(name: str) -> None:
    layer = a_layer(name)
    x = Ragged.of(some_sequences(1, [4, 9, 5]))

    def said(generator: Generator | None) -> Tensor:
        return whole(layer, x, generator).rows

    assert torch.equal(said(None), said(None))
    assert torch.equal(said(seeded()), said(seeded()))
    assert not torch.equal(said(None), said(seeded()))
