"""A run as a page: everything that is known of it, gathered for ``report/`` to draw."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from melisma.api.compared import compared
from melisma.api.device import threads
from melisma.api.familiar import learned, sentences
from melisma.api.measure import examples_of, parts_of
from melisma.api.model import Model, load
from melisma.api.pictured import pictured
from melisma.errors import Failure, Refusal, out_of_memory
from melisma.evaluation.beside import Beside
from melisma.evaluation.compare import floors
from melisma.evaluation.courses import courses
from melisma.evaluation.evaluate import Evaluation, evaluate
from melisma.evaluation.meaning import interval, meaning
from melisma.evaluation.samples import spread_for
from melisma.evaluation.shown import Measured, by_length, examples, length_remarks, scores
from melisma.files.made import is_made
from melisma.measures.measure import Measure
from melisma.measures.units import told
from melisma.quoting import named
from melisma.report.page import Head, Report, Table, page
from melisma.runs.card import write_card
from melisma.runs.facts import Facts, facts_unchecked
from melisma.runs.layout import BEST, REPORT, step_number
from melisma.runs.log import log_lines
from melisma.runs.sections import Section, sections
from melisma.runs.write import RunWriter
from melisma.settings.asked import searched
from melisma.settings.leaves import shape
from melisma.settings.read import build, with_values
from melisma.settings.show import as_text
from melisma.task import Figure, Task
from melisma.tasks import settings_of
from melisma.tasks import task as task_of

MEASURED = 1_000  # pairs that are answered for the page at the end of a training
FACTS = ("steps", "epochs", "training took", "began")  # of the section ``Run``, at the head of the page


def write_report(
    writer: RunWriter, known: Sequence[Any], valid: Sequence[Any], device: str, stopped: Callable[[], bool]
) -> None:
    """Writes ``report.html`` at the end of a training: its best step on (a spread of) the validation pairs.

    ``known`` are training pairs, some or all. Where the training was stopped, the page holds no scores yet. A page
    about a model is not worth a failure, and so there is none.
    """
    try:
        measured = None if stopped() or not valid else _of_training(writer.path, known, valid, device)
        writer.write_page(REPORT, page(gathered(writer.path, measured)))
    except (Failure, Refusal, OSError):
        pass
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise


def asked(valid: Sequence[Any], example: str = "pair") -> str:
    """What a user waits for while the report is written; ``example`` is what an example is called."""
    return f"answering {min(len(valid), MEASURED):,} validation {example}s once more for {REPORT}"


def write_pages(writer: RunWriter) -> None:
    """Writes the card and a page of the curves alone, while a training goes on."""
    write_card(writer)
    with contextlib.suppress(Failure, Refusal, OSError):
        found = gathered(writer.path)
        state = "in training when this page was written; it is written anew with every validation"
        writer.write_page(REPORT, page(replace(found, head=replace(found.head, state=state))))


def report(
    run: str | Path | Model, data: Any, found: Evaluation, against: Evaluation | None = None, **columns: Any
) -> str:
    """The page of an evaluated run, as HTML: ``found`` is what ``evaluate(run, data, **columns)`` gave.

    ``against`` is what the same call gave of another run. Refusal where that measured other pairs.
    """
    model = run if isinstance(run, Model) else load(run)
    parts = parts_of(model, data)
    corpora = [corpus for corpus, _ in parts]
    settings = with_values(model.settings, columns)
    pairs = [one for _, asked_for in parts for one in examples_of(model, settings, asked_for)[0]]
    known, why = learned(model.run, model.task, model.settings)
    other = None
    if against is not None:
        other = compared(model, pairs, found, against)
    made = _measured(replace(model, settings=settings), found, pairs, known, other)
    notes = sentences([replace(one, corpus=tuple(map(_base, one.corpus))) for one in found.familiar])
    notes += [_without_folders(said, corpora) for said in found.dropped]
    remarks = (
        *([why] if why else []),
        f"Measured on {_corpora(corpora)}, at step {step_number(found.step):,}, "
        f"with {searched(found.search, 'search.')}.",
    )
    return page(gathered(model.run.path, replace(made, remarks=(*made.remarks, *remarks)), warnings=tuple(notes)))


def gathered(run: Path, measured: Measured | None = None, warnings: tuple[str, ...] = ()) -> Report:
    """All that is known of a run, and of its answers where they were measured, for a page that may travel."""
    known = facts_unchecked(run)
    parts = {one.title: one for one in sections(known, page=True)}
    rest = [parts[name] for name in ("Data", "Sizes", "Versions and machine") if name in parts]
    return Report(
        head=_head(known, parts.get("Run"), measured, warnings),
        curves=tuple(_curves(run, known)),
        validations=parts.get("Scores in validation"),
        scores=None if measured is None else scores(measured),
        by_length=() if measured is None else tuple(by_length(measured)),
        by_length_remarks=() if measured is None else length_remarks(measured),
        examples=() if measured is None else tuple(examples(measured)),
        source="source" if measured is None else measured.source,
        recordings={} if measured is None else measured.recordings,
        played="" if measured is None else measured.played,
        speakers=None if measured is None else measured.speakers,
        maps=() if measured is None else measured.maps,
        settings=_settings(known),
        sections=tuple(rest),
    )


# --- answers


def _of_training(path: Path, known: Sequence[Any], valid: Sequence[Any], device: str = "auto") -> Measured:
    model = load(path, device=device)
    if model.settings.search.int8:
        model = replace(
            model, settings=with_values(model.settings, {"search.int8": False})
        )  # as the step that was saved
    names, sources = model.task.measures(model.settings), [str(one) for one in model.task.inputs(valid)]
    pairs = spread_for(names, valid, sources, MEASURED)
    with threads(model.settings.training.threads):
        found = evaluate(model.task, model.network, model.codec, model.settings, pairs)
    of = "" if len(pairs) == len(valid) else f" a spread of {len(pairs):,} of"
    thing = model.task.example
    chose = (
        f"Measured on{of} the {len(valid):,} validation {thing}s, which chose the best step too: scores on those that "
    )
    remark = chose + f"chose nothing are a little lower. Answered with {searched(model.search({}), 'search.')}."
    made = _measured(model, replace(found, run=str(path)), pairs, known)
    return replace(made, remarks=(*made.remarks, remark))


def _measured(
    model: Model,
    found: Evaluation,
    pairs: Sequence[Any],
    known: Sequence[Any],
    other: Beside | None = None,
) -> Measured:
    """What a page tells of answers; ``other`` is another run to stand beside."""
    task = model.task
    sources = tuple(_shown(task, one) for one in task.inputs(pairs))
    references = tuple(task.references(pairs))
    with threads(model.settings.training.threads):
        learned = facts_unchecked(model.run.path).pairs.get("train", 0)
        beside = tuple(floors(task, model.settings, known, pairs, learned))
        measured = Measured(_base(os.path.realpath(found.run)), found, sources, references, beside)
        if other is not None:
            name, second = other.names
            measured = replace(measured, name=name, against=(second, other.against), apart=other.sentences)
        return pictured(model, measured, pairs, known if len(known) >= learned > 0 else None)


def _shown(task: Task[Any, Any], one: Any) -> str:
    """What is asked, as a page may show it: a text, or a recording without its folders."""
    return str(one) if task.takes == "text" else os.path.basename(str(one))


# --- the head


def _head(known: Facts, run: Section | None, measured: Measured | None, warnings: tuple[str, ...]) -> Head:
    rows = dict(run.rows) if run else {}
    facts = [(name, rows[name]) for name in FACTS if name in rows]
    if known.sizes.parameters is not None:
        facts.append(("parameters", f"{known.sizes.parameters:,}"))
    if "train" in known.pairs:
        task = task_of(known.task)
        facts.append((f"{task.made or task.example}s learned from", f"{known.pairs['train']:,}"))
    score, ends, said = _best(known, measured)
    state = rows.get("state", known.state)
    return Head(known.recipe, known.about, state, score, ends, tuple(said), tuple(facts), warnings)


def _best(known: Facts, measured: Measured | None) -> tuple[str, str, list[str]]:
    """The score to be told first, its interval and what it means."""
    if measured is not None:
        name = _deciding(known.decided_by, measured.found.measures)
        found = measured.found.measures[name]
        return told(name, found.value), interval(name, found, measured.example), meaning(name, found, measured.floors)
    there = known.at(BEST)
    value = None if there is None or known.decided_by is None else there.scores.get(known.decided_by)
    if there is None or value is None or known.decided_by is None:
        return "", "", []
    return told(known.decided_by, value), f"in validation, at step {there.step:,}, the best so far", []


def _deciding(wanted: str | None, measures: Mapping[str, Measure]) -> str:
    """The measure that chose the best step, or the task's first where that was the loss."""
    return wanted if wanted is not None and wanted in measures else next(iter(measures))


def _curves(run: Path, known: Facts) -> list[Figure]:
    settings = _training(known)
    if settings is None:
        return []
    step = known.pointers.get(BEST)
    lines = [line.value for line in log_lines(run) if line.value is not None and not line.torn]
    planned = known.course.planned
    return courses(
        lines,
        settings,
        best=None if step is None else step.number,
        planned=planned,
        decided_by=known.decided_by or "loss",
        higher=task_of(known.task).validated.get(known.decided_by or "loss") == "higher",
    )


def _training(known: Facts) -> Any:
    """The settings of training, from the facts; None where the run's settings cannot be read."""
    values = {
        name.removeprefix("training."): one.value
        for name, one in known.settings.items()
        if name.startswith("training.")
    }
    return build(shape(settings_of(known.task)).groups["training"], values) if values else None


# --- settings


def _settings(known: Facts) -> Table | None:
    """All settings but where the data lies, which the data tells without its folders."""
    rows: list[tuple[str, ...]] = []
    marked = set()
    for name, one in known.settings.items():
        if name in known.corpora:
            continue
        if one.value != one.recipe:
            marked.add(len(rows))
        rows.append((name, as_text(one.value), as_text(one.recipe), as_text(one.default)))
    return Table(("setting", "value", "in the recipe", "by default"), tuple(rows), frozenset(marked)) if rows else None


# --- names without folders


def _base(path: str) -> str:
    return path if is_made((path,)) else os.path.basename(path)


def _corpora(corpora: Sequence[Sequence[str]]) -> str:
    return " and ".join(",".join(named(_base(path)) for path in corpus) for corpus in corpora)


def _without_folders(said: str, corpora: Sequence[Sequence[str]]) -> str:
    for path in sorted((path for corpus in corpora for path in corpus), key=len, reverse=True):
        said = said.replace(named(path), named(_base(path)))
    return said
