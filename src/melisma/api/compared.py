"""Two runs on the same data, beside each other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from melisma.api.measure import examples_of, parts_of
from melisma.api.model import Model
from melisma.errors import Refusal
from melisma.evaluation.beside import Beside, beside_alarms, beside_texts
from melisma.evaluation.evaluate import Evaluation
from melisma.settings.read import with_values
from melisma.tasks.judging import detected, outcome, together


def compare(model: Model, data: Any, found: Evaluation, against: Evaluation, **columns: Any) -> Beside:
    """What lies between two runs: ``found`` is what ``evaluate(model, data, **columns)`` gave, ``against`` of another.

    Refusal where that measured other examples.
    """
    settings = with_values(model.settings, columns)
    examples = [one for _, asked in parts_of(model, data) for one in examples_of(model, settings, asked)[0]]
    return compared(replace(model, settings=settings), examples, found, against)


def compared(model: Model, examples: Sequence[Any], found: Evaluation, against: Evaluation) -> Beside:
    """The same of examples that were read before."""
    task, names = model.task, names_of(found.run, against.run)
    here, there = ([answer.source for answer in one.answers] for one in (found, against))
    if here != there:
        raise Refusal(
            f"the two runs were measured on different {task.example}s; a comparison wants the same data of both"
        )
    if task.gives == "alarms":
        return _alarms(names, found, against, examples)
    sources, references = [str(one) for one in task.inputs(examples)], task.references(examples)
    speakers = [one.speaker for one in examples] if task.takes == "recording" else None
    return beside_texts(names, found, against, sources, references, speakers)


def _alarms(names: tuple[str, str], found: Evaluation, against: Evaluation, examples: Sequence[Any]) -> Beside:
    """Misses of the same takes, and false alarms in the same sound."""
    both = (found.answers, against.answers)
    words = [set(answers[0].rules.words) for answers in both if answers]
    if len(words) == 2 and words[0] != words[1]:
        told = " and for ".join(", ".join(sorted(one)) for one in words)
        raise Refusal(f"the two runs listen for other words, for {told}: a comparison wants the same of both")
    takes = [place for place, one in enumerate(examples) if one.kind == "positive"]
    mine, theirs = ([outcome(answers[place], examples[place]).kind == "missed" for place in takes] for answers in both)
    judged = [together(detected(answers, examples), answers, examples) for answers in both if answers]
    vain, hours = ([len(one.false) for one in judged], judged[0].hours) if judged else ([0, 0], 0.0)
    speakers = [examples[place].group or None for place in takes]
    return beside_alarms(names, against, (mine, theirs), speakers, (vain[0], vain[1]), hours)


def names_of(first: str, second: str) -> tuple[str, str]:
    """What two runs are called: their folders' names, with those above where these are the same."""
    one, two = (Path(os.path.realpath(path)) for path in (first, second))
    if one == two:
        return one.name, f"{two.name} (again)"
    names = (one.name, two.name)
    parts = 1
    while names[0] == names[1]:
        parts += 1
        names = ("/".join(one.parts[-parts:]), "/".join(two.parts[-parts:]))
    return names
