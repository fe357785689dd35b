"""The training loop: steps, validations, saves, and when to stop. It is given what it calls; it knows no task and no run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from melisma.settings.training import TrainingSettings
from melisma.task import Learner, Progress
from melisma.training.optimise import KNOWN

LOG_EVERY = 50  # steps between two lines of the log
SLOW_SAVE = 600.0  # seconds without a save after which one is made between validations


@dataclass
class Course:
    """Where a training stands beside its weights: what resuming needs of the loop itself."""

    steps: int | None = None  # the last step, once it is known
    best: dict[str, float] = field(default_factory=dict)  # measure -> the best value so far
    waited: int = 0  # validations since the deciding measure improved
    nats: float = 0.0  # since the last line of the log
    symbols: int = 0
    seconds: float = 0.0  # spent so far, resumed trainings added up
    done: bool = False


@dataclass(frozen=True)
class Calls:
    """What ``fit`` is given: it validates, saves and logs through these."""

    validate: Callable[[], Mapping[str, float]]  # scores by measure
    save: Callable[[Mapping[str, Any], list[str]], str | None]  # course, measures it is best by -> a sentence if it failed
    log: Callable[[Mapping[str, Any]], None]
    settled: Callable[[int], None]  # the last step became known
    higher: Mapping[str, bool]  # measure -> whether more is better
    stopped: Callable[[], bool] = lambda: False


class Fit:
    """A training: iterate over it for its ``Progress``. It ends at its last step, when patience runs out, or when stopped (saved)."""

    def __init__(self, learner: Learner, settings: TrainingSettings, measure: str, calls: Calls, course: Course | None = None) -> None:
        self.learner, self.settings, self.measure, self.calls = learner, settings, measure, calls
        self.course = course or Course()
        self._began = time.monotonic() - self.course.seconds
        self._started = self._saved_at = time.monotonic()
        self._saved_step = learner.step if course else -1
        self._marks: list[tuple[float, int]] = []  # (seconds, symbols so far) of the first steps, to turn minutes into steps
        self._seen = 0
        self.unsaved: str | None = None

    def __iter__(self) -> Iterator[Progress]:
        if self.course.steps is None:
            self._settle(self._bound())
        self.learner.plan(self.course.steps)
        while not self._finished():
            if self.calls.stopped():
                yield from self._save([])
                yield self._progress("end", text="stopped, and saved")
                return
            yield from self._one_step()
        if self.learner.step != self._saved_step:
            yield from self._validate()
        self.course.done = True
        yield self._progress("end", text=self._why())

    def _one_step(self) -> Iterator[Progress]:
        epoch = self.learner.epoch
        nats, symbols = self.learner.advance()
        self.course.nats, self.course.symbols, self._seen = self.course.nats + nats, self.course.symbols + symbols, self._seen + symbols
        self._mark()
        yield self._progress("step", loss=self.course.nats / self.course.symbols)
        if self.learner.step % LOG_EVERY == 0:
            self._log_line()
        if self.course.steps is None and self.settings.minutes is not None and len(self._marks) > KNOWN:
            yield from self._minutes_to_steps()
        every = self.settings.validate_every
        if self.learner.step % every == 0 if every else self.learner.epoch != epoch:
            yield from self._validate()
        elif time.monotonic() - self._saved_at > SLOW_SAVE:
            yield from self._save([])

    def _log_line(self) -> None:
        line = {"step": self.learner.step, "epoch": self.learner.epoch, "loss": self.course.nats / self.course.symbols}
        self.calls.log(line | {"seconds": round(self._elapsed(), 1)})
        self.course.nats, self.course.symbols = 0.0, 0

    def _validate(self) -> Iterator[Progress]:
        scores = dict(self.calls.validate())
        better = [name for name, value in scores.items() if self._improves(name, value)]
        self.course.best |= {name: scores[name] for name in better}
        self.course.waited = 0 if self.measure in better else self.course.waited + 1
        self.calls.log({"step": self.learner.step, "epoch": self.learner.epoch, "valid": scores, "seconds": round(self._elapsed(), 1)})
        if self.settings.schedule == "plateau" and self.course.waited and self.course.waited % self.settings.plateau_patience == 0:
            self.learner.reduce()
        yield self._progress("validation", scores=scores, best=self.measure in better)
        yield from self._save(better)

    def _improves(self, name: str, value: float) -> bool:
        best = self.course.best.get(name)
        return best is None or (value > best if self.calls.higher[name] else value < best)

    def _save(self, better: list[str]) -> Iterator[Progress]:
        self.course.seconds = self._elapsed()
        self.course.done = self._finished()
        self.unsaved = self.calls.save(asdict(self.course), better)
        self._saved_at, self._saved_step = time.monotonic(), self.learner.step
        yield self._progress("saved" if self.unsaved is None else "note", text=self.unsaved or "")

    def _bound(self) -> int | None:
        """The last step as far as settings know it; None while minutes or patience alone decide."""
        bounds = [self.settings.steps]
        if self.settings.epochs is not None and self.settings.minutes is None:
            bounds.append(self.settings.epochs * self.learner.epoch_steps())
        known = [bound for bound in bounds if bound is not None]
        return min(known) if known and self.settings.minutes is None else None

    def _settle(self, steps: int | None) -> None:
        self.course.steps = steps
        self.learner.plan(steps)
        if steps is not None:
            self.calls.settled(steps)

    def _mark(self) -> None:
        if self.course.steps is None and self.settings.minutes is not None:
            self._marks.append((time.monotonic(), self._seen))

    def _minutes_to_steps(self) -> Iterator[Progress]:
        """Wall-clock decides once: a trial validation shows what those cost, the first steps what a step costs."""
        (begin, before), (end, after) = self._marks[len(self._marks) // 5], self._marks[-1]
        speed = (after - before) / max(end - begin, 1e-9)
        trial = time.monotonic()
        self.calls.validate()
        validation = time.monotonic() - trial
        every = self.settings.validate_every or self.learner.epoch_steps()
        step = self._seen / len(self._marks) / speed + validation / every
        assert self.settings.minutes is not None
        left = max(0.0, self.settings.minutes * 60 - self._elapsed() - validation)
        steps = self.learner.step + max(1, int(left / step))
        steps = min([steps] + [bound for bound in (self.settings.steps,) if bound is not None])
        self._settle(steps)
        self._marks.clear()
        yield self._progress("note", text=f"{self.settings.minutes:g} minutes are {steps:,} steps at the speed of the first {KNOWN}")

    def _finished(self) -> bool:
        steps, patience = self.course.steps, self.settings.patience
        return (steps is not None and self.learner.step >= steps) or (patience is not None and self.course.waited >= patience)

    def _why(self) -> str:
        steps = self.course.steps
        if steps is not None and self.learner.step >= steps:
            return f"all {steps:,} steps are done"
        return f"{self.measure} has not improved for {self.course.waited} validations"

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _progress(self, kind: str, **more: Any) -> Progress:
        elapsed, steps = self._elapsed(), self.course.steps
        taken = self.learner.step
        left = elapsed / taken * (steps - taken) if steps is not None and taken else None
        speed = self._seen / max(time.monotonic() - self._started, 1e-9) if self._seen else None
        return Progress(kind, taken, steps, self.learner.epoch, seconds=elapsed, left=left, symbols_per_second=speed, **more)
