"""What a training takes: counted up as the training loop itself would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from melisma.checks.dry_run import ENOUGH, FEWEST, LONGEST, MOST, WARM, Cost, memory_peak, of_cost, planned, time_steps
from melisma.settings.training import TrainingSettings
from melisma.task import Tally


class Clock:
    """A clock that only work moves on."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Slow:
    """A learner whose steps take a given time, the first ones more."""

    step, epoch = 0, 0

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock, self.seconds = clock, seconds

    def advance(self) -> Mapping[str, Tally]:
        self.step += 1
        self.clock.now += self.seconds * (10 if self.step <= WARM else 1)
        return {"symbols": Tally(1.0, 30)}

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"a dry run has no use for {name}")


@pytest.mark.parametrize("seconds", [0.001, 0.25, 1.0, 3.0])
def test_steps_are_timed_without_the_first_ones_and_not_for_long(seconds: float) -> None:
    clock = Clock()
    timed = time_steps(Slow(clock, seconds), clock)
    spent = clock.now - 100
    assert timed.seconds == pytest.approx(seconds if timed.steps > WARM else 10 * seconds)
    assert timed.symbols == pytest.approx(30 / timed.seconds)
    assert spent <= LONGEST + 10 * seconds
    assert timed.steps == MOST or spent >= LONGEST or (timed.steps >= WARM + FEWEST and spent >= ENOUGH)


def settings(**changes: Any) -> TrainingSettings:
    return replace(TrainingSettings(), **{"epochs": None, **changes})


@pytest.mark.parametrize(
    ("told", "steps", "seconds"),
    [
        (settings(epochs=3), 30, 30 * 2 + 3 * 5),
        (settings(epochs=3, steps=12), 12, 12 * 2 + 2 * 5),
        (settings(steps=25, validate_every=5), 25, 25 * 2 + 5 * 5),
        (settings(minutes=1.0), 24, 24 * 2 + 3 * 5),
        (settings(minutes=1.0, epochs=1), 24, 24 * 2 + 3 * 5),
        (settings(minutes=1.0, steps=7), 7, 7 * 2 + 5),
        (settings(patience=3), None, None),
    ],
)
def test_the_end_is_foreseen_as_the_training_ends(
    told: TrainingSettings, steps: int | None, seconds: float | None
) -> None:
    assert planned(told, 10, 2.0, 5.0) == (steps, seconds)


def test_memory_is_that_of_this_process() -> None:
    assert 10_000_000 < memory_peak() < 10**13


@pytest.mark.parametrize(("free", "severity"), [(None, ""), (10_000, ""), (150, "warning"), (99, "error")])
def test_a_disk_that_is_too_small_is_told(free: int | None, severity: str) -> None:
    cost = Cost("the processor", 1, 1, 1.0, 1.0, 1.0, 1, 1.0, 1.0, 1, 1.0, 1, room=100, free=free)
    assert "".join(finding.severity for finding in of_cost(cost)) == severity
