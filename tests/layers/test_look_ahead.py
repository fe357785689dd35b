"""The look-ahead is the sum that it is said to be, and begins by changing nothing."""

from __future__ import annotations

import pytest
import torch
from laws.things import some_sequences
from torch.nn import functional

from melisma.contract import whole
from melisma.layers.look_ahead import LookAhead
from melisma.ragged import Ragged

LENGTHS = [5, 0, 1, 9, 5, 2]


@pytest.mark.parametrize("ahead", [0, 1, 3, 7])
def test_torch_agrees(ahead: int) -> None:
    """A convolution of each feature by itself, zeros behind."""
    layer = LookAhead(3, ahead).double()
    torch.manual_seed(0)
    torch.nn.init.normal_(layer.weight)
    sequences = [sequence.double() for sequence in some_sequences(1, LENGTHS, 3)]
    for sequence, y in zip(sequences, whole(layer, Ragged.of(sequences)).sequences(), strict=True):
        if not len(sequence):
            assert y.shape == (0, 3)
            continue
        padded = functional.pad(sequence.t(), (0, ahead))[None]
        wanted = functional.conv1d(padded, layer.weight.t()[:, None], groups=3)[0].t()
        torch.testing.assert_close(y, wanted, rtol=0, atol=1e-12)


def test_it_begins_by_changing_nothing() -> None:
    x = Ragged.of(some_sequences(2, LENGTHS))
    assert torch.equal(whole(LookAhead(6, 4), x).flat(), x.flat())


@pytest.mark.parametrize("lengths", [[7], [3, 6, 0, 1]])
def test_the_gradient_is_that_of_the_sum(lengths: list[int]) -> None:
    layer = LookAhead(2, 2).double()
    torch.manual_seed(0)
    torch.nn.init.normal_(layer.weight)
    x = Ragged.of([sequence.double() for sequence in some_sequences(3, lengths, 2)])
    rows = x.rows.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda given, _: whole(layer, x.with_rows(given)).rows, (rows, layer.weight))


def test_looking_back_is_refused() -> None:
    with pytest.raises(ValueError, match="a look-ahead of -1 steps would look back"):
        LookAhead(3, -1)
