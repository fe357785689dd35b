"""What is wrong with the data of a training, all at once, and what the training would take."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from melisma.api.data import twice
from melisma.api.device import device, threads
from melisma.api.given import tables
from melisma.api.precision import decided, multiplied_in
from melisma.api.train import ending
from melisma.api.training import Training, never
from melisma.checks.covered import Covered
from melisma.checks.dry_run import Cost, memory_peak, of_cost, planned, time_steps
from melisma.checks.finding import Finding, ordered
from melisma.checks.of_task import CHECKS, DataCheck, Looked
from melisma.checks.recordings import BROKEN
from melisma.checks.report import Report
from melisma.errors import Failure, Refusal
from melisma.evaluation.validate import Validation
from melisma.runs.disk import DISK
from melisma.runs.place import run_room
from melisma.settings.read import build
from melisma.task import Corpus, Task
from melisma.tasks import settings_of
from melisma.tasks import task as task_of
from melisma.tasks.recipe import recipe as recipe_of
from melisma.training.optimise import late_warmup
from melisma.training.shards import Alone

VALIDATED = 64  # examples on which a validation is timed


def check(
    recipe: str, *layers: Mapping[str, Any], fix: str | Path | None = None, dry_run: bool = True, **settings: Any
) -> Report:
    """Everything wrong with the data of a training by ``recipe``, and with ``dry_run`` what that training would take.

    Settings are those of ``train``. Nothing is written, unless ``fix`` names a new folder for a repaired copy. Refusal
    where a file or all data is missing; what is wrong within the data is reported instead.
    """
    chosen, layers = recipe_of(recipe), (*layers, settings)
    tables(layers)
    if chosen.task not in CHECKS:
        raise Refusal(f"the data of {chosen.task} cannot be checked yet; wanted is a recipe of {', '.join(CHECKS)}")
    kind = CHECKS[chosen.task]
    built = ending(build(settings_of(chosen.task), chosen.under(*layers), *layers), layers)
    built.data.ready()
    if fix is not None:
        kind.require_new(Path(fix), built.data)
    looked: Looked = kind.look(built)
    more, covered, cost = _measured(kind, task_of(chosen.task), built, looked, dry_run)
    findings, coverage = ordered([*looked.findings, *more]), None if covered is None else covered.coverage
    report = Report(kind.thing, looked.examples, findings, looked.sounds, coverage, cost)
    if fix is None:
        return report
    try:
        return replace(report, repaired=kind.repaired(looked, covered, built.data, Path(fix)))
    except (Refusal, Failure) as error:  # what was found is worth being told all the same
        return replace(report, unrepaired=str(error))


def _measured(
    kind: DataCheck, task: Task[Any, Any], settings: Any, looked: Looked, dry_run: bool
) -> tuple[list[Finding], Covered | None, Cost | None]:
    """What only training itself shows: whether it takes the data, what it covers, what it costs."""
    findings = [_twice(sentence) for sentence in twice(settings, kind.thing)]
    if not dry_run:
        findings += _late(settings, None)
    corpus, refused = _read(kind, task, settings, looked)
    findings += refused
    if not corpus.train:
        return findings, None, None
    codec: Any = task.learn(corpus.train, settings)
    covered = kind.cover(codec, corpus.train, corpus.valid, settings)
    findings += covered.findings
    if not dry_run or any(finding.severity == "error" for finding in covered.findings):
        return findings, covered, None
    try:
        cost = _cost(kind, task, settings, codec, corpus)
    except (Refusal, Failure) as error:
        advice = "another setting is wanted, as the sentence says"
        return [*findings, Finding("dry run", "error", 1, 1, str(error), advice)], covered, None
    return findings + _late(settings, cost.epoch_steps) + of_cost(cost), covered, cost


def _read(kind: DataCheck, task: Task[Any, Any], settings: Any, looked: Looked) -> tuple[Corpus[Any], list[Finding]]:
    """What training reads, and where it refuses that for what is broken what it would read without this."""
    errors = {one.name for one in looked.findings if one.severity == "error" and not one.left_out}
    try:
        return task.read(settings), []
    except Refusal as refusal:
        found = [] if errors else [_refused(refusal)]
    try:
        return kind.readable(looked, settings), found
    except Refusal as refusal:
        return Corpus((), (), {}), found if errors - {BROKEN} else [_refused(refusal)]


def _refused(refusal: Refusal) -> Finding:
    return Finding("refused", "error", 1, 1, f"training refuses this: {refusal}", "mend what it names")


def _twice(sentence: str) -> Finding:
    advice = "name each file once" if "twice" in sentence else "name the file of each side"
    return Finding("one file twice", "warning", 1, 1, sentence.removeprefix("warning: "), advice)


def _late(settings: Any, epoch_steps: int | None) -> list[Finding]:
    found = late_warmup(settings.training, epoch_steps)
    if found is None:
        return []
    sentence, _, advice = found.partition("; ")
    return [Finding("warm-up", "warning", 1, 1, sentence, advice)]


def _cost(kind: DataCheck, task: Task[Any, Any], settings: Any, codec: Any, corpus: Corpus[Any]) -> Cost:
    """Takes steps of the very training, and writes nothing."""
    place = device(settings.training.device)
    with threads(settings.training.threads):
        settings, _ = multiplied_in(settings, decided(settings, task.shapes(codec, settings).values(), place))
        training = Training(task, settings, codec, replace(corpus, valid=()), Alone(place), never)
        epoch_steps = training.learner.epoch_steps()
        training.learner.plan(planned(settings.training, epoch_steps, 1.0, 0.0)[0])
        timed = time_steps(training.learner)
        validation = _validation(kind, training, corpus.valid)
    steps, seconds = planned(settings.training, epoch_steps, timed.seconds, validation)
    every = settings.training.validate_every or epoch_steps
    memory = torch.cuda.max_memory_allocated() if place.type == "cuda" else memory_peak()
    return Cost(
        "a GPU" if place.type == "cuda" else "the processor",
        training.parameters,
        timed.steps,
        timed.seconds,
        timed.symbols,
        timed.processor,
        epoch_steps,
        epoch_steps * (timed.seconds + validation / every),
        validation,
        steps,
        seconds,
        memory,
        run_room(training.parameters, settings.training.keep, len(task.validating(settings)), settings.training.copies),
        DISK.free(Path()),
    )


def _validation(kind: DataCheck, training: Training, valid: Sequence[Any]) -> float:
    """Seconds that a validation takes, by a part of it."""
    if not valid:
        return 0.0
    some = list(valid[:: max(1, len(valid) // VALIDATED)][:VALIDATED])
    whole = Validation(training.task, training.codec, training.settings, valid)
    part = whole.of(some)
    part.search = kind.answering(part.search, training.codec, some)
    with training.learner.answering() as model:
        began = time.monotonic()
        part.scores(model)
        spent = time.monotonic() - began
    return spent * (len(whole.answered) / len(some))
