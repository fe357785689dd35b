"""A loss that is no number ends a training before it can do harm."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from melisma.errors import Failure
from melisma.settings.training import TrainingSettings
from melisma.task import Total
from melisma.training.descent import GradientDescent
from melisma.training.fit import Calls, Fit


class Doomed:
    """A batch whose loss is a number only until some step."""

    size, weight, counts = 1, None, {"symbols": 1}

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def to(self, device: torch.device) -> Doomed:
        return self


def doomed(steps: list[float], **settings: Any) -> GradientDescent:
    def loss(model: Any, batch: Doomed, carry: None, random: Any) -> Any:
        total = (model.weight * batch.factor).sum()
        # a regularisation that is no number shows in the gradient alone
        return {
            "symbols": Total(
                total * (math.nan if batch.factor == 3 else 1),
                torch.tensor(1.0) if batch.factor == 3 else total.detach(),
            )
        }, None

    torch.manual_seed(0)
    chosen = TrainingSettings(optimizer="sgd", steps=len(steps), epochs=None, validate_every=2, **settings)
    return GradientDescent(
        nn.Linear(2, 1), loss, lambda e: steps, lambda factor, r: Doomed(factor), chosen, {"symbols": 1.0}
    )


@pytest.mark.parametrize(
    ("factor", "told"),
    [
        (math.nan, "the loss symbols became nan"),
        (math.inf, "became -?inf|became nan"),
        (3.0, "the gradient's norm became nan"),
    ],
)
@pytest.mark.parametrize("clip", [0.0, 1.0])
def test_a_loss_that_is_no_number_ends_it_names_the_step_and_leaves_the_last_good_state(
    factor: float, told: str, clip: float
) -> None:
    learner = doomed([1.0, 1.0, 1.0, factor, 1.0], clip=clip)
    saved: list[int] = []
    calls = Calls(dict, lambda course, better: saved.append(learner.step), lambda line: None, lambda steps: None, {})
    fit = Fit(learner, learner.settings, "bleu", calls)
    good: list[torch.Tensor] = []

    def drive() -> None:
        for progress in fit:
            if progress.kind == "step":
                good[:] = [weight.detach().clone() for weight in learner.model.parameters()]

    with pytest.raises(Failure, match=told) as failure:
        drive()
    assert "at step 4:" in str(failure.value)
    assert "smaller training.rate (it was 0.002)" in str(failure.value)
    assert saved == [2], "nothing is saved after it"
    assert learner.step == 3
    assert all(torch.equal(a, b) for a, b in zip(good, learner.model.parameters())), "no weight has moved"
