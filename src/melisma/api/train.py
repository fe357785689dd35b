"""Training a recipe into a run, and going on with one."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from melisma.api.data import as_given, check_unchanged, require_there, seen_from, seen_from_here, signatures, twice
from melisma.api.device import machine, threads, versions
from melisma.api.elsewhere import elsewhere, table
from melisma.api.given import folder, tables
from melisma.api.precision import decided, multiplied_in
from melisma.api.saved import SETTLED, check_losses, course_of, position_of, resumed_forms, settled
from melisma.api.together import alike, joined, processes_of, shared_otherwise, told_of
from melisma.api.training import Stopped, Training, never
from melisma.errors import Failure, Refusal
from melisma.quoting import named
from melisma.runs.board import require_board
from melisma.runs.disk import DISK
from melisma.runs.inside import names_inside
from melisma.runs.layout import BOARD, LATEST, PAGES, StepName, step_name
from melisma.runs.place import check_new
from melisma.runs.read import Run, Step, read_run, read_step
from melisma.runs.verify import verify
from melisma.runs.write import RunWriter, claim, create
from melisma.settings.leaves import shape
from melisma.settings.read import build, differences, flat, given_in, plain
from melisma.settings.show import as_text
from melisma.settings.training import TrainingSettings
from melisma.task import Corpus, Progress
from melisma.tasks import settings_of
from melisma.tasks import task as task_of
from melisma.tasks.recipe import recipe as recipe_of
from melisma.training.fit import Course
from melisma.training.launch import launched
from melisma.training.optimise import late_warmup
from melisma.training.shards import Shards

ENDS = ("training.steps", "training.epochs", "training.minutes")
CHANGEABLE = (
    *ENDS,
    "training.patience",
    "training.rate",
    "training.warmup",
    "training.clip",
    "training.accumulate",
    "training.threads",
    "training.device",
    "training.keep",
    "training.board",
)
"""What a resumed training may change: how long it is, what cures a loss that became NaN, where it computes and how much
of a batch at once; and where its data lies, which must be the same."""


def train(
    recipe: str, run: str | Path, *layers: Mapping[str, Any], stopped: Stopped = never, **settings: Any
) -> Generator[Progress, None, None]:
    """Trains ``recipe`` into the new folder ``run``; iterate over what comes back for its ``Progress``.

    Settings are nested (``data={"train": ("a.en", "a.de")}``) or dotted names in mappings. Everything that can be known
    before the first step is refused here, before anything is made. Whoever leaves the loop ends the training there,
    saved so that ``resume`` goes on to the same bits. Of several processes that ``torchrun`` started each makes this
    call; the first is told everything and writes, the others only that it ended.
    """
    chosen, path, layers = recipe_of(recipe), folder(run), (*layers, settings)
    tables(layers)
    cls: type[Any] = settings_of(chosen.task)
    built = ending(build(cls, chosen.under(*layers), *layers), layers)
    built.data.ready()
    launch = launched()
    if launch.leads:
        check_new(path, 0, DISK)
    if launch.leads and built.training.board:
        require_board()
    task = task_of(chosen.task)
    shards = joined(launch, built, stopped)
    with shards.agreeing() as said, threads(built.training.threads):
        corpus = task.read(built)
        codec = task.learn(corpus.train, built)
        said.word = decided(built, task.shapes(codec, built).values(), shards.device) if shards.leads else ""
    with shards.agreeing() as meeting, threads(built.training.threads):
        built, rounded = multiplied_in(built, said.word)
        training = Training(task, built, codec, corpus, shards, stopped)
        training.notes += rounded
        late = late_warmup(built.training, training.learner.epoch_steps())
        training.notes[:0] = twice(built, task.example)
        training.notes += [f"warning: {late}"] if late else []
        meeting.same |= alike(training, corpus.signatures)
    if not shards.leads:
        with shards.agreeing():
            return training.following()
    writer = None
    try:
        with shards.agreeing(), threads(built.training.threads):
            record = {"task": task.name, "recipe": recipe} | _record(path, built, corpus, training)
            writer = create(path, record, codec.to_json(), keep=built.training.keep, room=training.room)
    except BaseException:  # another process was lost or refused: there is no such training
        if writer is not None:
            writer.take_back()
        raise
    return training.into(writer)


def _record(path: Path, built: Any, corpus: Corpus[Any], training: Training) -> dict[str, Any]:
    shards = training.shards
    return {
        "settings": plain(seen_from(path, built)),
        "data": signatures(path, corpus.signatures),
        "pairs": {"train": len(training.train), "valid": len(corpus.valid)},
        "versions": versions(),
        "machine": machine() | {"device": shards.device.type} | told_of(shards),
        "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "parameters": training.parameters,
    }


def resume(
    run: str | Path, *layers: Mapping[str, Any], stopped: Stopped = never, **settings: Any
) -> Generator[Progress, None, None]:
    """Goes on with a training, to the same bits as if it had never stopped.

    ``training.steps=…``, ``epochs`` or ``minutes`` extend it: the one that is given replaces the others as its end. A
    training that is finished says so and nothing is written. What is damaged is repaired once nothing is left that
    could be refused; a note says what that was.
    """
    path, layers = folder(run), (*layers, settings)
    tables(layers)
    found = read_run(path)
    task = task_of(found.task)
    names = [name.partition(".")[2] for name in shape(task.settings).corpora]
    given = [name for name in names if any(given_in(layer, "data", name) for layer in layers)]
    before: Any = as_given(seen_from_here(found.path, build(task.settings, found.settings), given))
    built = as_given(build(task.settings, flat(before), *layers))
    _check_changes(before, built)
    built = ending(built, layers)
    if before == built and (done := _finished(found)) is not None:
        return (one for one in (done,))
    require_there(built, given)
    launch = launched()
    if launch.leads and built.training.board:
        require_board()
        names_inside(path, BOARD)  # refuses a link before anything is repaired
    shards = joined(launch, built, stopped)
    with shards.agreeing() as meeting:
        held = claim(path) if shards.leads else None
        meeting.word = "" if held is None or held.resumed is None else str(held.resumed)
    try:
        with shards.agreeing() as said, threads(built.training.threads):
            training, course = _resumed(found, before, built, shards, stopped, step_name(meeting.word))
            said.same |= alike(training, table(found.record, "data"))
        with shards.agreeing():
            writer = None if held is None else held.begin(built.training.keep)
    except BaseException:
        if held is not None:
            held.release()
        raise
    if writer is None:
        return training.following()
    try:
        _rewrite(found, before, built, course, writer, shards.size)
    except BaseException:
        writer.close()
        shards.end(Failure.exit_code)
        raise
    return training.into(writer, course)


def _resumed(
    found: Run, before: Any, built: Any, shards: Shards, stopped: Stopped, step: StepName | None
) -> tuple[Training, Course | None]:
    """The training of a run where a step of it was saved, or at its beginning where none was."""
    training = _anew(found, built, shards, stopped, step)
    accumulated, accumulate = before.training.accumulate, built.training.accumulate
    training.notes[:0] = shared_otherwise(processes_of(found.record), accumulated, shards.size, accumulate)
    if step is None:
        return training, None
    return training, _restored(_saved(found, training, step), training, before)


def _anew(found: Run, built: Any, shards: Shards, stopped: Stopped, step: StepName | None) -> Training:
    """The training of a run at its beginning, from the data as it lies here.

    The shapes of the step that it will go on from are compared with the settings before anything is allocated.
    """
    task = task_of(found.task)
    corpus = task.read(built)
    check_unchanged(found, corpus.signatures)
    codec = task.codec(found.codec, built)
    if step is not None:
        read_step(found.path, step, shapes=task.shapes(codec, built))
    training = Training(task, built, codec, corpus, shards, stopped)
    here = machine() | {"device": shards.device.type}
    training.notes[:0] = elsewhere(found.record, here, versions()) + twice(built, task.example)
    return training


def _saved(found: Run, training: Training, step: StepName) -> Step:
    """The step to go on from, with what resuming needs besides the model."""
    task, codec, settings = training.task, training.codec, training.settings
    forms = resumed_forms(task, codec, settings, step.number)
    return read_step(found.path, step, shapes=task.shapes(codec, settings), training=forms)


def _restored(saved: Step, training: Training, before: Any) -> Course:
    """Puts a training where a step was saved; the changes that were asked for hold from there on."""
    course, position = course_of(saved), position_of(saved)
    settled(training.task, training.codec, saved)  # refuses what no training writes
    check_losses(saved, course, training.task.losses(training.settings))
    changed = _changed(before, training.settings)
    _check_ahead(training.settings.training, changed, course, position)
    training.learner.restore(saved.model, saved.training, position)
    if training.validation is not None:
        training.validation.settled = saved.state.get(SETTLED)
    if "training.minutes" in changed:  # what minutes came to is to be found out again
        course = replace(course, steps=None, asked=None)
    if changed & {*ENDS, "training.patience"} and course.done:
        course = replace(course, waited=0, done=False)
    return course


def _check_ahead(wanted: TrainingSettings, changed: set[str], course: Course, position: Mapping[str, Any]) -> None:
    """Refuses a new end that a training has passed already."""
    step, epoch, minutes = position["step"], position.get("epoch", 0), course.seconds / 60
    if "training.steps" in changed and wanted.steps is not None and wanted.steps < step:
        raise Refusal(f"training.steps={wanted.steps} lies behind: step {step} is reached; {step} or more is wanted")
    if "training.epochs" in changed and wanted.epochs is not None and wanted.epochs < epoch:
        raise Refusal(f"training.epochs={wanted.epochs} lies behind: {epoch} are done; {epoch} or more is wanted")
    if "training.minutes" in changed and wanted.minutes is not None and wanted.minutes < minutes:
        raise Refusal(f"training.minutes={wanted.minutes:g} lies behind: {minutes:.3g} are spent; more are wanted")


def _changed(before: Any, after: Any) -> set[str]:
    return {name for name, _, _ in differences(before, after)}


def _finished(found: Run) -> Progress | None:
    """What to say where the training has reached its end already and nothing of it is missing."""
    verdict = verify(found.path)
    if verdict.state != "whole" or verdict.behind or not all((found.path / page).exists() for page in PAGES):
        return None
    try:
        saved = read_step(found.path, LATEST)
    except Refusal:
        return None
    course = course_of(saved)
    if not course.done:
        return None
    return Progress(
        "end",
        saved.number,
        None,
        0,
        seconds=course.seconds,
        text=f"this training was finished at step {saved.number:,}; "
        "training.steps=…, training.epochs=… or training.minutes=… lets it go further",
    )


def _rewrite(found: Run, before: Any, built: Any, course: Course | None, writer: RunWriter, processes: int) -> None:
    """Writes down what is no longer as it was: the settings, and how many processes train."""
    changes: dict[str, Any] = {} if before == built else {"settings": plain(seen_from(found.path, built))}
    if processes != processes_of(found.record):
        changes["machine"] = {"processes": None if processes == 1 else processes}
    if not changes:
        return
    if "steps" in found.record:
        limits = [built.training.steps]
        if course is not None and not _changed(before, built) & set(ENDS):
            limits.append(course.steps)
        changes["steps"] = min((steps for steps in limits if steps is not None), default=None)
    writer.update_run(changes)


def ending(built: Any, layers: Sequence[Mapping[str, Any]], *, settled: bool = False) -> Any:
    """The end that was asked for, of steps, epochs and minutes, replaces those that were not.

    ``settled``: the minutes were turned into steps, which those that are asked for replace.
    """
    given = {name for name in ("steps", "epochs", "minutes") for layer in layers if given_in(layer, "training", name)}
    if not any(getattr(built.training, name) is not None for name in given):
        return built
    kept = given | ({"minutes"} if settled and "epochs" not in given else set())
    ends = {name: getattr(built.training, name) if name in kept else None for name in ("steps", "epochs", "minutes")}
    return replace(built, training=replace(built.training, **ends))


def _check_changes(before: Any, after: Any) -> None:
    """Refuses to resume with settings that would make it another training."""
    allowed = {*CHANGEABLE, *shape(type(after)).corpora}
    changed = [(name, old, new) for name, old, new in differences(before, after) if name not in allowed]
    if changed:
        told = "; ".join(f"{name} was {named(as_text(old))}, now {named(as_text(new))}" for name, old, new in changed)
        raise Refusal(
            f"a resumed training keeps its settings ({told}): leave them as they were, or train into another folder"
        )
