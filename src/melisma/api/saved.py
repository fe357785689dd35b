"""What a saved step says of its training, believed only where each entry is what a training writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import fields
from typing import Any, NamedTuple

import torch

from melisma.errors import Refusal
from melisma.quoting import quoted
from melisma.runs.read import Step
from melisma.runs.tensors import Form, forms_of
from melisma.task import Task
from melisma.training.descent import LARGEST, resumed_tensors
from melisma.training.fit import Course


class Wanted(NamedTuple):
    """What an entry must be, as a test and in words."""

    holds: Callable[[Any], bool]
    words: str


def _whole(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LARGEST


def _number(value: Any) -> bool:
    return type(value) is float and math.isfinite(value)


def _table(value: Any, holds: Callable[[Any], bool]) -> bool:
    return type(value) is dict and all(type(key) is str and holds(item) for key, item in value.items())


_COUNT = Wanted(_whole, "a whole number from 0")
_MAYBE = Wanted(lambda value: value is None or _whole(value), "null or a whole number from 0")
_NUMBERS = Wanted(lambda value: _table(value, _number), "a table of numbers")

SETTLED = "settled"  # the table of a step's state with what answers need besides weights

COURSE = {
    "steps": _MAYBE,
    "asked": _MAYBE,
    "best": _NUMBERS,
    "held": _NUMBERS,
    "waited": _COUNT,
    "validated": _MAYBE,
    "nats": _NUMBERS,
    "counts": Wanted(lambda value: _table(value, _whole), "a table of whole numbers from 0"),
    "seconds": Wanted(lambda value: _number(value) and value >= 0, "a number from 0"),
    "done": Wanted(lambda value: type(value) is bool, "true or false"),
    "best_losses": _NUMBERS,
    "held_losses": _NUMBERS,
}
ADDED = ("best_losses", "held_losses")  # what steps that were saved before do not have


def course_of(saved: Step) -> Course:
    """The course of a saved step; Refusal, naming the entry, where one is not what a training writes."""
    told = _group(saved, "course")
    if strange := set(told) - set(COURSE):
        raise _refusal(saved, f"training.json has course.{quoted(min(strange), 40)}, which no training writes")
    for field in fields(Course):
        wanted = COURSE[field.name]
        if field.name not in told and field.name in ADDED:
            continue
        if field.name not in told:
            raise _refusal(saved, f"training.json lacks course.{field.name}, {wanted.words}")
        if not wanted.holds(told[field.name]):
            found = quoted(repr(told[field.name]), 40)
            raise _refusal(saved, f"training.json has {found} for course.{field.name}, {wanted.words} is wanted")
    course = Course(**told)
    if course.validated is not None and course.validated > saved.number:
        raise _refusal(saved, f"training.json has {course.validated} for course.validated, which is a later step")
    if course.nats.keys() != course.counts.keys():
        raise _refusal(saved, "training.json has other losses in course.nats than in course.counts")
    return course


def check_losses(saved: Step, course: Course, known: Collection[str]) -> None:
    """Refusal where the course counts a loss that the task does not have."""
    strange = [name for name in course.nats if name not in known]
    if strange:
        raise _refusal(saved, f"training.json has the loss {quoted(strange[0], 40)} in course.nats, not of this task")


def position_of(saved: Step) -> dict[str, Any]:
    """Where the learner stood, at this very step; the learner itself checks the rest."""
    told = _group(saved, "learner")
    step = told.get("step")
    if type(step) is not int or step != saved.number:
        found = quoted(repr(step), 40)
        raise _refusal(saved, f"training.json has {found} for learner.step, {saved.number} is wanted")
    return told


def resumed_forms(task: Task[Any, Any], codec: Any, settings: Any, step: int) -> dict[str, Form]:
    """The types and shapes of what resuming at a step needs beside the model; nothing of their size is allocated."""
    with torch.device("meta"):
        model = task.build(codec, settings)
        carry = task.carry(model, settings)
    return forms_of(resumed_tensors(dict(model.named_parameters()), carry, settings.training, step))


def settled(task: Task[Any, Any], codec: Any, saved: Step) -> Any:
    """The codec that answers with a saved step; Refusal where what it was settled with no training writes."""
    if task.settling is None or saved.state.get(SETTLED) is None:
        return codec
    try:
        return task.settling.into(codec, saved.state[SETTLED])
    except Refusal as refusal:
        raise _refusal(saved, f"training.json: {refusal}") from None


def _group(saved: Step, name: str) -> dict[str, Any]:
    told: dict[str, Any] | None = saved.state.get(name)
    if not isinstance(told, dict):
        raise _refusal(saved, f"training.json has no table {name}")
    return told


def _refusal(saved: Step, what: str) -> Refusal:
    return Refusal(f"step {saved.name}: {what}; it was not saved by a training like this")
