"""Training a recipe into a run, and going on with one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch

from melisma.api.device import device, machine, versions
from melisma.errors import Failure, Refusal
from melisma.evaluation.validate import Validation
from melisma.files.made import is_made
from melisma.runs.place import check_new
from melisma.runs.read import Run, read_run, read_step
from melisma.runs.disk import DISK
from melisma.runs.write import RunWriter, SaveFailed, create, open_for_training
from melisma.settings.read import build, differences, plain, with_values
from melisma.task import Corpus, Progress, Task
from melisma.tasks import settings_of, task as task_of
from melisma.tasks.recipe import recipe as recipe_of
from melisma.training.descent import learner
from melisma.training.fit import Calls, Course, Fit
from melisma.training.order import drawn

CHANGEABLE = ("training.steps", "training.epochs", "training.minutes", "training.patience", "training.threads", "training.device", "training.keep")


def train(
    recipe: str,
    run: str | Path,
    *layers: Mapping[str, Any],
    stopped: Callable[[], bool] = lambda: False,
    **settings: Any,
) -> Iterator[Progress]:
    """Trains ``recipe`` into the new folder ``run``; iterate over what comes back for its ``Progress``.

    Settings are nested (``data={"train": ("a.en", "a.de")}``) or dotted names in mappings. Everything that can be known before the first
    step is refused here, before anything is made.
    """
    chosen = recipe_of(recipe)
    cls = settings_of(chosen.task)
    built = build(cls, chosen.settings, *layers, settings)
    built.data.ready()
    check_new(Path(run), 0, DISK)
    task = task_of(chosen.task)
    _threads(built)
    place = device(built.training.device)
    corpus = task.read(built)
    codec = task.learn(corpus.train, built)
    torch.manual_seed(drawn(built.training.seed, "weights"))
    training = Training(task, built, codec, corpus, place, stopped)
    record = {
        "task": task.name,
        "recipe": recipe,
        "settings": plain(_relative(built, Path(run))),
        "data": dict(corpus.signatures) if not corpus.signatures else {os.path.relpath(path, run): told for path, told in corpus.signatures.items()},
        "pairs": {"train": len(training.train), "valid": len(corpus.valid)},
        "versions": versions(),
        "machine": machine(),
        "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "parameters": training.parameters,
    }
    writer = create(run, record, codec.to_json(), keep=max(2, built.training.keep), room=training.room)
    return training.into(writer)


def resume(run: str | Path, *layers: Mapping[str, Any], stopped: Callable[[], bool] = lambda: False, **settings: Any) -> Iterator[Progress]:
    """Goes on with a training, to the same bits as if it had never stopped; ``training.steps=…`` and the like extend it."""
    found = read_run(run)
    task = task_of(found.task)
    before = _absolute(build(task.settings, found.settings), found.path)
    built = with_values(before, _flat([*layers, settings]))
    _same_but_length(before, built)
    writer = open_for_training(run, keep=max(2, built.training.keep))
    try:
        return _resumed(task, found, before, built, writer, stopped)
    except BaseException:
        writer.close()
        raise


def _resumed(task: Task[Any, Any], found: Run, before: Any, built: Any, writer: RunWriter, stopped: Callable[[], bool]) -> Iterator[Progress]:
    _threads(built)
    place = device(built.training.device)
    codec = task.codec(found.codec, built)
    corpus = task.read(built)
    _same_data(found, corpus)
    torch.manual_seed(drawn(built.training.seed, "weights"))
    training = Training(task, built, codec, corpus, place, stopped)
    course = None
    if writer.latest is not None:
        saved = read_step(found.path, "latest", shapes=task.shapes(codec, built), training=True)
        training.learner.restore(saved.model, saved.training, saved.state["learner"])
        course = Course(**{field.name: saved.state["course"][field.name] for field in fields(Course)})
        if differences(before, built):
            renewed = any(name == "training.minutes" for name, _, _ in differences(before, built))
            course = replace(course, steps=None if renewed else course.steps, waited=0)
    if differences(before, built):
        writer.update_run({"settings": plain(_relative(built, found.path))})
    return training.into(writer, course)


class Training:
    """One training: the learner, its validation, and how both reach a run."""

    def __init__(self, task: Task[Any, Any], settings: Any, codec: Any, corpus: Corpus[Any], place: torch.device, stopped: Callable[[], bool]) -> None:
        self.task, self.settings, self.codec, self.stopped = task, settings, codec, stopped
        prepared = task.prepare(codec, corpus.train, settings)
        self.train = prepared.encoded
        self.notes = [*corpus.notes, *prepared.notes]
        model = task.build(codec, settings)
        self.parameters = sum(weight.numel() for weight in model.parameters())
        self.learner = learner(task, model, codec, prepared, settings, place)
        self.validation = Validation(task, codec, settings, corpus.valid) if corpus.valid else None

    @property
    def room(self) -> int:
        """Bytes that one saved step takes: weights, their averages, and two moments of each."""
        return 4 * 4 * self.parameters

    def into(self, writer: RunWriter, course: Course | None = None) -> Iterator[Progress]:
        """The training itself, saved into a run."""
        with writer:
            for note in (*writer.notes, *self.notes):
                yield self._note(note)
            fit = Fit(self.learner, self.settings.training, self._measure(), self._calls(writer), course)
            yield from fit
            if fit.unsaved is not None:
                raise Failure(fit.unsaved)

    def _note(self, text: str) -> Progress:
        return Progress("note", self.learner.step, None, self.learner.epoch, text=text)

    def _measure(self) -> str:
        return str(self.settings.data.validation_measure)

    def _calls(self, writer: RunWriter) -> Calls:
        higher = {} if self.validation is None else self.validation.higher
        return Calls(
            validate=self._validate,
            save=lambda course, better: self._save(writer, course, better),
            log=writer.log,
            settled=lambda steps: writer.update_run({"steps": steps}),
            higher=higher,
            stopped=self.stopped,
        )

    def _validate(self) -> Mapping[str, float]:
        if self.validation is None:
            return {}
        with self.learner.answering() as model:
            return self.validation.scores(model, self.learner.device)

    def _save(self, writer: RunWriter, course: Mapping[str, Any], better: Sequence[str]) -> str | None:
        model, training, state = self.learner.snapshot()
        pointers = [f"best-{name}" for name in better] + (["best"] if self._measure() in better else [])
        try:
            writer.save_step(self.learner.step, model, training, {"learner": state, "course": course}, pointers)
        except SaveFailed as error:
            return str(error)
        return None


def _threads(settings: Any) -> None:
    if settings.training.threads is not None:
        torch.set_num_threads(settings.training.threads)


def _flat(layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for layer in layers:
        merged |= layer
    return merged


def _same_but_length(before: Any, after: Any) -> None:
    """Refuses to resume with settings that would make it another training."""
    changed = [(name, old, new) for name, old, new in differences(before, after) if name not in CHANGEABLE]
    if changed:
        told = "; ".join(f"{name} was {old!r}, now {new!r}" for name, old, new in changed)
        raise Refusal(f"a resumed training keeps its settings ({told}): leave them as they were, or train into another folder")


def _same_data(found: Run, corpus: Corpus[Any]) -> None:
    """Refuses data that has changed since the training began."""
    told = found.record.get("data", {})
    for path, signature in corpus.signatures.items():
        known = told.get(os.path.relpath(path, found.path))
        if isinstance(known, dict) and known.get("sha256") != signature["sha256"]:
            raise Refusal(f"{path} has changed since this training began: the file as it was is wanted, or a new training in another folder")


def _mapped(settings: Any, change: Callable[[str], str]) -> Any:
    """Settings with every path of their data changed."""
    data = settings.data
    moved = {}
    for field in fields(data):
        value = getattr(data, field.name)
        if isinstance(value, tuple):
            moved[field.name] = tuple(corpus if is_made(corpus) else tuple(change(path) for path in corpus) for corpus in value)
    return replace(settings, data=replace(data, **moved))


def _relative(settings: Any, run: Path) -> Any:
    """Paths as seen from the run, so that a run and its data can move together and no absolute path is kept."""
    return _mapped(settings, lambda path: os.path.relpath(path, run))


def _absolute(settings: Any, run: Path) -> Any:
    return _mapped(settings, lambda path: os.path.normpath(os.path.join(run, path)))
