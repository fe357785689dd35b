"""A sweep: the levers that improve a model, each at several values and with several seeds, and what that says."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from melisma.api.data import as_given
from melisma.api.device import device, require_memory, threads
from melisma.api.precision import decided, multiplied_in
from melisma.api.sweep_folder import TRIALS, Folder, Ground, begin, check_place, held, there
from melisma.api.sweep_ledger import Ledger, check_storage
from melisma.api.sweep_pages import Found, write_pages
from melisma.api.sweep_pool import Elsewhere, Here, Trainers
from melisma.api.sweep_trial import Done, Job
from melisma.api.train import ending
from melisma.api.training import Stopped, never
from melisma.errors import Busy, Failure, Interrupted, Refusal
from melisma.evaluation.levers import Curve, Point, Scale, Trained, advice, rows
from melisma.quoting import counted, shown_path
from melisma.runs.disk import DISK
from melisma.runs.facts import facts_unchecked
from melisma.runs.layout import BEST
from melisma.runs.lock import Lock
from melisma.runs.place import is_run, run_room, size
from melisma.settings.levers import Level, effort, ended_by, levels, own_value
from melisma.settings.read import build, flat, listed
from melisma.settings.sweep import SweepSettings
from melisma.task import Task
from melisma.tasks import settings_of
from melisma.tasks import task as task_of
from melisma.tasks.recipe import recipe as recipe_of


@dataclass(frozen=True)
class Trial:
    """One training of a sweep."""

    name: str
    level: Level
    seed: int
    settings: Any
    effort: float  # about how long it takes, beside one with the recipe's own values


@dataclass(frozen=True)
class News:
    """What has happened in a sweep."""

    kind: str  # "note", "begin", "trained", "failed" or "end"
    done: int  # trainings that are finished
    of: int
    text: str = ""
    left: float | None = None  # seconds, estimated
    found: Found | None = None


def sweep(
    recipe: str,
    out: str | Path,
    plan: SweepSettings,
    *layers: Mapping[str, Any],
    stopped: Stopped = never,
    **settings: Any,
) -> Iterator[News]:
    """Trains ``recipe`` at every value of every lever into the new folder ``out``, or goes on with what is there.

    Iterate over what comes back for its ``News``, the last of which tells what was found. Settings are those of
    ``train`` and hold for every training. Everything that can be known before is refused here, before anything is
    made. Interrupted where it was stopped, Busy where another process has the last trainings.
    """
    made = Sweep(recipe, Path(out), plan, (*layers, settings))
    made.prepare()
    return made.run(stopped)


class Sweep:
    """All trainings of a sweep, and how far they have come."""

    def __init__(self, recipe: str, out: Path, plan: SweepSettings, layers: Sequence[Mapping[str, Any]]) -> None:
        chosen = recipe_of(recipe)
        cls: type[Any] = settings_of(chosen.task)
        self.recipe, self.out, self.plan = recipe, out, plan
        self._bare = flat(build(cls, chosen.settings))
        self.settings = as_given(ending(build(cls, chosen.under(*layers), *layers), layers))
        self.settings.data.ready()
        self.task: Task[Any, Any] = task_of(chosen.task)
        if not self.settings.data.validates:
            raise Refusal("a sweep compares scores in validation and data.valid_size=0 allows none: wants validation")
        if plan.processes > 1 and self.settings.training.threads != 1:
            found = self.settings.training.threads
            raise Refusal(
                f"processes={plan.processes} and training.threads={found}: wants training.threads=1, or processes=1"
            )
        self.levels = {lever: levels(lever, self.settings, plan.points) for lever in plan.vary}
        self.trials = self._trials(cls)
        self.scale, self.notes = self._scale()
        self.results: dict[str, Trained] = {}
        self.failed: dict[str, str] = {}
        self._spent: list[tuple[float, float]] = []  # (effort, seconds) of what was trained just now
        self._took: dict[str, Lock] = {}
        self.folder: Folder | None = None
        self.ledger: Ledger | None = None

    def _trials(self, cls: type[Any]) -> dict[str, Trial]:
        """Every training by its name, all values of one seed before those of the next."""
        found: dict[str, Trial] = {}
        for number in range(self.plan.seeds):
            seed = self.settings.training.seed + number
            for level in (level for lever in self.levels.values() for level in lever):
                name = f"{level.name}-seed{seed}"
                try:
                    made = build(cls, flat(self.settings), {**level.changes, "training.seed": seed})
                except Refusal as refusal:
                    raise Refusal(f"vary={level.lever} cannot have the value {level.label}: {refusal}") from None
                found.setdefault(name, Trial(name, level, seed, made, effort(level, self.settings)))
        return dict(sorted(found.items(), key=lambda one: (one[1].seed, not one[1].level.own)))

    def _scale(self) -> tuple[Scale, list[str]]:
        measure = str(self.settings.data.validation_measure)
        notes = []
        validated = self.task.validating(self.settings)
        if measure == "loss" and "data" in self.levels and validated:
            measure = next(iter(validated))
            notes.append(
                f"the scores are {measure}: with other data other symbols are learned, and losses of different symbols "
                "cannot be compared"
            )
        return Scale(measure, validated.get(measure) == "higher"), notes

    # --- before the first training

    def prepare(self) -> None:
        """Refuses what cannot be done, then makes the folder, and reads what is finished already."""
        check_place(self.out, self.recipe, self.settings)
        check_storage(self.out, self.plan.storage)
        if there(self.out):
            self._go_on(None)
        if any(not is_run(self.out / TRIALS / name) for name in self._open()):
            self._go_on(self._check_room())

    def _go_on(self, ground: Ground | None) -> None:
        """Makes the folder, or takes the one that is there, and reads what is finished."""
        self.folder = begin(self.out, self.recipe, self.settings, ground)
        higher = self.task.validated.get(str(self.settings.data.validation_measure)) == "higher"
        with held(self.out):  # two that make the tables of one database would be in each other's way
            self.ledger = Ledger(self.out, self.plan.storage, self.folder.study, higher)
        self._refresh()

    def _check_room(self) -> Ground:
        """Refuses data that cannot be read, and what the disk or the memory cannot hold."""
        corpus = self.task.read(self.settings)
        codec = self.task.learn(corpus.train, self.settings)
        place = device(self.settings.training.device)
        training, measures = self.settings.training, len(self.task.validating(self.settings))
        room, largest = 0, 0
        for level in {trial.level.name: trial for trial in self.trials.values()}.values():
            shapes = self.task.shapes(codec, level.settings)
            numbers = sum(math.prod(shape) for shape in shapes.values())
            waiting = [name for name in self._open() if self.trials[name].level.name == level.level.name]
            begun = sum(is_run(self.out / TRIALS / name) for name in waiting)
            room += run_room(numbers, training.keep, measures, training.copies) * (len(waiting) - begun)
            largest = max(largest, numbers)
        require_memory(largest * self.plan.processes, place, training.copies)
        nearest = next(folder for folder in (self.out, *self.out.absolute().parents) if folder.exists())
        free = DISK.free(nearest)
        if free is not None and free < room:
            raise Refusal(
                f"{shown_path(self.out)}: {counted(len(self.trials), 'training')} may take up to {size(room)} and the "
                f"disk has {size(free)} free: fewer points or seeds are wanted, or a smaller model"
            )
        return Ground(
            corpus.signatures, self.settings.training.precision if there(self.out) else self._precision(codec)
        )

    def _precision(self, codec: Any) -> str:
        """What all trainings multiply in: what one with the recipe's own values would take."""
        shapes, training = self.task.shapes(codec, self.settings).values(), self.settings.training
        with threads(training.threads):
            found = decided(self.settings, shapes, device(training.device))
        self.notes += multiplied_in(self.settings, found)[1]
        return "float32" if found == "auto" else found

    def _refresh(self) -> None:
        """Reads what is finished, by whomever."""
        assert self.ledger is not None
        found = self.ledger.results()
        self.results |= {name: one for name, one in found.items() if name in self.trials}

    # --- the trainings

    def run(self, stopped: Stopped) -> Iterator[News]:
        """Does what is not done yet, and tells what was found."""
        for note in self.notes:
            yield self._news("note", note)
        yield self._news("begin", self._begins())
        trainers: Trainers = Here() if self.plan.processes == 1 else Elsewhere(self.plan.processes)
        try:
            yield from self._train(trainers, stopped)
        except KeyboardInterrupt:
            trainers.kill()
            raise
        finally:
            for done in trainers.close():  # asked to save, whatever it is that ends the others too
                with contextlib.suppress(Refusal, Failure):
                    self._ended(done)
            for lock in self._took.values():
                lock.release()
            self._took.clear()
        if others := self._open():
            raise Busy(
                f"{counted(len(others), 'training')} of {shown_path(self.out)} "
                f"{'is' if len(others) == 1 else 'are'} just being done by another process: "
                "the same command, once they are done, tells what was found"
            )
        found = self.found()
        yield self._news("end", f"{shown_path(self.out)} has {', '.join(found.files)}", found=found)

    def _open(self) -> list[str]:
        """The trainings that have not come to an end."""
        return [name for name in self.trials if name not in self.results and name not in self.failed]

    def _begins(self) -> str:
        done, count = len(self.results), len(self.trials)
        text = f"{counted(count, 'training')}: {', '.join(self.levels)}, each value with {self.plan.seeds} seeds"
        return f"{text}; {done} are done already" if done else text

    def _train(self, trainers: Trainers, stopped: Stopped) -> Iterator[News]:
        waiting = [trial for name, trial in self.trials.items() if name not in self.results]
        while waiting or self._took:
            while waiting and trainers.free and not stopped():
                self._begin(waiting.pop(0), trainers)
            if not self._took and not stopped():
                continue
            ended = trainers.ended(stopped) if self._took else []
            if stopped():
                ended += trainers.close()
            yield from [news for done in ended if (news := self._ended(done)) is not None]
            if stopped():
                left, of = self._open(), len(self.trials)
                if not left:
                    return
                raise Interrupted(f"stopped: {of - len(left)} of {of} trainings are done, what was begun is saved")

    def _begin(self, trial: Trial, trainers: Trainers) -> None:
        """Takes a training unless another process has it, or has done it meanwhile."""
        assert self.folder is not None
        lock = self.folder.claim(trial.name)
        if lock is None:
            return
        self._refresh()
        if trial.name in self.results:
            lock.release()
            return
        self._took[trial.name] = lock
        trainers.begin(Job(trial.name, self.recipe, str(self.folder.trial(trial.name)), self._given(trial)))

    def _given(self, trial: Trial) -> dict[str, Any]:
        assert self.folder is not None
        return self._beside(trial) | {"training.precision": self.folder.precision}

    def _beside(self, trial: Trial) -> dict[str, Any]:
        """The settings of a training that are not its recipe's own, as JSON holds them."""
        found = {name: value for name, value in flat(trial.settings).items() if self._bare[name] != value}
        return {name: listed(value) for name, value in found.items()}

    def _ended(self, done: Done) -> News | None:
        """Writes down what a training came to."""
        lock = self._took.pop(done.name)
        try:
            return self._told(self.trials[done.name], done)
        finally:
            lock.release()

    def _told(self, trial: Trial, done: Done) -> News | None:
        assert self.folder is not None
        assert self.ledger is not None
        if done.how == "refused":
            raise Refusal(f"{trial.name}: {done.said}")
        if done.how in ("stopped", "busy"):
            return None
        found: Trained | str = done.said
        if done.how == "finished":
            found = _result(self.folder.trial(trial.name), self.scale.measure)
        self.ledger.add(trial.name, self._params(trial), str(self.settings.data.validation_measure), found)
        self._spent.append((trial.effort, done.seconds))
        if isinstance(found, str):
            self.failed[trial.name] = found
            return self._news("failed", f"{trial.name} failed: {found}")
        self.results[trial.name] = found
        score = f"{self.scale.measure} {found.scores[self.scale.measure]:.2f}"
        told = f"{score}, loss {found.scores.get('loss', math.nan):.3f}, {done.seconds:.0f} s"
        return self._news("trained", f"{trial.name}: {told}")

    def _params(self, trial: Trial) -> dict[str, float]:
        """Where a training stands, as numbers."""
        values: dict[str, float] = {lever: own_value(lever, trial.settings) for lever in self.levels}
        return {**values, "seed": trial.seed}

    def _news(self, kind: str, text: str, found: Found | None = None) -> News:
        return News(kind, len(self.results), len(self.trials), text, self._left(), found)

    def _left(self) -> float | None:
        """Seconds that the rest takes, at the speed of what was trained just now; None before anything was."""
        rest = [self.trials[name].effort for name in self._open()]
        if not self._spent:
            return None
        speed = sum(seconds for _, seconds in self._spent) / sum(effort for effort, _ in self._spent)
        return speed * sum(rest) / min(self.plan.processes, max(1, len(rest)))

    # --- what was found

    def found(self) -> Found:
        """Curves, sentences and files from what is finished."""
        assert self.folder is not None
        curves = tuple(Curve(lever, self._setting(lever), self._points(lever)) for lever in self.levels)
        said = tuple(advice(curves, self.scale, steps=self.settings.training.epochs is None))
        table = tuple(rows(curves, self.scale))
        found = Found(curves, self.scale, said, table, dict(self.failed), ())
        return replace(found, files=write_pages(self.folder, self.recipe, self.plan.seeds, found))

    def _setting(self, lever: str) -> str:
        if lever == "epochs":
            return f"training.{ended_by(self.settings)}"
        return {"data": "share of the data", "hidden": "model.hidden", "batch": "training.batch_tokens"}[lever]

    def _points(self, lever: str) -> tuple[Point, ...]:
        return tuple(self._point(level) for level in self.levels[lever])

    def _point(self, level: Level) -> Point:
        here = [trial for trial in self.trials.values() if trial.level.name == level.name]
        there = {trial.seed: self.results[trial.name] for trial in here if trial.name in self.results}
        return Point(level.factor, level.label, level.words, there, sum(trial.name in self.failed for trial in here))


def _result(run: Path, measure: str) -> Trained | str:
    """What a finished training came to at its best step, or why that is nothing."""
    try:
        known = facts_unchecked(run)
    except (Refusal, Failure) as error:
        return str(error)
    best = known.at(BEST)
    scores = {} if best is None else {name: value for name, value in best.scores.items() if value is not None}
    if best is None or measure not in scores:
        return "its validation came to no number"
    return Trained(scores, best.step, known.course.seconds or 0.0, known.sizes.parameters or 0)
