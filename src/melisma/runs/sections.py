"""The facts of a run in reading order, as text: what ``show`` prints and what the model card holds as Markdown."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from melisma.measures.units import called, figure, told, unit_of
from melisma.quoting import shown_path
from melisma.runs.facts import UNREAD, DataFile, Facts, Setting, Validation
from melisma.runs.layout import BEST, LATEST
from melisma.runs.place import size
from melisma.settings.show import as_text

SHOWN = 10  # validations: the latest ones, and the best
DIGITS = 12  # of a digest: enough to tell files apart by eye

MATTERING = (
    "text.unit",
    "model.encoder",
    "model.decoder",
    "model.cell",
    "model.attention",
    "model.heads",
    "model.embedding",
    "model.hidden",
    "model.encoder_hidden",
    "model.encoder_layers",
    "model.decoder_layers",
    "model.dropout",
    "model.embedding_dropout",
    "model.output_dropout",
    "training.optimizer",
    "training.rate",
    "training.schedule",
    "training.batch_tokens",
    "training.epochs",
    "training.steps",
    "training.seed",
    "search.beam",
)
"""Settings that are told even where nobody chose them, unless they change nothing beside the others."""

EXAMPLES = {
    "translate": ("pair", "pair"),
    "transcribe": ("recording", "recording"),
    "trigger": ("scene", "recording"),
}
"""Task -> what is learned from, and what is validated on; as ``Task`` has them, which loads torch."""

Row = tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A heading, names with their values, and a table whose columns ``numbers`` are aligned at their right."""

    title: str
    rows: tuple[tuple[str, str], ...] = ()
    head: Row = ()
    table: tuple[Row, ...] = ()
    numbers: frozenset[int] = frozenset()


def sections(known: Facts, *, page: bool = False) -> list[Section]:
    """What is worth telling, the most important first; a ``page`` travels, so nothing on it says where the run lies."""
    if known.state in UNREAD:
        return [_state(known, page)]
    made = [
        _state(known, page),
        _scores(known),
        _data(known, page),
        _settings(known),
        _sizes(known),
        _versions(known),
    ]
    return [one for one in made if one.rows or one.table]


def in_words(known: Facts, run: str) -> str:
    """Where the run stands, in a sentence; ``run`` is what it is called."""
    course, saved = known.course, known.saved
    if known.state == "newer":
        return "made by a newer version of Melisma, which this one cannot read: update melisma"
    if known.state == "damaged":
        return "damaged: no step can be used; put back a copy that you kept, or train again into another folder"
    if known.state == "training":
        at = f"step {_of(known.step, course.planned)}"
        return f"being trained right now, by {known.trained_by}: {at if known.step else 'before its first steps'}"
    if known.state == "finished":
        return "finished"
    if saved is None:
        return f"begun, and nothing is saved yet: melisma resume {run} begins anew"
    epochs = f", in epoch {course.epoch + 1} of {course.epochs}" if course.epochs and course.epoch is not None else ""
    return f"stopped at step {_of(saved, course.planned)}{epochs}; melisma resume {run} goes on{_bits(known)}"


def same_bits(processes: int, accumulated: int) -> str:
    """What keeps the bits of a training of several processes that goes on, for the end of a sentence that says so."""
    if processes == 1:
        return ""
    alone = f"training.accumulate={processes * accumulated}"
    return f", to the same bits as {processes:,} processes of torchrun again, or as one with {alone}"


def _of(step: int, planned: int | None) -> str:
    return f"{step:,}" + (f" of {planned:,}" if planned is not None else "")


def _bits(known: Facts) -> str:
    parts = known.settings.get("training.accumulate")
    processes, accumulated = known.machine.get("processes"), parts.value if parts is not None else 1
    return same_bits(processes, accumulated) if type(processes) is int and processes > 0 else ""


def _state(known: Facts, page: bool) -> Section:
    run = "RUN" if page else shown_path(Path(shlex.quote(known.run)))
    rows = [("state", in_words(known, run))]
    if not page:
        whole = {"whole": "whole: every saved byte is as it was written", "damaged": "damaged", "newer": "newer"}
        repair = f"repairable: melisma resume {run} sets it right"
        rows += [("folder", whole.get(known.folder, repair)), *(("remark", sentence) for sentence in known.remarks)]
    if known.state in UNREAD:
        return Section("Run", tuple(rows))
    course = known.course
    rows += [("recipe", f"{known.recipe}: {known.about}" if known.about else known.recipe), ("task", known.task)]
    further = f"; its log goes to step {course.reached:,}, which was not saved" if course.reached > known.step else ""
    rows += [("steps", _of(known.step, course.planned) + further)]
    if course.epochs is not None and course.epoch is not None:
        rows.append(("epochs", _of(course.epoch, course.epochs)))
    if course.seconds is not None:
        rows.append(("training took", _duration(course.seconds)))
    return Section("Run", (*rows, *([("began", known.began)] if known.began else [])))


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 2:
        return f"{seconds:,.1f} s"
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60:02} min"


# --- scores


def _scores(known: Facts) -> Section:
    rows = [(name, _scored(known, name)) for name in (BEST, LATEST) if name in known.pointers]
    if rows and known.decided_by and known.course.validations:
        rows.insert(
            1 if rows[0][0] == BEST else 0, ("best by", f"{called(known.decided_by)} (predict answers with it)")
        )
    if known.course.loss is not None:
        rows.append(("in training", told("loss", known.course.loss) + " a symbol, at the last count"))
    chosen = _chosen(known)
    names = list(dict.fromkeys(name for one in chosen for name in one.scores))
    head = ("step", "after", *(", ".join(filter(None, (called(name), unit_of(name)))) for name in names), "")
    table = tuple(_validation(known, one, names) for one in chosen)
    left = len(known.course.validations) - len(chosen)
    if left:
        rows.append(("left out", f"{left:,} earlier validations, which --json tells"))
    return Section("Scores in validation", tuple(rows), head, table, frozenset(range(len(names) + 2)))


def _chosen(known: Facts) -> list[Validation]:
    """The latest validations, and before them the best."""
    latest = list(known.course.validations[-SHOWN:])
    best = known.at(BEST)
    return latest if best is None or best in latest else [best, *latest]


def _scored(known: Facts, pointer: str) -> str:
    there, step = known.at(pointer), known.pointers[pointer]
    if there is None:
        return f"step {step.number:,}"
    scores = [told(name, value) for name, value in there.scores.items() if value is not None]
    return f"step {step.number:,}" + (f": {', '.join(scores)}" if scores else "")


def _validation(known: Facts, one: Validation, names: Sequence[str]) -> Row:
    values = [one.scores.get(name) for name in names]
    shown = [figure(name, value) if value is not None else "–" for name, value in zip(names, values)]
    marks = ", ".join(name for name in (BEST, LATEST) if known.at(name) == one)
    after = "–" if one.seconds is None else _duration(one.seconds)
    return (f"{one.step:,}", after, *shown, marks)


# --- data and settings


def _data(known: Facts, page: bool) -> Section:
    learned, validated = EXAMPLES.get(known.task, ("example", "example"))
    words = {"train": f"{learned}s to learn from", "valid": f"{validated}s to validate on"}
    cut = {"valid": ", cut off the training data"} if known.cut_off else {}
    rows = [(words.get(use, use), f"{count:,}{cut.get(use, '')}") for use, count in known.pairs.items()]
    head = ("file", "for", "lines", "bytes", "sha256")
    table = tuple(_file(known, one, page) for one in known.files)
    return Section("Data", tuple(rows), head, table, frozenset({2, 3}))


def _file(known: Facts, one: DataFile, page: bool) -> Row:
    if one.sha256 is None and one.lines is None:
        return (one.file, one.use, "–", "–", "made by Melisma" if one.file.startswith("made:") else "–")
    lines, count = ("–" if number is None else f"{number:,}" for number in (one.lines, one.size))
    digest = "–" if one.sha256 is None else one.sha256[:DIGITS] + ("…" if len(one.sha256) > DIGITS else "")
    return (os.path.basename(one.file) if page else _from_here(known.run, one.file), one.use, lines, count, digest)


def _from_here(run: str, file: str) -> str:
    return file if os.path.isabs(file) else os.path.relpath(os.path.join(os.path.realpath(run), file))


def _settings(known: Facts) -> Section:
    elsewhere = known.corpora  # are told with the data
    table = [
        (name, as_text(one.value), "".join(_why(known, one)))
        for name, one in known.settings.items()
        if name not in elsewhere
        and ((name in MATTERING and not one.idle) or one.value != one.recipe or one.value != one.default)
    ]
    head = ("setting", "value", "")
    others = len(known.settings) - len(table) - sum(name in known.settings for name in elsewhere)
    rows = (("not listed", f"{others} at their defaults"),) if others and table else ()
    return Section("Settings", rows, head, tuple(table))


def _why(known: Facts, one: Setting) -> Iterator[str]:
    """Where a value comes from, if it is not the default."""
    if one.value != one.recipe:
        yield f"chosen; the recipe has {as_text(one.recipe)}"
    elif one.value != one.default:
        yield f"by the recipe {known.recipe}"


# --- sizes, versions


def _sizes(known: Facts) -> Section:
    sizes = known.sizes
    rows = [] if sizes.parameters is None else [("parameters", f"{sizes.parameters:,}")]
    rows += [] if sizes.model is None else [("weights", f"{size(sizes.model)} (those of the best step, on disk)")]
    rows += [] if sizes.disk is None else [("folder", f"{size(sizes.disk)} on disk, all saved steps together")]
    table = tuple((name, " × ".join(map(str, sides))) for name, sides in sizes.shapes.items())
    return Section("Sizes", tuple(rows), ("parameter", "shape"), table)


def _versions(known: Facts) -> Section:
    found = [*known.versions.items(), *known.machine.items()]
    return Section("Versions and machine", tuple((name, str(value)) for name, value in found if value is not None))
