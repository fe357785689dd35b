"""The training loop: steps, validations, saves, and when to stop. It knows no task and no run, but is given calls."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from melisma.errors import Failure, Refusal
from melisma.measures.units import called
from melisma.quoting import counted
from melisma.settings.training import TrainingSettings
from melisma.task import STOPPED, Learner, Progress, Tally
from melisma.training.optimise import KNOWN

LOG_EVERY = 50  # steps between two lines of the log
SLOW_SAVE = 600.0  # seconds without a save after which one is made between validations
WORSE = 1.5  # times its best, or its beginning, at which a loss says that the training diverged
TIMED = 10  # steps that must have been timed before minutes become steps, as after a resume


@dataclass
class Course:
    """Where a training stands beside its weights: what resuming needs of the loop itself."""

    steps: int | None = None  # what ``minutes`` came to, once that is known
    asked: int | None = None  # the setting ``steps`` as it was then: if it has changed since, the new one holds
    best: dict[str, float] = field(default_factory=dict)  # measure -> the best value so far, which patience goes by
    held: dict[str, float] = field(default_factory=dict)  # measure -> its value at the best step that could be saved
    waited: int = 0  # validations since the deciding measure improved
    validated: int | None = None  # the step of the last validation
    nats: dict[str, float] = field(default_factory=dict)  # of each loss, since the last line of the log
    counts: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0  # spent so far, resumed trainings added up
    done: bool = False
    best_losses: dict[str, float] = field(default_factory=dict)  # measure -> the loss where it was best: settles ties
    held_losses: dict[str, float] = field(default_factory=dict)  # the same of those that could be saved


@dataclass(frozen=True)
class Calls:
    """What ``fit`` is given: it validates, saves and logs through these."""

    validate: Callable[[], Mapping[str, float]]  # scores by measure; none where there is nothing to validate on
    save: Callable[
        [Mapping[str, Any], list[str]], str | None
    ]  # course, measures it's best by -> a sentence if it failed
    log: Callable[[Mapping[str, Any]], None]
    settled: Callable[[int], None]  # minutes were turned into this last step; a save follows at once
    higher: Mapping[str, bool]  # measure -> whether more is better
    stopped: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.monotonic  # seconds


class Fit:
    """A training: iterate over it for its ``Progress``.

    Of steps with the same score the one with the least loss is the best, and of those the first; patience and the
    plateau schedule go by the score alone.
    It ends at its last step or epoch, when patience runs out, or when stopped; in each case saved, with a Failure if
    that could not be done. Where ``minutes`` is set it is turned into a last step once, and ``epochs`` is ignored. A
    Failure of the learner (a loss that is NaN) passes through: nothing is saved after it.
    """

    def __init__(
        self, learner: Learner, settings: TrainingSettings, measure: str, calls: Calls, course: Course | None = None
    ) -> None:
        self.learner, self.settings, self.measure, self.calls = learner, settings, measure, calls
        self.course = course or Course()
        if self.course.steps is not None and settings.steps not in (None, self.course.asked):
            self.course.steps = self.course.asked = settings.steps
        self._saved: int | None = learner.step if course else None  # the step that is on the disk
        self._scores: dict[str, float] = {}  # of the validation at this very step
        self._started = self._saved_at = calls.clock()
        self._began = self._started - self.course.seconds
        self._seen = 0  # symbols since the start
        self._paced: tuple[float, int] = (0.0, 0)  # seconds and symbols of the steps since the last line of the log
        self._timed: list[tuple[float, int]] = []  # (seconds, symbols) of each step, while minutes are to become steps
        self.unsaved: str | None = None  # why the last save failed
        self._first: float | None = None  # the main loss of the very first step, nats a symbol
        self._recent: float | None = None  # of the last steps

    def __iter__(self) -> Iterator[Progress]:
        self.learner.plan(self._planned())
        while not self._exhausted() and not self._impatient():
            if self.calls.stopped():
                yield from self._close(STOPPED)
                return
            yield from self._one_step()
        if self.course.validated != self.learner.step:
            yield from self._validate()
        if (warning := self._diverged()) is not None:
            yield self._progress("note", text=warning)
        yield from self._close(self._why())

    def _close(self, why: str) -> Iterator[Progress]:
        if self._saved != self.learner.step:
            yield from self._save()
        if self.unsaved is not None:
            raise Failure(self.unsaved)
        yield self._progress("end", text=why)

    def _diverged(self) -> str | None:
        """A warning where the model got much worse on its training data too, which overfitting does not make it."""
        if self._recent is None:
            return None
        found = self._scores.get("loss")
        best = self.course.best.get("loss")
        if found is not None and best is not None and min(found, self._recent) > max(WORSE * best, best + 0.5):
            return f"warning: the loss ended at {found:.3g} and was {best:.3g} at its best: {self._try()}"
        if self._first is not None and self._recent > max(WORSE * self._first, self._first + 0.5):
            return f"warning: the loss ended at {self._recent:.3g} and began at {self._first:.3g}: {self._try()}"
        return None

    def _try(self) -> str:
        return (
            f"the training diverged; try a smaller training.rate (it was {self.settings.rate:g}) "
            f"or a smaller training.clip ({self.settings.clip:g}, 0 clips nothing)"
        )

    def _one_step(self) -> Iterator[Progress]:
        epoch, self._scores = self.learner.epoch, {}
        began = self.calls.clock()
        tallies = self.learner.advance()
        self._add(tallies, self.calls.clock() - began)
        losses = self._losses()
        self._recent = next(iter(losses.values()))
        if self.learner.step == 1:
            self._first = self._recent
        yield replace(self._progress("step", losses=losses), epoch=epoch)
        if self.learner.step % LOG_EVERY == 0 or self._exhausted():
            self._log_losses()
        if self._is_time_to_settle():
            yield from self._minutes_to_steps()
        every = self.settings.validate_every
        if self.learner.step % every == 0 if every else self.learner.epoch != epoch:
            yield from self._validate()
        elif self.calls.clock() - self._saved_at > SLOW_SAVE:
            yield from self._save()

    def _add(self, tallies: Mapping[str, Tally], seconds: float) -> None:
        for name, tally in tallies.items():
            self.course.nats[name] = self.course.nats.get(name, 0.0) + tally.nats
            self.course.counts[name] = self.course.counts.get(name, 0) + tally.units
        units = next(iter(tallies.values())).units
        self._seen += units
        self._paced = (self._paced[0] + seconds, self._paced[1] + units)
        if self.settings.minutes is not None and self.course.steps is None:
            self._timed.append((seconds, units))

    def _losses(self) -> dict[str, float]:
        """Nats a symbol of each loss, since the last line of the log."""
        return {name: nats / max(1, self.course.counts[name]) for name, nats in self.course.nats.items()}

    def _log_losses(self) -> None:
        losses, (seconds, units) = self._losses(), self._paced
        told: dict[str, Any] = {} if self.learner.rate is None else {"rate": self.learner.rate}
        told["symbols_per_second"] = round(units / max(seconds, 1e-9), 1)
        self._log(loss=next(iter(losses.values())), losses=losses, **told)
        self.course.nats, self.course.counts, self._paced = {}, {}, (0.0, 0)

    def _log(self, **told: Any) -> None:
        line = {"step": self.learner.step, "epoch": self.learner.epoch, **told, "seconds": round(self._elapsed(), 1)}
        self.calls.log(line)

    def _validate(self) -> Iterator[Progress]:
        self._scores = {name: float(value) for name, value in self.calls.validate().items()}
        self.course.validated = self.learner.step
        better, before = self._better(self.course.best, self.course.best_losses), self.course.best.get(self.measure)
        self.course.best |= {name: self._scores[name] for name in better}
        self.course.best_losses = self._losses_with(self.course.best_losses, better)
        if self.measure in self._scores:
            self._count(self.measure in better and self._scores[self.measure] != before)
        elif not self._has_end():
            raise Refusal(
                f"patience is the only end of this training and validations do not give {self.measure}: "
                "wants data to validate on, or training.epochs, training.steps or training.minutes"
            )
        self._log(valid=self._scores)
        yield self._progress("validation", scores=self._scores, best=self.measure in better)
        yield from self._save()

    def _better(self, than: Mapping[str, float], losses: Mapping[str, float]) -> list[str]:
        """The measures by which this step is better, with equal scores by its loss; what is no number never is."""
        loss = self._scores.get("loss", math.inf)

        def wins(name: str, value: float) -> bool:
            more = (value - than[name]) * (1 if self.calls.higher[name] else -1) if name in than else 1
            return more > 0 or (more == 0 and loss < losses.get(name, -math.inf))

        return [name for name, value in self._scores.items() if math.isfinite(value) and wins(name, value)]

    def _losses_with(self, before: Mapping[str, float], better: Sequence[str]) -> dict[str, float]:
        """The losses that settle ties, ``better`` by now at this step; one that JSON cannot hold is forgotten."""
        loss = self._scores.get("loss", math.inf)
        if math.isfinite(loss):
            return {**before, **dict.fromkeys(better, loss)}
        return {name: settling for name, settling in before.items() if name not in better}

    def _count(self, improved: bool) -> None:
        self.course.waited = 0 if improved else self.course.waited + 1
        due = self.course.waited and self.course.waited % self.settings.plateau_patience == 0
        if due and self.settings.schedule == "plateau":
            self.learner.reduce()

    def _save(self) -> Iterator[Progress]:
        """A save that fails is told once and tried again later; ``held`` is what the disk holds, so no best is lost."""
        better = self._better(self.course.held, self.course.held_losses)
        held = self.course.held | {name: self._scores[name] for name in better}
        losses = self._losses_with(self.course.held_losses, better)
        self.course.seconds, self.course.done = self._elapsed(), self._exhausted() or self._impatient()
        failed_before = self.unsaved is not None
        self.unsaved = self.calls.save(asdict(replace(self.course, held=held, held_losses=losses)), better)
        self._saved_at = self.calls.clock()
        if self.unsaved is None:
            self.course.held, self.course.held_losses, self._saved = held, losses, self.learner.step
            yield self._progress("saved")
        elif not failed_before:
            yield self._progress("note", text=self.unsaved)

    def _is_time_to_settle(self) -> bool:
        """Whether to turn minutes into steps now: after ``KNOWN`` steps, or where these are slow, half the minutes."""
        if self.settings.minutes is None or self.course.steps is not None or self._exhausted():
            return False
        known = self.learner.step >= KNOWN and len(self._timed) >= TIMED
        return known or self._elapsed() >= self.settings.minutes * 60 / 2

    def _minutes_to_steps(self) -> Iterator[Progress]:
        """Wall-clock decides once: a trial validation shows what those cost, the steps so far what a step costs."""
        assert self.settings.minutes is not None
        steps, warm = len(self._timed), self._timed[len(self._timed) // 5 :]
        symbols = sum(count for _, count in self._timed) / steps
        seconds = sum(spent for spent, _ in warm) / max(1, sum(count for _, count in warm)) * symbols
        trial = self.calls.clock()
        self.calls.validate()
        validation = self.calls.clock() - trial
        seconds += validation / (self.settings.validate_every or self.learner.epoch_steps())
        left = max(0.0, self.settings.minutes * 60 - self._elapsed() - validation)
        self.course.steps, self.course.asked = self.learner.step + int(left / max(seconds, 1e-9)), self.settings.steps
        self._timed.clear()
        limit = self._limit()
        assert limit is not None
        self.learner.plan(limit)
        self.calls.settled(limit)
        minutes = counted(self.settings.minutes, "minute")
        said = f"{minutes} are {counted(limit, 'step')} at the speed of the first {counted(steps, 'step')}"
        yield self._progress("note", text=said)
        yield from self._save()

    def _limit(self) -> int | None:
        """The last step, as far as steps and minutes decide it."""
        return min((steps for steps in (self.settings.steps, self.course.steps) if steps is not None), default=None)

    def _planned(self) -> int | None:
        """The last step as it can be foreseen; for epochs an estimate, as not all have the same number of steps."""
        limit, epochs = self._limit(), self._epochs()
        if self.settings.minutes is not None and self.course.steps is None:
            return None
        if epochs is None:
            return limit
        return min(epochs * self.learner.epoch_steps(), math.inf if limit is None else limit)  # type: ignore[return-value]

    def _epochs(self) -> int | None:
        return self.settings.epochs if self.settings.minutes is None else None

    def _has_end(self) -> bool:
        return not (self._limit() is None and self._epochs() is None and self.settings.minutes is None)

    def _exhausted(self) -> bool:
        limit, epochs = self._limit(), self._epochs()
        return (limit is not None and self.learner.step >= limit) or (
            epochs is not None and self.learner.epoch >= epochs
        )

    def _impatient(self) -> bool:
        return self.settings.patience is not None and self.course.waited >= self.settings.patience

    def _why(self) -> str:
        limit, epochs = self._limit(), self._epochs()
        if limit is not None and self.learner.step >= limit:
            return counted(limit, "step")
        if epochs is not None and self.learner.epoch >= epochs:
            return f"{counted(epochs, 'epoch')}, {counted(self.learner.step, 'step')}"
        waited = counted(self.course.waited, "validation")
        return f"{counted(self.learner.step, 'step')}, as {called(self.measure)} has not improved for {waited}"

    def _elapsed(self) -> float:
        return self.calls.clock() - self._began

    def _progress(self, kind: str, losses: Mapping[str, float] | None = None, **more: Any) -> Progress:
        elapsed, taken, steps = self._elapsed(), self.learner.step, self._planned()
        left = elapsed / taken * max(0, steps - taken) if steps is not None and taken else None
        speed = self._seen / max(self.calls.clock() - self._started, 1e-9) if self._seen else None
        return Progress(
            kind,
            taken,
            steps,
            self.learner.epoch,
            loss=next(iter(losses.values())) if losses else None,
            losses=losses or {},
            seconds=elapsed,
            left=left,
            symbols_per_second=speed,
            **more,
        )
