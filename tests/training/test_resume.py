"""k steps, a stop, n - k steps are n steps in bits, for every schedule and optimizer; and the test can see what is left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional
from training.vectors import Vectors

from melisma.errors import Refusal
from melisma.settings.training import TrainingSettings
from melisma.task import Total
from melisma.training.descent import GradientDescent, resumed_tensors
from melisma.training.fit import Calls, Course, Fit
from melisma.training.optimise import OPTIMIZERS, SCHEDULES

STEPS, STOP, EPOCH = 24, 14, 5


class Memory(NamedTuple):
    h: Tensor  # (4, 3)


class Small(nn.Module):
    """A memory of what was heard in earlier batches, and a guess."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.keep, self.out = nn.Linear(3, 3), nn.Linear(3, 3, bias=False), nn.Linear(3, 1)


def loss(model: Small, batch: Vectors, carry: Memory, random: Generator | None) -> tuple[dict[str, Total], Memory]:
    h = torch.tanh(model.enter(batch.x) + model.keep(carry.h))
    kept = torch.rand(h.shape, generator=random) > 0.2
    wanted = batch.x.prod(1)
    guess = functional.mse_loss(model.out(h * kept)[:, 0], wanted, reduction="sum")
    size = (h**2).sum()
    return {"rows": Total(guess, guess.detach()), "size": Total(size, size.detach())}, Memory(h)


def rows(seed: Any, random: Generator) -> Vectors:
    x = torch.randn(4, 3, generator=Generator().manual_seed(seed))
    return Vectors(x + 0.1 * torch.randn(4, 3, generator=random), {"rows": 4, "size": 8})


class Saved(NamedTuple):
    """What a run's step holds; JSON as text, tensors as copies."""

    model: dict[str, Tensor]
    training: dict[str, Tensor]
    state: str
    course: str


class Run:
    """A training in memory."""

    def __init__(self, settings: TrainingSettings, seed: int, saved: Saved | None = None) -> None:
        torch.manual_seed(seed)
        self.learner = GradientDescent(
            Small(),
            loss,
            lambda epoch: [100 * epoch + number for number in range(EPOCH)],
            rows,
            settings,
            {"rows": 1.0, "size": 0.01},
            lambda: Memory(torch.full((4, 3), 0.1)),
        )
        self.lines: list[dict[str, Any]] = []
        self.saved: Saved | None = None
        self.until = STEPS
        course = None
        if saved is not None:
            self.learner.restore(saved.model, saved.training, json.loads(saved.state))
            course = Course(**json.loads(saved.course))
        stopped: Callable[[], bool] = lambda: self.learner.step >= self.until  # noqa: E731
        calls = Calls(self.scores, self.save, self.log, lambda steps: None, {"error": False}, stopped, lambda: 0.0)
        self.fit = Fit(self.learner, settings, "error", calls, course)

    def scores(self) -> Mapping[str, float]:
        """Validation, which never improves, so that the plateau has something to do."""
        with self.learner.answering() as model, torch.no_grad():
            assert float(model.out.weight.detach().abs().sum()) > 0
        return {"error": float(self.learner.step)}

    def log(self, line: Mapping[str, Any]) -> None:
        self.lines.append(
            {name: value for name, value in line.items() if name not in ("seconds", "symbols_per_second")}
        )

    def save(self, course: Mapping[str, Any], better: list[str]) -> None:
        model, training, state = self.learner.snapshot()
        tensors = [{name: value.clone() for name, value in some.items()} for some in (model, training)]
        self.saved = Saved(tensors[0], tensors[1], json.dumps(state), json.dumps(course))

    def run(self, until: int = STEPS) -> Saved:
        self.until = until
        for _ in self.fit:
            pass
        assert self.saved is not None
        return self.saved


def settings(**more: Any) -> TrainingSettings:
    chosen = {"rate": 0.05, "warmup": 3, "steps": STEPS, "epochs": None, "validate_every": 3, "plateau_patience": 1}
    return TrainingSettings(**(chosen | more))


def equal(one: Saved, other: Saved) -> bool:
    """In bits."""
    for some, others in zip(one[:2], other[:2]):
        if some.keys() != others.keys() or not all(torch.equal(some[name], others[name]) for name in some):
            return False
    return one[2:] == other[2:]


def in_two(chosen: TrainingSettings, change: Callable[[Saved], Saved] = lambda saved: saved) -> tuple[Saved, list[Any]]:
    """Stopped after ``STOP`` steps, and gone on with by new objects which begin otherwise."""
    first = Run(chosen, seed=1)
    saved = first.run(until=STOP)
    second = Run(chosen, seed=2, saved=change(saved))
    return second.run(), first.lines + second.lines


@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_k_and_then_n_minus_k_steps_are_n_steps(schedule: str, optimizer: str, average: float) -> None:
    chosen = settings(schedule=schedule, optimizer=optimizer, average=average)
    whole = Run(chosen, seed=1)
    once = whole.run()
    twice, lines = in_two(chosen)
    assert equal(once, twice)
    assert lines == whole.lines
    assert not equal(once, Run(chosen, seed=2).run()), "another beginning would end otherwise"


@pytest.mark.parametrize("accumulate", [2, 3])
def test_so_are_those_of_batches_in_parts(accumulate: int) -> None:
    chosen = settings(accumulate=accumulate)
    assert equal(Run(chosen, seed=1).run(), in_two(chosen)[0])


def test_and_those_that_stop_at_the_end_of_an_epoch() -> None:
    chosen = settings()
    saved = Run(chosen, seed=1).run(until=3 * EPOCH)
    assert json.loads(saved.state) == {"step": 15, "epoch": 3, "taken": 0, "reductions": 0}
    assert torch.equal(saved.training["carry.0"], torch.full((4, 3), 0.1)), "the next epoch hears nothing of this one"
    assert equal(Run(chosen, seed=2, saved=saved).run(), Run(chosen, seed=1).run())


def changed(saved: Saved, **more: Any) -> Saved:
    return saved._replace(state=json.dumps(json.loads(saved.state) | more))


def without(saved: Saved, prefix: str) -> Saved:
    return saved._replace(training={name: v for name, v in saved.training.items() if not name.startswith(prefix)})


def with_each(saved: Saved, prefix: str, change: Callable[[Tensor], Tensor]) -> Saved:
    return saved._replace(
        training={name: change(v) if name.startswith(prefix) else v for name, v in saved.training.items()}
    )


FAULTS: dict[str, Callable[[Saved], Saved]] = {
    "optimizer": lambda saved: with_each(saved, "optimizer.", torch.zeros_like),
    "average": lambda saved: saved._replace(model={name: saved.training[f"weights.{name}"] for name in saved.model}),
    "weights": lambda saved: with_each(saved, "weights.", lambda held: 0.9 * held),
    "step": lambda saved: changed(saved, step=STOP - 1),
    "epoch": lambda saved: changed(saved, epoch=0),
    "position": lambda saved: changed(saved, taken=0),
    "reductions": lambda saved: changed(saved, reductions=0),
    "carry": lambda saved: saved._replace(training=saved.training | {"carry.0": torch.full((4, 3), 0.1)}),
    "course": lambda saved: saved._replace(course=json.dumps({})),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("part", FAULTS)
def test_no_part_of_the_state_can_be_left_out(part: str, optimizer: str) -> None:
    chosen = settings(schedule="plateau", optimizer=optimizer, average=0.9)
    whole = Run(chosen, seed=1)
    once = whole.run()
    twice, lines = in_two(chosen, FAULTS[part])
    assert not (equal(once, twice) and lines == whole.lines)


@pytest.mark.parametrize("part", ["carry.", "weights."])
def test_the_state_of_another_model_is_refused(part: str) -> None:
    chosen = settings(average=0.0)
    saved = Run(chosen, seed=1).run(until=STOP)
    broken = without(saved, part) if part == "carry." else saved._replace(model={"other": torch.zeros(1)})
    with pytest.raises(Refusal, match="of a model with other weights"):
        Run(chosen, seed=2, saved=broken)


UNFIT: dict[str, Callable[[Tensor], Tensor]] = {
    "smaller": lambda held: held.flatten()[:1],
    "larger": lambda held: torch.zeros(9, 9),
    "to be broadcast": lambda held: torch.ones((1,) * (held.dim() + 1)),
    "too exact": lambda held: held.double(),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("prefix", ["optimizer.0.", "weights.enter.weight", "carry."])
def test_tensors_that_do_not_fit_are_refused_and_change_nothing(prefix: str, optimizer: str) -> None:
    chosen = settings(average=0.9, optimizer=optimizer)
    saved = Run(chosen, seed=1).run(until=STOP)
    spoiled = [with_each(saved, prefix, change) for change in UNFIT.values()]
    spoiled += [without(saved, prefix), saved._replace(training=saved.training | {f"{prefix}x": torch.ones(1)})]
    for one in spoiled:
        run = Run(chosen, seed=2)
        before = [{name: value.clone() for name, value in some.items()} for some in run.learner.snapshot()[:2]]
        with pytest.raises(Refusal, match="of a model with other weights"):
            run.learner.restore(one.model, one.training, json.loads(one.state))
        after = run.learner.snapshot()
        assert all(torch.equal(after[at][name], held) for at in (0, 1) for name, held in before[at].items())
        assert after[2]["step"] == 0


@pytest.mark.parametrize("name", ["step", "epoch", "taken", "reductions"])
@pytest.mark.parametrize("value", [-1, STOP + 1, 10**30, 1.0, "1", True, None])
def test_a_place_that_cannot_be_is_refused(name: str, value: object) -> None:
    saved = Run(settings(), seed=1).run(until=STOP)
    if (name, value) == ("step", STOP + 1):  # whether this is the step's own number is known to who read it
        return
    with pytest.raises(Refusal, match=f"learner.{name}" if name != "step" else "learner"):
        Run(settings(), seed=2, saved=changed(saved, **{name: value}))


def test_no_more_steps_of_an_epoch_are_taken_than_it_has() -> None:
    saved = Run(settings(), seed=1).run(until=STOP)
    with pytest.raises(Refusal, match=r"has 5 for learner\.taken, less than the 5 steps of epoch 2 is wanted"):
        Run(settings(), seed=2, saved=changed(saved, taken=EPOCH))


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("average", [0.0, 0.9])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_a_snapshot_holds_is_known_from_the_settings_alone(
    optimizer: str, average: float, momentum: float
) -> None:
    chosen = settings(optimizer=optimizer, average=average, momentum=momentum)
    with torch.device("meta"):
        weights, carry = dict(Small().named_parameters()), Memory(torch.zeros(4, 3))
    run = Run(chosen, seed=1)
    for step in (0, 1):
        wanted, held = resumed_tensors(weights, carry, chosen, step), run.learner.snapshot()[1]
        assert {name: (t.shape, t.dtype) for name, t in wanted.items()} == {
            name: (t.shape, t.dtype) for name, t in held.items()
        }
        if step == 0:
            run.learner.advance()


def test_what_was_restored_shares_no_memory_with_what_was_saved() -> None:
    chosen = settings(average=0.9)
    saved = Run(chosen, seed=1).run(until=STOP)
    before = [{name: value.clone() for name, value in some.items()} for some in saved[:2]]
    Run(chosen, seed=2, saved=saved).run()
    assert all(torch.equal(some[name], kept[name]) for some, kept in zip(saved[:2], before) for name in some)


def test_what_is_learned_must_be_a_parameter() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    with pytest.raises(ValueError, match="persistent buffers"):
        GradientDescent(model, loss, lambda epoch: [0], rows, settings(), {"rows": 1.0})
