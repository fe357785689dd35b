"""How much of what a model is measured on it has learned from: by content, wherever its training data still lies."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

from melisma.api.data import check_unchanged, learned_from, seen_from_here
from melisma.errors import Refusal
from melisma.evaluation.evaluate import Familiar
from melisma.files.made import is_made
from melisma.files.split import fold
from melisma.quoting import named
from melisma.runs.facts import facts_unchecked
from melisma.runs.read import Run
from melisma.settings.leaves import shape
from melisma.settings.read import flat
from melisma.task import Corpus, Task

Given = Sequence[tuple[Sequence[str], Sequence[Any]]]  # each corpus, and its examples

LINES = 1_000_000  # of training data that are read again, both sides together, at most: some seconds
BYTES = 2**26
READ_AGAIN = {"text": 1_000_000, "recording": 5_000}
"""Training examples that are read again for a page, or for whose they are, at most: some seconds."""


def familiar(run: Run, task: Task[Any, Any], settings: Any, given: Given) -> tuple[Familiar, ...]:
    """Of each corpus how many sources the training learned from, and how many chose its best step.

    Sources are compared after folding case and white space. Counts are None where the training data is not there any
    more, is not what it was, or is larger than ``LINES`` or ``BYTES``.
    """
    found, unknown = _read_again(run, task, settings)
    told = []
    for corpus, examples in given:
        same = bool(learned_from(run, settings, [corpus]))
        if found is None:
            told.append(Familiar(tuple(corpus), len(examples), same_files=same, unknown=unknown))
            continue
        sources = [fold(str(source)) for source in task.inputs(examples)]
        trained, chose = (_met(sources, task.inputs(part)) for part in (found.train, found.valid))
        told.append(Familiar(tuple(corpus), len(examples), trained, chose, same))
    return tuple(told)


def _met(sources: Sequence[str], others: Iterable[Any]) -> int:
    """How many of the folded sources stand among the others; holds no more of these than are met."""
    wanted = set(sources)
    met = {folded for other in others if (folded := fold(str(other))) in wanted}
    return sum(source in met for source in sources)


def _read_again(run: Run, task: Task[Any, Any], settings: Any) -> tuple[Corpus[Any] | None, str]:
    """The training and validation data as training divided it; or None, with the reason where size is the reason."""
    try:
        here = seen_from_here(run.path, settings)
        size = _size(run, here)
        if size is None:
            return None, ""
        lines, count = size
        if lines > LINES or count > BYTES:
            return None, f"its training data is too large to be read again here ({lines:,} lines, {count:,} bytes)"
        corpus = task.read(here)
        check_unchanged(run, corpus.signatures)
    except (Refusal, OSError):
        return None, ""
    return corpus, ""


def _size(run: Run, here: Any) -> tuple[int, int] | None:
    """Lines and bytes of the training and validation files; None unless each is as large as it was in training."""
    told = run.record.get("data")
    signed = list(told.values()) if isinstance(told, dict) else []
    values = flat(here)
    corpora = [corpus for name in shape(type(here)).corpora for corpus in values[name] or ()]
    files = list(dict.fromkeys(file for corpus in corpora if not is_made(corpus) for file in corpus))
    if len(files) != len(signed):
        return None
    lines = total = 0
    for file, sign in zip(files, signed):
        size = os.stat(file).st_size
        if not isinstance(sign, dict) or sign.get("bytes") != size or type(sign.get("lines")) is not int:
            return None
        lines, total = lines + sign["lines"], total + size
    return lines, total


def learned(run: Run, task: Task[Any, Any], settings: Any) -> tuple[Sequence[Any], str]:
    """The training examples, where they still lie as they lay; else none, and a sentence."""
    try:
        most = READ_AGAIN[task.takes]
        if facts_unchecked(run.path).pairs.get("train", 0) > most:
            return (), f"No training {task.example} was looked up: there are more than {most:,}."
        corpus = task.read(seen_from_here(run.path, settings))
        check_unchanged(run, corpus.signatures)
    except (Refusal, OSError):
        why = "the training data is not where it was, or has changed"
        return (), f"No training {task.example} was looked up: {why}."
    return corpus.train, ""


def sentences(found: Sequence[Familiar], example: str = "pair") -> list[str]:
    """At most one sentence for each corpus: what scores on it are worth; ``example`` is what it is made of."""
    return [said for one in found if (said := _sentence(one, example))]


def _sentence(one: Familiar, example: str) -> str:
    corpus, trained, chose = named(",".join(one.corpus)), one.trained or 0, one.chose or 0
    counted = [f"{_share(trained, one.pairs)} were trained on"] if trained else []
    if chose and (trained or chose < one.pairs):
        counted.append(f"{_share(chose, one.pairs) if not trained else f'{chose:,}'} chose the best step")
    if one.same_files:
        how = f" ({' and '.join(counted)})" if counted else ""
        return (
            f"warning: the model has learned from {corpus} itself{how}; "
            "scores on it tell what was remembered, not what was learned"
        )
    if trained:
        return (
            f"warning: {' and '.join(counted)}, of those in {corpus}; "
            "scores on these tell what was remembered, not what was learned"
        )
    if chose == one.pairs and chose:
        return f"warning: the {example}s of {corpus} chose the best step; scores on them are a little too good"
    if chose:
        return f"warning: {counted[0]}, of those in {corpus}; scores on these are a little too good"
    if one.unknown:
        return f"whether the model has learned from sources in {corpus} was not looked at: {one.unknown}"
    return ""


def _share(count: int, of: int) -> str:
    return f"{count:,} of {of:,} source{'' if of == 1 else 's'}"
