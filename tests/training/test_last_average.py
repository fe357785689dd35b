"""The mean of the weights at the last validations: against an explicit mean, resumed, and told what it takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from command.drill import DATA, TINY, refused, typed
from safetensors.torch import load_file
from torch import Generator, Tensor, nn
from training.test_resume import STOP, Memory, Run, Saved, Small, changed, equal, in_two, settings, with_each
from training.vectors import Vectors

from melisma.errors import Failure, Refusal
from melisma.runs.place import step_room
from melisma.settings.training import TrainingSettings
from melisma.task import Total
from melisma.training.average import LastAverage
from melisma.training.descent import GradientDescent, resumed_tensors
from melisma.training.optimise import OPTIMIZERS

EPOCH = 4


def loss(model: nn.Module, batch: Vectors, carry: Any, random: Generator | None) -> tuple[dict[str, Total], Any]:
    error = ((model(batch.x) - 3) ** 2).sum()
    return {"points": Total(error, error.detach())}, None


def a_learner(spoiled: int | None = None, **chosen: Any) -> GradientDescent:
    """Fits a line; the batch of one epoch may be spoiled."""

    def batch(epoch: int, random: Generator) -> Vectors:
        x = torch.randn(6, 1, generator=random)
        return Vectors(x * (torch.nan if epoch == spoiled else 1.0), {"points": 6})

    torch.manual_seed(1)
    return GradientDescent(
        nn.Linear(1, 1),
        loss,
        lambda epoch: [epoch] * EPOCH,
        batch,
        TrainingSettings(rate=0.1, warmup=0, **chosen),
        {"points": 1.0},
    )


def held(learner: GradientDescent) -> Tensor:
    """The weights of the training in float64."""
    return torch.cat([weight.detach().double().flatten() for weight in learner.model.parameters()])


def used(learner: GradientDescent) -> Tensor:
    """What is saved to be used, which must be what answers."""
    found = [value.clone() for value in learner.snapshot()[0].values()]
    before = held(learner)
    with learner.answering() as model:
        assert all(torch.equal(one, other) for one, other in zip(found, model.parameters()))
    assert torch.equal(held(learner), before)
    return torch.cat([value.double().flatten() for value in found])


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("every", [0, 1, 3])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_it_is_the_mean_of_the_weights_now_and_at_the_validations_before(
    count: int, every: int, accumulate: int
) -> None:
    learner = a_learner(average_last=count, validate_every=every, accumulate=accumulate)
    assert torch.equal(used(learner), held(learner))
    validated: list[Tensor] = []
    for step in range(1, 6 * EPOCH):
        learner.advance()
        mean = torch.stack([*validated[-(count - 1) :], held(learner)]).mean(0)
        torch.testing.assert_close(used(learner), mean, rtol=1e-6, atol=1e-6)
        if step % (every or EPOCH) == 0:
            validated.append(held(learner))
    assert len(validated) >= count


def test_it_leaves_the_training_as_it_is() -> None:
    one, other = a_learner(average_last=3, validate_every=2), a_learner(average=0.0)
    for _ in range(10):
        one.advance()
        used(one)
        other.advance()
    assert torch.equal(held(one), held(other))


def test_a_loss_that_is_no_number_moves_nothing() -> None:
    learner = a_learner(spoiled=1, average_last=3)
    for _ in range(EPOCH):
        learner.advance()
    before, kept, count = used(learner), learner.average.kept(), learner.average.count
    kept = {name: value.clone() for name, value in kept.items()}
    with pytest.raises(Failure, match="the loss points became nan"):
        learner.advance()
    assert torch.equal(used(learner), before)
    assert learner.average.count == count
    assert all(torch.equal(value, kept[name]) for name, value in learner.average.kept().items())


@pytest.mark.parametrize("more", [{}, {"accumulate": 2}, {"validate_every": 0}, {"average_last": 9}], ids=str)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_k_and_then_n_minus_k_steps_are_n_steps(optimizer: str, more: dict[str, Any]) -> None:
    chosen = settings(**({"optimizer": optimizer, "average_last": 3} | more))
    whole = Run(chosen, seed=1)
    once = whole.run()
    twice, lines = in_two(chosen)
    assert equal(once, twice)
    assert lines == whole.lines


def test_and_those_that_stop_where_they_are_validated() -> None:
    chosen = settings(average_last=3)
    for stop in (0, 3, 6, 12):
        saved = Run(chosen, seed=1).run(until=stop)
        assert json.loads(saved.state)["kept"] == max(0, stop // 3 - 1)
        assert equal(Run(chosen, seed=2, saved=saved).run(), Run(chosen, seed=1).run())


LEFT_OUT: dict[str, Callable[[Saved], Saved]] = {
    "kept weights": lambda saved: with_each(saved, "kept.1.", torch.zeros_like),
    "their number": lambda saved: changed(saved, kept=0),
    "their order": lambda saved: changed(saved, kept=5),
    "weights": lambda saved: with_each(saved, "weights.", lambda weight: 0.9 * weight),
}


@pytest.mark.parametrize("part", LEFT_OUT)
def test_no_part_of_the_state_can_be_left_out(part: str) -> None:
    chosen = settings(average_last=7)  # so many that some are kept from before the stop to the end
    assert not equal(Run(chosen, seed=1).run(), in_two(chosen, LEFT_OUT[part])[0])


@pytest.mark.parametrize("value", [-1, STOP + 1, 1.0, None, "2", True])
def test_a_number_of_kept_weights_that_cannot_be_is_refused(value: object) -> None:
    chosen = settings(average_last=3)
    saved = Run(chosen, seed=1).run(until=STOP)
    with pytest.raises(Refusal, match=r"learner\.kept"):
        Run(chosen, seed=2, saved=changed(saved, kept=value))


def test_steps_saved_with_another_average_are_refused() -> None:
    kinds = [settings(average_last=3), settings(average_last=4), settings(average=0.9), settings(average=0.0)]
    for one in kinds:
        saved = Run(one, seed=1).run(until=STOP)
        for other in kinds:
            if other is not one:
                with pytest.raises(Refusal, match="the saved step"):
                    Run(other, seed=2, saved=saved)


def test_what_a_snapshot_holds_is_known_from_the_settings_alone() -> None:
    chosen = settings(average_last=3)
    with torch.device("meta"):
        weights, carry = dict(Small().named_parameters()), Memory(torch.zeros(4, 3))
    found = Run(chosen, seed=1).run(until=STOP).training
    wanted = resumed_tensors(weights, carry, chosen, STOP)
    assert {name: value.shape for name, value in wanted.items()} == {name: value.shape for name, value in found.items()}
    assert sum(name.startswith("kept.") for name in wanted) == 2 * len(weights)


def test_what_was_restored_shares_no_memory_with_what_was_saved() -> None:
    chosen = settings(average_last=3)
    saved = Run(chosen, seed=1).run(until=STOP)
    before = {name: value.clone() for name, value in saved.training.items()}
    Run(chosen, seed=2, saved=saved).run()
    assert all(torch.equal(value, before[name]) for name, value in saved.training.items())


def test_tied_weights_are_averaged_once() -> None:
    model = nn.ModuleDict({"first": nn.Linear(2, 2), "second": nn.Linear(2, 2)})
    model["second"].weight = model["first"].weight
    average = LastAverage(model, 2)
    average.keep()
    assert set(average.tensors()) == {"first.weight", "first.bias", "second.bias"}
    assert set(average.kept()) == {f"0.{name}" for name in average.tensors()}


def test_a_saved_step_has_the_room_it_was_said_to_take(here: Path) -> None:
    words = (*TINY, "training.average_last=4", "training.epochs=1")
    assert typed("train", "translate", "run", DATA, *words).code == 0
    parameters = json.loads(typed("show", "run", "--json").out)["sizes"]["parameters"]
    (step,) = (here / "run" / "steps").iterdir()
    taken = sum(file.stat().st_size for file in step.iterdir())
    assert step_room(parameters, 3) - 4 * parameters <= taken <= step_room(parameters, 3) + 20_000


def test_a_run_goes_on_to_the_same_bits(here: Path) -> None:
    chosen = (DATA, *TINY, "training.average_last=3", "training.validate_every=2", "training.schedule=constant")
    assert typed("train", "translate", "whole", *chosen, "training.steps=11").code == 0
    assert typed("train", "translate", "parts", *chosen, "training.steps=7").code == 0
    assert typed("resume", "parts", "training.steps=11").code == 0
    steps = [here / run / "steps" / (here / run / "latest").read_text().strip() for run in ("whole", "parts")]
    for name in ("model.safetensors", "training.safetensors"):
        one, other = (load_file(step / name) for step in steps)
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("training.average=0.9", "training.average_last=3"), "changes nothing with training.average_last=3"),
        (("training.average_last=1",), "training.average_last"),
        (("training.average_last=0",), "training.average_last"),
        (("training.average_last=2.5",), "training.average_last"),
    ],
)
def test_what_contradicts_itself_is_refused(words: tuple[str, ...], why: str, here: Path) -> None:
    assert why in refused("train", "translate", "run", DATA, *words)
    assert not (here / "run").exists()
