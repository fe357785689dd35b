"""The training loop with a learner that does nothing but count, and a clock that only the learner moves."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from melisma.errors import Failure, Refusal
from melisma.settings.training import TrainingSettings
from melisma.task import Progress, Tally
from melisma.training.fit import LOG_EVERY, SLOW_SAVE, Calls, Course, Fit
from melisma.training.optimise import KNOWN


class Counter:
    """A learner of epochs of ten steps (the first one of twelve), each of which takes some seconds."""

    def __init__(self, clock: list[float], seconds: float = 1.0) -> None:
        self.step, self.epoch, self.clock, self.seconds = 0, 0, clock, seconds
        self.reductions, self.plans = 0, []
        self.rate: float | None = None

    def plan(self, steps: int | None) -> None:
        self.plans.append(steps)

    def epoch_steps(self) -> int:
        return 12

    def reduce(self) -> None:
        self.reductions += 1

    def advance(self) -> Mapping[str, Tally]:
        self.step += 1
        self.epoch = 0 if self.step < 12 else (self.step - 12) // 10 + 1
        self.clock[0] += self.seconds
        return {"symbols": Tally(2.0 * self.step, 4), "letters": Tally(1.0, 10)}

    def snapshot(self) -> Any:
        return {}, {}, {}

    def restore(self, model: Any, training: Any, state: Any) -> None:
        raise NotImplementedError


class Drive:
    """A training of a ``Counter``, and all that it said and did."""

    def __init__(
        self,
        scores: Callable[[int], Mapping[str, float]] = lambda step: {"bleu": float(step)},
        *,
        course: Course | None = None,
        step: int = 0,
        seconds: float = 1.0,
        **settings: Any,
    ) -> None:
        self.clock = [0.0]
        self.learner = Counter(self.clock, seconds)
        while self.learner.step < step:
            self.learner.advance()
        self.scores, self.validations, self.trial_seconds = scores, [], 0.0
        self.saved: list[tuple[int, dict[str, Any], list[str]]] = []
        self.lines: list[dict[str, Any]] = []
        self.settled: list[int] = []
        self.failing: Callable[[int], bool] = lambda step: False
        self.stopping: Callable[[int], bool] = lambda step: False
        self.told: list[Progress] = []
        self.warnings: list[Progress] = []  # a ``Counter`` gets worse with every step
        calls = Calls(
            validate=self.validate,
            save=self.save,
            log=lambda line: self.lines.append(dict(line)),
            settled=self.settled.append,
            higher={"bleu": True, "loss": False},
            stopped=lambda: self.stopping(self.learner.step),
            clock=lambda: self.clock[0],
        )
        self.fit = Fit(self.learner, TrainingSettings(**({"epochs": None} | settings)), "bleu", calls, course)

    def validate(self) -> Mapping[str, float]:
        self.clock[0] += self.trial_seconds
        self.validations.append(self.learner.step)
        return self.scores(self.learner.step)

    def save(self, course: Mapping[str, Any], better: list[str]) -> str | None:
        if self.failing(self.learner.step):
            return "the disk is full"
        self.saved.append((self.learner.step, json.loads(json.dumps(course, allow_nan=False)), better))
        return None

    def run(self) -> Drive:
        for progress in self.fit:
            said = self.warnings if "diverged" in progress.text else self.told
            said.append(progress)
        return self

    @property
    def end(self) -> str:
        assert [progress.kind for progress in self.told].count("end") == 1
        assert self.told[-1].kind == "end"
        return self.told[-1].text

    def kinds(self, kind: str) -> list[int]:
        return [progress.step for progress in self.told if progress.kind == kind]

    def resumed(self, **settings: Any) -> Drive:
        """Another training that goes on from the last save."""
        step, course, _ = self.saved[-1]
        return Drive(self.scores, course=Course(**course), step=step, **settings)


# --- when it ends


def test_it_ends_after_its_steps_validated_and_saved() -> None:
    drive = Drive(steps=35).run()
    assert drive.learner.step == 35
    assert drive.validations == [12, 22, 32, 35], "once an epoch, and at the end"
    assert [step for step, _, _ in drive.saved] == drive.validations
    assert drive.end == "35 steps"
    assert [course["done"] for _, course, _ in drive.saved] == [False, False, False, True]
    assert drive.kinds("step") == list(range(1, 36))
    assert set(drive.learner.plans) == {35}
    assert drive.settled == [], "nothing was measured"


def test_what_ends_at_a_validation_is_validated_and_saved_once() -> None:
    drive = Drive(steps=20, validate_every=10).run()
    assert drive.validations == [10, 20]
    assert [step for step, _, _ in drive.saved] == [10, 20]


def test_epochs_are_counted_as_they_are_and_not_by_the_steps_of_the_first() -> None:
    drive = Drive(epochs=3).run()
    assert drive.learner.step == 32
    assert drive.learner.epoch == 3
    assert drive.learner.plans == [36], "what the schedule is told is an estimate"
    assert drive.end.startswith("3 epochs, ")
    epochs = [one.epoch for one in drive.told if one.kind == "step"]
    assert epochs == [0] * 12 + [1] * 10 + [2] * 10, "the last step of an epoch is none of the next"
    assert Drive(epochs=3, steps=20).run().learner.step == 20
    assert Drive(epochs=3, steps=2000).run().learner.step == 32
    assert Drive(epochs=3, steps=20).run().learner.plans == [20]


def test_patience_ends_it_after_so_many_validations_without_improvement() -> None:
    values = {10: 1.0, 20: 3.0, 30: 2.0, 40: 3.0, 50: 4.0, 60: 4.0, 70: 1.0, 80: 0.0}
    drive = Drive(lambda step: {"bleu": values[step], "loss": -step}, patience=3, validate_every=10).run()
    assert drive.learner.step == 80
    assert drive.end.endswith(" steps, as BLEU has not improved for 3 validations")
    assert [p.best for p in drive.told if p.kind == "validation"] == [
        True,
        True,
        False,
        True,
        True,
        True,
        False,
        False,
    ], "of equal ones that with less loss, which patience does not wait for"
    assert [("bleu" in better) for _, _, better in drive.saved] == [True, True, False, True, True, True, False, False]
    assert all("loss" in better for _, _, better in drive.saved), "what doesn't decide is followed too"
    assert drive.learner.plans == [None]
    assert drive.saved[-1][1]["done"]


def test_of_equal_scores_the_least_loss_is_the_best_and_then_the_earlier() -> None:
    losses = {10: 3.0, 20: 2.0, 30: 2.0, 40: math.nan, 50: 1.5, 60: 0.5}

    def scores(step: int) -> Mapping[str, float]:
        return {"bleu": 7.0 if step < 60 else 6.0, "loss": losses[step]}

    drive = Drive(scores, steps=60, validate_every=10).run()
    assert [step for step, _, better in drive.saved if "bleu" in better] == [10, 20, 50]
    assert drive.saved[-1][1]["best_losses"] == {"bleu": 1.5, "loss": 0.5}
    first = Drive(scores, steps=20, validate_every=10).run()
    again = first.resumed(steps=60, validate_every=10).run()
    assert [step for step, _, better in again.saved if "bleu" in better] == [50]
    old = first.saved[-1][1] | {"best_losses": {}, "held_losses": {}}
    first.saved[-1] = (20, old, [])
    assert [
        step for step, _, better in first.resumed(steps=60, validate_every=10).run().saved if "bleu" in better
    ] == []


def test_the_loss_of_an_earlier_best_settles_no_tie_of_a_later_one_whose_loss_is_no_number() -> None:
    told = {10: (7.0, 3.0), 20: (8.0, math.nan), 30: (8.0, 2.0), 40: (9.0, math.inf), 50: (9.0, 1.0), 60: (9.5, 0.5)}
    drive = Drive(lambda step: dict(zip(("bleu", "loss"), told[step])), steps=60, validate_every=10).run()
    assert [step for step, _, better in drive.saved if "bleu" in better] == [10, 20, 40, 60]
    for kind in ("best_losses", "held_losses"):
        settling = [course[kind].get("bleu") for _, course, _ in drive.saved]
        assert settling == [3.0, None, None, None, None, 0.5]


def test_what_could_not_be_saved_settles_no_tie_of_what_is_saved() -> None:
    losses = {10: 3.0, 20: 1.0, 30: 2.0}
    drive = Drive(lambda step: {"bleu": 7.0, "loss": losses[step]}, steps=30, validate_every=10)
    drive.failing = lambda step: step == 20
    drive.run()
    assert [(step, "bleu" in better) for step, _, better in drive.saved] == [(10, True), (30, True)]


def test_a_score_that_is_no_number_is_never_the_best() -> None:
    values = {10: math.nan, 20: 1.0, 30: math.inf, 40: 2.0}
    drive = Drive(lambda step: {"bleu": values[step]}, steps=40, validate_every=10).run()
    assert [better for _, _, better in drive.saved] == [[], ["bleu"], [], ["bleu"]]
    assert drive.saved[2][1]["waited"] == 1


def test_it_stops_when_asked_and_saves_once() -> None:
    drive = Drive(steps=100, validate_every=10)
    drive.stopping = lambda step: step == 23
    drive.run()
    assert drive.learner.step == 23
    assert drive.end == "stopped"
    assert [step for step, _, _ in drive.saved] == [10, 20, 23]
    assert drive.validations == [10, 20], "who stops it does not want to wait"
    at_validation = Drive(steps=100, validate_every=10)
    at_validation.stopping = lambda step: step == 20
    assert [step for step, _, _ in at_validation.run().saved] == [10, 20]


def test_stopped_before_the_first_step_there_is_something_to_resume() -> None:
    drive = Drive(steps=100)
    drive.stopping = lambda step: True
    assert [step for step, _, _ in drive.run().saved] == [0]


def test_between_slow_validations_it_saves() -> None:
    drive = Drive(steps=25, validate_every=1000, seconds=SLOW_SAVE / 9.5).run()
    assert [step for step, _, _ in drive.saved] == [10, 20, 25]
    assert drive.validations == [25]


# --- minutes


def test_minutes_become_steps_once_and_epochs_are_not_looked_at() -> None:
    drive = Drive(minutes=10.0, epochs=1, validate_every=25, seconds=2.0)
    drive.trial_seconds = 5.0
    drive.run()
    # 600 s: 50 steps, a validation and a trial are 110 s, one more at the end is 5 s; the rest at 2 + 5 / 25 s a step
    assert drive.settled == [KNOWN + int((600 - 110 - 5) / (2 + 5 / 25))]
    assert drive.learner.step == drive.settled[0]
    assert drive.learner.plans == [None, drive.settled[0]]
    assert drive.clock[0] <= 600
    assert drive.clock[0] > 580
    assert [p.text for p in drive.told if "minutes" in p.text] == [
        f"10 minutes are {drive.settled[0]:,} steps at the speed of the first {KNOWN} steps"
    ]
    assert [course["steps"] for step, course, _ in drive.saved if step >= KNOWN] == [drive.settled[0]] * (
        sum(step >= KNOWN for step, _, _ in drive.saved)
    )
    assert any(step == KNOWN for step, _, _ in drive.saved), "what was settled is saved at once"


def test_after_a_resume_minutes_are_not_looked_at_again() -> None:
    drive = Drive(minutes=10.0)
    drive.stopping = lambda step: step == 70
    drive.run()
    again = drive.resumed(minutes=10.0, seconds=100.0).run()
    assert again.settled == []
    assert again.learner.step == drive.settled[0] > 100
    extended = drive.resumed(minutes=10.0, steps=90).run()
    assert (extended.learner.step, extended.settled) == (90, [])
    extended = again.resumed(minutes=10.0, steps=again.learner.step + 7).run()
    assert extended.learner.step == again.learner.step + 7
    capped = Drive(minutes=10.0, steps=5000)
    capped.stopping = lambda step: step == 70
    resumed = capped.run().resumed(minutes=10.0, steps=5000).run()
    assert resumed.learner.step == capped.settled[0] < 1000, (
        "the setting that was there when minutes were measured is no extension"
    )


def test_resumed_before_minutes_were_known_it_measures_some_more_steps() -> None:
    drive = Drive(minutes=10.0)
    drive.stopping = lambda step: step == 45
    again = drive.run().resumed(minutes=10.0)
    assert drive.settled == []
    again.run()
    assert len(again.settled) == 1
    assert again.kinds("note") == [55]
    assert abs(again.clock[0] - 600) < 3, "the time before the stop counts"


def test_steps_bound_minutes_even_before_those_are_known() -> None:
    assert Drive(minutes=10.0, steps=20).run().learner.step == 20
    drive = Drive(minutes=10.0, steps=300).run()
    assert (drive.learner.step, drive.settled) == (300, [300])
    assert Drive(minutes=10.0, steps=KNOWN).run().settled == []


def test_steps_that_are_slow_do_not_overrun_the_minutes() -> None:
    drive = Drive(minutes=10.0, seconds=60.0, validate_every=100).run()
    assert drive.settled == [10]
    assert drive.learner.step == 10
    assert Drive(minutes=1.0, seconds=300.0).run().learner.step == 1


# --- validation


def test_without_validation_it_trains_saves_and_never_waits() -> None:
    drive = Drive(
        lambda step: {}, steps=60, validate_every=10, patience=2, schedule="plateau", plateau_patience=1
    ).run()
    assert drive.learner.step == 60
    assert [step for step, _, _ in drive.saved] == [10, 20, 30, 40, 50, 60]
    assert all(better == [] for _, _, better in drive.saved)
    assert drive.learner.reductions == 0
    assert drive.saved[-1][1]["waited"] == 0


def test_where_another_measure_is_given_the_deciding_one_does_not_wait() -> None:
    drive = Drive(lambda step: {"loss": 1.0}, steps=60, validate_every=10, patience=2).run()
    assert drive.learner.step == 60
    assert [better for _, _, better in drive.saved] == [["loss"], [], [], [], [], []]


def test_patience_as_the_only_end_without_anything_to_wait_for_is_refused() -> None:
    with pytest.raises(Refusal, match="patience is the only end"):
        Drive(lambda step: {}, patience=2).run()


def test_the_plateau_reduces_every_so_many_validations_without_improvement() -> None:
    values = dict(zip(range(10, 130, 10), [5.0, 1, 1, 1, 1, 6.0, 1, 1, 7.0, 1, 1, 1]))
    drive = Drive(
        lambda step: {"bleu": values[step]}, steps=120, validate_every=10, schedule="plateau", plateau_patience=2
    )
    reduced = []
    for progress in drive.fit:
        if progress.kind == "saved":
            reduced.append(drive.learner.reductions)
    assert reduced == [0, 0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4]
    other = Drive(lambda step: {"bleu": 0.0}, steps=60, validate_every=10, schedule="cosine", plateau_patience=1).run()
    assert other.learner.reductions == 0


# --- the log


def test_the_log_tells_every_loss_over_the_steps_since_its_last_line() -> None:
    drive = Drive(steps=2 * LOG_EVERY + 7, validate_every=60).run()
    losses = [line for line in drive.lines if "loss" in line]
    assert [line["step"] for line in losses] == [LOG_EVERY, 2 * LOG_EVERY, 2 * LOG_EVERY + 7], "the last steps too"
    wanted = [
        sum(2.0 * step for step in steps) / (4 * len(steps))
        for steps in (range(1, 51), range(51, 101), range(101, 108))
    ]
    assert [line["loss"] for line in losses] == pytest.approx(wanted)
    assert [line["losses"] for line in losses] == [
        {"symbols": pytest.approx(w), "letters": pytest.approx(0.1)} for w in wanted
    ]
    assert [line["valid"] for line in drive.lines if "valid" in line] == [{"bleu": 60.0}, {"bleu": 107.0}]
    steps = [line["step"] for line in drive.lines]
    assert steps == sorted(steps)
    told = [progress for progress in drive.told if progress.kind == "step"]
    assert told[0].loss == pytest.approx(0.5)
    assert told[0].losses == {"symbols": pytest.approx(0.5), "letters": pytest.approx(0.1)}
    assert told[10].symbols_per_second == pytest.approx(4.0)
    assert told[10].left == pytest.approx(107 - 11)


@pytest.mark.parametrize("stop", [7, 49, 50, 51, 60, 61, 99, 106])
def test_killed_and_resumed_it_logs_waits_and_decides_as_one_never_stopped(stop: int) -> None:
    def scores(step: int) -> Mapping[str, float]:
        return {"bleu": float(-abs(step - 33)), "loss": float(step % 3)}

    settings = {"steps": 107, "validate_every": 12, "schedule": "plateau", "plateau_patience": 2, "patience": 8}
    whole = Drive(scores, **settings).run()
    first = Drive(scores, **settings)
    first.stopping = lambda step: step == stop
    first.run()
    second = first.resumed(**settings).run()
    assert without_times(first.lines + second.lines) == without_times(whole.lines)
    assert first.learner.reductions + second.learner.reductions == whole.learner.reductions > 0
    assert second.learner.step == whole.learner.step
    assert without_times([second.saved[-1][1]]) == without_times([whole.saved[-1][1]])
    assert second.saved[-1][1]["seconds"] == pytest.approx(whole.saved[-1][1]["seconds"]), "the time before counts"
    after = [save[::2] for save in whole.saved if save[0] > stop]
    assert [save[::2] for save in second.saved] == after


def without_times(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in line.items() if name not in ("seconds", "symbols_per_second")} for line in lines
    ]


@pytest.mark.parametrize("part", ["nats", "counts", "best", "held", "waited", "validated"])
def test_no_part_of_the_course_can_be_left_out(part: str) -> None:
    def scores(step: int) -> Mapping[str, float]:
        return {"bleu": -abs(step - 10.0)}

    settings = {"steps": 80, "patience": 4, "validate_every": 10}
    whole = Drive(scores, **settings).run()
    first = Drive(scores, **settings)
    first.stopping = lambda step: step == 23
    first.run()
    if part == "validated":
        whole = first  # a training that is complete is not validated again
        settings |= {"steps": 20}
        first = Drive(scores, **settings).run()
        assert first.resumed(**settings).run().validations == []
    step, course, better = first.saved[-1]
    first.saved[-1] = (step, course | {part: getattr(Course(), part)}, better)
    second = first.resumed(**settings).run()
    saves = [save[::2] for save in whole.saved if save[0] > 23]
    same = without_times(first.lines + second.lines) == without_times(whole.lines)
    assert not same or [save[::2] for save in second.saved] != saves


# --- going on with what was finished


def test_a_finished_training_goes_on_with_more_steps() -> None:
    finished = Drive(steps=40, validate_every=20).run()
    again = finished.resumed(steps=40, validate_every=20).run()
    assert again.kinds("step") == []
    assert (again.saved, again.validations) == ([], [])
    assert again.end == "40 steps"
    more = finished.resumed(steps=100, validate_every=20).run()
    assert more.kinds("step") == list(range(41, 101))
    assert more.learner.plans == [100]
    assert more.saved[-1][1]["done"]
    assert not more.saved[0][1]["done"]
    epochs = Drive(epochs=1).run().resumed(epochs=3).run()
    assert epochs.learner.step == 32


def test_more_patience_goes_on_too() -> None:
    def scores(step: int) -> Mapping[str, float]:
        return {"bleu": -float(step)}

    impatient = Drive(scores, steps=100, patience=2, validate_every=10).run()
    assert impatient.learner.step == 30
    assert impatient.resumed(steps=100, patience=2, validate_every=10).run().kinds("step") == []
    assert impatient.resumed(steps=100, patience=4, validate_every=10).run().learner.step == 50


def test_a_training_that_was_stopped_at_its_last_step_is_validated_when_resumed() -> None:
    drive = Drive(steps=100, validate_every=40)
    drive.stopping = lambda step: step == 50
    again = drive.run().resumed(steps=50, validate_every=40).run()
    assert again.validations == [50]
    assert again.kinds("step") == []
    assert again.saved[-1][1]["done"]


# --- a disk that fails


def test_a_save_that_fails_is_told_once_and_the_training_goes_on() -> None:
    drive = Drive(steps=60, validate_every=10)
    drive.failing = lambda step: step in (20, 30)
    drive.run()
    assert [progress.text for progress in drive.told if progress.kind == "note"] == ["the disk is full"]
    assert drive.kinds("note") == [20]
    assert drive.kinds("saved") == [10, 40, 50, 60]
    assert drive.fit.unsaved is None


def test_what_could_not_be_saved_does_not_stay_the_best_of_what_is_saved() -> None:
    values = {10: 1.0, 20: 9.0, 30: 5.0, 40: 6.0, 50: 2.0}
    drive = Drive(lambda step: {"bleu": values[step]}, steps=50, validate_every=10)
    drive.failing = lambda step: step == 20
    drive.run()
    assert [(step, better) for step, _, better in drive.saved] == [
        (10, ["bleu"]),
        (30, ["bleu"]),
        (40, ["bleu"]),
        (50, []),
    ]
    assert [course["waited"] for _, course, _ in drive.saved] == [0, 1, 2, 3], "patience goes by what was reached"
    assert [(course["best"], course["held"]) for step, course, _ in drive.saved if step == 30] == [
        ({"bleu": 9.0}, {"bleu": 5.0})
    ]


def test_a_last_save_that_fails_is_a_failure_after_one_more_try() -> None:
    for settings, stop in (({"steps": 20}, 1000), ({"steps": 100}, 20)):
        drive = Drive(validate_every=10, **settings)
        drive.failing = lambda step: step == 20
        drive.stopping = lambda step, stop=stop: step == stop
        with pytest.raises(Failure, match="the disk is full"):
            drive.run()
        assert drive.kinds("end") == []
    tries: list[int] = []
    drive = Drive(steps=20, validate_every=10)
    drive.failing = lambda step: step == 20 and not tries.append(step) and len(tries) == 1
    drive.run()
    assert drive.saved[-1][0] == 20
    assert drive.saved[-1][2] == ["bleu"], "it is still the best"
    assert drive.end == "20 steps"
