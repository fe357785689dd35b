"""What a run is, in facts: plain values, from which ``show``, its JSON and the model card are all made."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from melisma.errors import Refusal
from melisma.files.made import is_made
from melisma.runs.holder import holder
from melisma.runs.layout import BEST, LATEST, MODEL, STATE, STEPS, StepName, step_name
from melisma.runs.log import log_lines
from melisma.runs.plain import from_json
from melisma.runs.read import following, read_file, read_manifest, read_pointer, read_run, read_shapes
from melisma.runs.verify import Verdict, verify
from melisma.settings.leaves import shape
from melisma.settings.read import build, flat, idle
from melisma.tasks import settings_of
from melisma.tasks.recipe import recipes

UNREAD = ("damaged", "newer")  # of such a run nothing else is known


@dataclass(frozen=True)
class Validation:
    """One validation of a training."""

    step: int
    epoch: int | None  # whole epochs gone through
    seconds: float | None  # since the training began
    scores: Mapping[str, float | None]  # None: it was no finite number


@dataclass(frozen=True)
class Course:
    """How far a training has come: while it goes on as its log tells, otherwise as it is saved."""

    reached: int = 0  # the last step that its log tells of, saved or not
    planned: int | None = None  # the last step, where steps or minutes decide it
    epoch: int | None = None  # whole epochs gone through
    epochs: int | None = None  # and how many there are to be
    seconds: float | None = None
    loss: float | None = None  # the last one of training itself, nats a symbol
    done: bool = False
    validations: tuple[Validation, ...] = ()  # oldest first


@dataclass(frozen=True)
class Setting:
    """A setting of the run, beside what its recipe and its task would have had."""

    value: Any
    recipe: Any
    default: Any
    idle: bool = False  # changes nothing beside the other settings


@dataclass(frozen=True)
class DataFile:
    """A file, or a made corpus, that a training learned from or was validated on."""

    use: str  # "train", "valid", another setting that names data, or empty: not known
    file: str  # as seen from the run's folder
    lines: int | None
    size: int | None  # bytes
    sha256: str | None


@dataclass(frozen=True)
class Sizes:
    """How large a run is."""

    parameters: int | None = None
    disk: int | None = None  # bytes of the whole folder
    model: int | None = None  # bytes of the best step's weights
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """Everything worth knowing of a run; what a damaged or strange one doesn't tell is empty."""

    run: str  # the folder as it was given
    recipe: str = ""
    task: str = ""
    about: str = ""  # what the recipe is for
    began: str | None = None
    folder: str = "whole"  # "whole", "repairable", "damaged" or "newer": made by a newer version
    remarks: tuple[str, ...] = ()  # each fault in a sentence
    trained_by: str | None = None  # who trains it right now
    course: Course = field(default_factory=Course)
    decided_by: str | None = None  # the measure that chooses the best step
    pointers: Mapping[str, StepName] = field(default_factory=dict)  # "best" and "latest"
    pairs: Mapping[str, int] = field(default_factory=dict)
    cut_off: bool = False  # whether validation data was cut off the training data
    files: tuple[DataFile, ...] = ()
    settings: Mapping[str, Setting] = field(default_factory=dict)  # all, by dotted name
    corpora: tuple[str, ...] = ()  # of these the names of those that say where data lies
    sizes: Sizes = field(default_factory=Sizes)
    versions: Mapping[str, Any] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)

    @property
    def saved(self) -> int | None:
        """The number of the latest saved step."""
        step = self.pointers.get(LATEST)
        return None if step is None else step.number

    @property
    def step(self) -> int:
        """Where the training stands: at its latest saved step, and while it goes on at the last that is known."""
        saved = self.saved or 0
        return saved if self.trained_by is None else max(saved, self.course.reached)

    @property
    def state(self) -> str:
        """``damaged``, ``newer``, ``training``, ``begun`` (nothing is saved yet), ``finished`` or ``stopped``."""
        if self.folder in UNREAD:
            return self.folder
        if self.trained_by is not None:
            return "training"
        if self.saved is None:
            return "begun"
        return "finished" if self.course.done else "stopped"

    def at(self, pointer: str) -> Validation | None:
        """The last validation at the step that ``best`` or ``latest`` leads to."""
        step = self.pointers.get(pointer)
        there = [one for one in self.course.validations if step is not None and one.step == step.number]
        return there[-1] if there else None


def facts(path: str | Path) -> Facts:
    """All facts of the run at ``path``, every saved byte of which is looked at; Refusal where there is no run."""
    verdict = verify(path)
    if verdict.state in UNREAD:
        return Facts(str(path), folder=verdict.state, remarks=verdict.sentences)
    return _gathered(Path(path), str(path), verdict)


def facts_unchecked(path: str | Path) -> Facts:
    """The same without a look at the saved bytes, at who trains it and at the folder's size, for who writes the run."""
    return _gathered(Path(path), str(path), None)


def _gathered(path: Path, run: str, verdict: Verdict | None) -> Facts:
    found = read_run(path)
    record, remarks = found.record, list(verdict.sentences if verdict else ())
    settings: dict[str, Setting] = {}
    try:
        settings = _settings(found.task, found.recipe, found.settings)
    except Refusal as error:
        remarks.append(str(error))
    corpora = shape(settings_of(found.task)).corpora if settings else ()
    pointers = _pointers(path, verdict)
    trained_by = holder(path) if verdict else None
    known = recipes().get(found.recipe)
    return Facts(
        run,
        found.recipe,
        found.task,
        about=known.about if known else "",
        began=_text(record.get("began")),
        folder=verdict.state if verdict else "whole",
        remarks=tuple(remarks),
        trained_by=trained_by,
        course=_course(path, record, settings, _saved(path, pointers.get(LATEST)), going_on=trained_by is not None),
        decided_by=_text(_value(settings, "data.validation_measure")),
        pointers=pointers,
        pairs={use: count for use, count in _table(record, "pairs").items() if type(count) is int},
        cut_off=any(name.rpartition(".")[2].startswith("valid") and settings[name].value is None for name in corpora),
        files=tuple(_files(record, settings, corpora)),
        settings=settings,
        corpora=corpora,
        sizes=_sizes(path, record, verdict is not None),
        versions=_table(record, "versions"),
        machine=_table(record, "machine"),
    )


def _settings(task: str, recipe: str, given: Mapping[str, Any]) -> dict[str, Setting]:
    cls = settings_of(task)
    built: Any = build(cls, given)
    here, without = flat(built), idle(built)
    known = recipes().get(recipe)
    usual = flat(build(cls, known.settings)) if known and known.task == task else here
    return {
        name: Setting(value, usual[name], leaf.default, name in without)
        for (name, value), leaf in zip(here.items(), shape(cls).leaves.values(), strict=True)
    }


def _value(settings: Mapping[str, Setting], name: str) -> Any:
    return settings[name].value if name in settings else None


def _pointers(path: Path, verdict: Verdict | None) -> dict[str, StepName]:
    """The steps that ``best`` and ``latest`` lead to; one that is lost is passed over for that which resuming takes."""
    found = {name: step for name in (BEST, LATEST) if (step := _pointer(path, name)) is not None}
    if verdict is not None:
        whole = {one.name for one in verdict.steps if one.fault is None}
        found = {name: step for name, step in found.items() if str(step) in whole}
        resumed = step_name(verdict.resumes) if verdict.resumes is not None else None
        found |= {LATEST: resumed} if resumed is not None else {}
    return found


def _pointer(path: Path, name: str) -> StepName | None:
    try:
        return read_pointer(path, name)
    except Refusal:
        return None


class _Saved(NamedTuple):
    """What the step that is gone on from says of the training; empty where it says nothing."""

    step: int  # -1: none is saved
    epoch: int | None
    course: Mapping[str, Any]


def _saved(path: Path, step: StepName | None) -> _Saved:
    if step is None:
        return _Saved(-1, None, {})
    try:
        told = from_json(read_file(path, step, STATE, read_manifest(path, step)[STATE]), STATE)
    except Refusal:
        return _Saved(step.number, None, {})
    return _Saved(step.number, _whole(_table(told, "learner").get("epoch")), _table(told, "course"))


def _course(
    path: Path, record: Mapping[str, Any], settings: Mapping[str, Setting], saved: _Saved, *, going_on: bool = False
) -> Course:
    """What the log tells; of a training that does not go on, only up to the saved step, as resuming drops the rest."""
    last: dict[str, Any] = {}
    validations, reached = [], 0
    for line in _told(path):
        reached = line["step"]
        if reached > saved.step and not going_on:
            continue
        last |= line
        if isinstance(line.get("valid"), dict):
            scores = {name: _number(value) for name, value in line["valid"].items()}
            validations.append(
                Validation(line["step"], _whole(line.get("epoch")), _number(line.get("seconds")), scores)
            )
    planned = [_whole(record.get("steps")), _whole(_value(settings, "training.steps"))]
    minutes = _value(settings, "training.minutes") is not None
    epoch, seconds = _whole(last.get("epoch")), _number(last.get("seconds"))
    if not going_on:  # the step knows better than the line before it
        epoch = epoch if saved.epoch is None else saved.epoch
        spent = _number(saved.course.get("seconds"))
        seconds = seconds if spent is None else round(spent, 1)
    return Course(
        reached=reached,
        planned=min((steps for steps in planned if steps is not None), default=None),
        epoch=epoch,
        epochs=None if minutes else _whole(_value(settings, "training.epochs")),
        seconds=seconds,
        loss=_number(last.get("loss")),
        done=saved.course.get("done") is True,
        validations=tuple(validations),
    )


def _told(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of the log that name their step, damaged ones left out."""
    for line in log_lines(path):
        if line.value is not None and not line.torn and type(line.value.get("step")) is int:
            yield line.value


def _files(record: Mapping[str, Any], settings: Mapping[str, Setting], corpora: Sequence[str]) -> Iterator[DataFile]:
    signed = list(_table(record, "data").items())
    uses: dict[str, str] = {}  # file -> what for, in the order in which they were read
    for name in corpora:
        use = name.partition(".")[2]
        for corpus in _value(settings, name) or ():
            if is_made(corpus):
                yield DataFile(use, corpus[0], None, None, None)
                continue
            for file in corpus:
                uses.setdefault(file, use)
    known = list(uses.items()) if len(uses) == len(signed) else [(file, "") for file, _ in signed]
    for (file, use), (_, told) in zip(known, signed):  # by place: files may have moved since
        sign = told if isinstance(told, dict) else {}
        yield DataFile(use, file, _whole(sign.get("lines")), _whole(sign.get("bytes")), _text(sign.get("sha256")))


def _sizes(path: Path, record: Mapping[str, Any], disk: bool) -> Sizes:
    def weigh(step: StepName) -> int:
        return read_manifest(path, step)[MODEL].size

    parameters = _whole(record.get("parameters"))
    try:
        return Sizes(parameters, _disk(path) if disk else None, following(path, BEST, weigh), read_shapes(path))
    except Refusal:
        return Sizes(parameters, _disk(path) if disk else None)


def _disk(path: Path) -> int:
    """Bytes of all files in the run's folder; links are not followed."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except OSError:  # a training has put another in its place
                continue
    return total


def _table(record: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A table of the record; empty where something else stands there, as in a run that was tampered with."""
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def _whole(value: object) -> int | None:
    return value if type(value) is int else None


def _number(value: object) -> float | None:
    return value if type(value) in (int, float) else None  # type: ignore[return-value]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def as_json(known: Facts) -> dict[str, Any]:
    """All facts as one nested object of real values: whole digests, every setting, every validation."""
    course = known.course
    return {
        "run": known.run,
        "recipe": known.recipe,
        "task": known.task,
        "about": known.about,
        "began": known.began,
        "state": {
            "is": known.state,
            "folder": known.folder,
            "remarks": list(known.remarks),
            "trained_by": known.trained_by,
            "step": known.step,
            "logged": course.reached,
            "steps": course.planned,
            "epoch": course.epoch,
            "epochs": course.epochs,
            "seconds": course.seconds,
        },
        "scores": {
            "decided_by": known.decided_by,
            "training_loss": course.loss,
            "best": _pointed(known, BEST),
            "latest": _pointed(known, LATEST),
            "validations": [vars(one) | {"scores": dict(one.scores)} for one in course.validations],
        },
        "data": {"pairs": dict(known.pairs), "cut_off": known.cut_off, "files": [vars(one) for one in known.files]},
        "settings": {name: one.value for name, one in known.settings.items()},
        "changed": {
            name: {"value": one.value, "recipe": one.recipe, "default": one.default}
            for name, one in known.settings.items()
            if one.value != one.recipe
        },
        "sizes": {
            "parameters": known.sizes.parameters,
            "disk_bytes": known.sizes.disk,
            "model_bytes": known.sizes.model,
            "shapes": {name: list(sides) for name, sides in known.sizes.shapes.items()},
        },
        "versions": dict(known.versions),
        "machine": dict(known.machine),
    }


def _pointed(known: Facts, pointer: str) -> dict[str, Any] | None:
    step, there = known.pointers.get(pointer), known.at(pointer)
    if step is None:
        return None
    folder = f"{STEPS}/{step}"
    return {"step": step.number, "folder": folder, "scores": None if there is None else dict(there.scores)}
