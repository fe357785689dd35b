"""Scheduled sampling in a training: the step reaches the loss, and a training that is resumed goes on to the same bits."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from melisma.files.columns import Pair
from melisma.settings.read import build
from melisma.settings.translate import TranslateSettings
from melisma.task import Moment
from melisma.tasks import translate
from melisma.tasks.pairs import PairCodec
from melisma.training.descent import GradientDescent, learner

PAIRS = [Pair(text, text[::-1], "") for text in ("ab", "bca", "cabb", "a", "bb", "acca", "cb", "bacab")]
STEPS = 8
SMALL = {
    "text.unit": "characters",
    "model": {"embedding": 5, "hidden": 6, "encoder_hidden": 3, "cell": "mogrifier", "weight_dropout": 0.3},
    "training": {"batch_tokens": 12, "warmup": 0, "epochs": None, "steps": STEPS, "accumulate": 2},
}


def a_learner(seed: int, **training: Any) -> GradientDescent:
    """Torch's ``seed`` decides how the weights begin, and nothing else."""
    settings = build(TranslateSettings, SMALL, {"training": training} if training else {})
    codec = PairCodec.learn(PAIRS, settings)
    torch.manual_seed(seed)
    model = translate.build(codec, settings)
    made = learner(translate.TASK, model, codec, translate.prepare(codec, PAIRS, settings), settings)
    made.plan(STEPS)
    return made


def weights(made: GradientDescent) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in made.model.parameters()]


def advanced(made: GradientDescent, steps: int) -> list[float]:
    return [tally.nats for _ in range(steps) for tally in made.advance().values()]


@pytest.mark.parametrize("schedule", ["constant", "linear", "inverse_sigmoid"])
def test_a_resumed_training_hears_the_same_coins(schedule: str) -> None:
    given = {"sampling": 0.8} | ({} if schedule == "linear" else {"sampling_schedule": schedule})
    whole = a_learner(1, **given)
    wanted = advanced(whole, STEPS)
    stopped = a_learner(1, **given)
    advanced(stopped, 3)
    model, training, state = stopped.snapshot()
    model, training = ({name: value.clone() for name, value in some.items()} for some in (model, training))
    resumed = a_learner(2, **given)
    resumed.restore(model, training, json.loads(json.dumps(state)))
    assert advanced(resumed, STEPS - 3) == wanted[3:]
    assert all(torch.equal(one, other) for one, other in zip(weights(resumed), weights(whole), strict=True))


def test_sampling_changes_what_is_learnt_and_grows_from_nothing() -> None:
    plain, linear = (advanced(a_learner(1, **given), STEPS) for given in ({}, {"sampling": 1.0}))
    assert linear[0] == plain[0], "before the first step nothing is sampled"
    assert linear != plain


def test_every_part_of_a_batch_is_told_where_the_training_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Moment] = []

    def spy(settings: Any, at: Moment) -> float:
        told.append(at)
        return 0.0

    monkeypatch.setattr(translate, "sampled", spy)
    made = a_learner(1)
    advanced(made, 3)
    made.plan(None)
    advanced(made, 1)
    assert set(told) == {Moment(0, STEPS), Moment(1, STEPS), Moment(2, STEPS), Moment(3, None)}
    assert told == sorted(told, key=lambda moment: moment.step)
    assert made.moment == Moment(4, None)
