"""Losses of trigger words: as they are defined, one step at a time; what is free has no gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from laws.things import some_sequences
from torch import Tensor

from melisma.losses.spotting import (
    Span,
    SpottingLoss,
    max_pool_loss,
    plain_max_pool_loss,
    plain_windowed_loss,
    spans,
    windowed_loss,
)
from melisma.ragged import Ragged
from melisma.sound.said import Said

WORDS = 2
LENGTHS = [9, 0, 14, 1, 9]
WANTED = [Span(0, 0, 2, 5), Span(0, 0, 7, 9), Span(0, 1, 4, 7), Span(2, 1, 0, 14), Span(3, 0, 0, 1)]
PAIRS = [(max_pool_loss, plain_max_pool_loss), (windowed_loss, plain_windowed_loss)]


def some_logits(seed: int = 1) -> list[Tensor]:
    return [3 * sequence.double() for sequence in some_sequences(seed, LENGTHS, WORDS)]


@pytest.mark.parametrize("focus", [0.0, 2.0])
@pytest.mark.parametrize("wanted", [(), WANTED])
@pytest.mark.parametrize(("loss", "plain"), PAIRS)
def test_as_it_is_defined(loss: Any, plain: Any, wanted: list[Span], focus: float) -> None:
    sequences = [sequence.requires_grad_() for sequence in some_logits()]
    found, expected = (each(Ragged.of(sequences), wanted, focus) for each in (loss, plain))
    weights = torch.tensor([1.0, 2.0, -1.0, 0.5, 3.0], dtype=torch.float64)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
    gradients = [
        torch.autograd.grad((each.positive @ weights) + 0.3 * (each.negative @ weights), sequences)
        for each in (found, expected)
    ]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


def by_hand(loss: Any, *arguments: Any) -> SpottingLoss:
    y = torch.tensor([[-2.0], [0.0], [1.0], [-1.0]], dtype=torch.float64)
    result: SpottingLoss = loss(Ragged.of([y]), [Span(0, 0, 1, 3)], *arguments)
    return result


def test_numbers_by_hand() -> None:
    def nats(y: float) -> Tensor:
        return torch.log1p(torch.exp(torch.tensor([y], dtype=torch.float64)))

    elsewhere = nats(-2) + nats(-1)
    torch.testing.assert_close(by_hand(max_pool_loss), SpottingLoss(nats(-1), elsewhere))
    torch.testing.assert_close(by_hand(windowed_loss), SpottingLoss((nats(0) + nats(-1)) / 2, elsewhere))
    focused = (
        nats(-2) * torch.tensor(-2.0).double().sigmoid() ** 3 + nats(-1) * torch.tensor(-1.0).double().sigmoid() ** 3
    )
    torch.testing.assert_close(by_hand(max_pool_loss, 3.0).negative, focused)


@pytest.mark.parametrize("loss", [max_pool_loss, windowed_loss])
def test_what_is_beside_the_maximum_has_no_gradient(loss: Any) -> None:
    y = torch.tensor([[0.1], [0.2], [0.9], [0.3], [0.4]], requires_grad=True)
    both = loss(Ragged.of([y]), [Span(0, 0, 1, 4)])
    (gradient,) = torch.autograd.grad((both.positive + both.negative).sum(), y)
    wanted = [True, loss is windowed_loss, True, loss is windowed_loss, True]
    assert (gradient[:, 0] != 0).tolist() == wanted
    assert gradient[0] > 0 > gradient[2]


@pytest.mark.parametrize("loss", [max_pool_loss, windowed_loss])
@pytest.mark.parametrize("span", [Span(0, 0, 3, 3), Span(0, 0, -1, 2), Span(0, 0, 8, 10), Span(1, 0, 0, 1)])
def test_a_word_outside_its_sequence_is_refused(loss: Any, span: Span) -> None:
    with pytest.raises(ValueError, match="lies not within the"):
        loss(Ragged.of(some_logits()), [span])


def test_spans_stand_around_the_ends_of_trigger_words() -> None:
    said = [
        (Said(0, 0.1, 1.0), Said(None, 1.2, 1.9), Said(1, 2.0, 2.5)),
        (),
        (Said(0, 0.0, 0.08), Said(0, 0.5, 3.0), Said(1, 3.0, 3.2)),
    ]
    found = spans(said, 0.1, 0.2, 0.3, [40, 10, 31])
    assert found == [Span(0, 0, 8, 13), Span(0, 1, 23, 28), Span(2, 0, 0, 4), Span(2, 0, 28, 31), Span(2, 1, 30, 31)]
    assert spans([(Said(0, 0.0, 1.0),)], 0.1, 0.0, 0.0, [40]) == [Span(0, 0, 10, 11)], "one step at least"
    assert spans([(Said(0, 0.0, 1.0),)], 0.1, 0.0, 0.3, [10]) == [], "beyond the end nothing can be heard"


@pytest.mark.parametrize("loss", [max_pool_loss, windowed_loss])
def test_neighbours(loss: Any) -> None:
    """A sequence's sums are its own, whoever stands beside it."""
    sequences = some_logits()
    together = loss(Ragged.of(sequences), WANTED)
    for place, sequence in enumerate(sequences):
        own = [span._replace(sequence=0) for span in WANTED if span.sequence == place]
        alone = loss(Ragged.of([sequence]), own)
        torch.testing.assert_close(together.positive[place], alone.positive[0])
        torch.testing.assert_close(together.negative[place], alone.negative[0])
