"""What is the same throughout a sequence is taken off it, at once or as far as it was heard."""

from __future__ import annotations

import pytest
import torch
from laws.things import some_sequences

from melisma.contract import whole
from melisma.layers.centred import Centred, CentredSoFar
from melisma.ragged import Ragged

LENGTHS = [5, 0, 1, 9, 5, 2]


def test_each_sequence_loses_its_own_mean() -> None:
    sequences = some_sequences(1, LENGTHS)
    for x, y in zip(sequences, whole(Centred(), Ragged.of(sequences)).sequences(), strict=True):
        torch.testing.assert_close(y, x - x.mean(0) if len(x) else x)


@pytest.mark.parametrize("prior", [0.0, 2.5])
def test_so_far_is_the_mean_of_what_was_heard_and_of_zeros_before_it(prior: float) -> None:
    sequences = some_sequences(1, LENGTHS)
    found = whole(CentredSoFar(6, prior), Ragged.of(sequences)).sequences()
    for x, y in zip(sequences, found, strict=True):
        wanted = [x[t] - x[: t + 1].sum(0) / (prior + t + 1) for t in range(len(x))]
        torch.testing.assert_close(y, torch.stack(wanted) if wanted else x)


def test_what_stays_the_same_makes_no_difference() -> None:
    """An offset of each feature is gone at once where all was heard, and in the end where it was not."""
    sequences = [sequence.double() for sequence in some_sequences(2, [400, 300])]
    offset = torch.linspace(-3, 3, 6, dtype=torch.float64)
    moved = [sequence + offset for sequence in sequences]
    for layer, rest in ((Centred(), 1e-12), (CentredSoFar(6, 0.0), 1e-12), (CentredSoFar(6, 15.0), 15 / 315 * 3.001)):
        pairs = zip(*(whole(layer, Ragged.of(some)).sequences() for some in (sequences, moved)), strict=True)
        for plain, shifted in pairs:
            assert float((plain[-1] - shifted[-1]).abs().max()) <= rest
    early = whole(CentredSoFar(6, 15.0), Ragged.of([offset.expand(1, 6)])).rows
    torch.testing.assert_close(early, offset.expand(1, 6) * 15 / 16)


def test_sums_do_not_wear_off() -> None:
    """A million steps of one value are centred as well as the first ones."""
    layer, x = CentredSoFar(1, 0.0), Ragged.of([torch.full((100_000, 1), 0.1)])
    state = layer.start(1)
    for _ in range(10):
        state, y = layer.feed(state, x)
    assert float(y.rows.abs().max()) < 1e-7


@pytest.mark.parametrize("layer", [Centred(), CentredSoFar(2, 1.5)])
def test_the_gradient_is_that_of_the_difference(layer: Centred | CentredSoFar) -> None:
    x = Ragged.of([sequence.double() for sequence in some_sequences(3, [3, 6, 0, 1], 2)])
    rows = x.rows.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda given: whole(layer, x.with_rows(given)).rows, (rows,))


def test_fewer_than_no_steps_are_refused() -> None:
    with pytest.raises(ValueError, match=r"cannot begin with -1.0 steps"):
        CentredSoFar(3, -1.0)
