"""What validates and answers: the averaged weights, in a model that learns nothing meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Generator, nn
from training.vectors import Vectors

from melisma.settings.training import TrainingSettings
from melisma.task import Total
from melisma.training.descent import GradientDescent


def loss(model: nn.Module, batch: Vectors, carry: Any, random: Generator | None) -> tuple[dict[str, Total], Any]:
    error = ((model(batch.x) - 3) ** 2).sum()
    return {"points": Total(error, error.detach())}, None


def a_learner(average: float) -> GradientDescent:
    settings = TrainingSettings(rate=0.1, warmup=0, average=average)
    points = Vectors(torch.ones(4, 1), {"points": 4})
    return GradientDescent(
        nn.Linear(1, 1), loss, lambda epoch: [0], lambda step, random: points, settings, {"points": 1.0}
    )


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_answers_come_from_the_weights_that_are_saved_to_be_used(average: float) -> None:
    learner = a_learner(average)
    for _ in range(9):
        learner.advance()
    last = {name: weight.detach().clone() for name, weight in learner.model.named_parameters()}
    used = {name: weight.clone() for name, weight in learner.snapshot()[0].items()}
    assert all(torch.equal(used[name], last[name]) for name in last) == (average == 0)
    with learner.answering() as model:
        assert all(torch.equal(weight, used[name]) for name, weight in model.named_parameters())
        assert not model.training
        assert not model(torch.ones(1, 1)).requires_grad
    assert all(torch.equal(weight, last[name]) for name, weight in learner.model.named_parameters())


def test_answering_in_between_changes_no_training() -> None:
    one, other = a_learner(0.9), a_learner(0.9)
    other.restore(*one.snapshot())
    for _ in range(5):
        one.advance()
        with other.answering() as model:
            model(torch.ones(1, 1))
        other.advance()
    assert all(torch.equal(a, b) for a, b in zip(one.model.parameters(), other.model.parameters()))
