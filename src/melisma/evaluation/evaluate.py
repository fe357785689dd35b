"""How good a model is on examples it has not seen: measures, each with interval and signature, and scores by length."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from melisma.measures.asked import asked
from melisma.measures.by_length import Bucket, by_length
from melisma.measures.measure import Measure
from melisma.measures.perplexity import perplexity, units
from melisma.measures.table import for_parts
from melisma.task import Details, Task


@dataclass(frozen=True)
class Familiar:
    """How much of a corpus a model has met before; None where that is not known."""

    corpus: tuple[str, ...]  # as the user gave it
    pairs: int
    trained: int | None = None  # pairs whose source stands in the training data
    chose: int | None = None  # … whose source stands in the validation data, which chose the best step
    same_files: bool = False  # whether these are the very files of the training data
    unknown: str = ""  # why it was not looked at, where that can be helped


@dataclass(frozen=True)
class Evaluation:
    """What was measured, and the answers it was measured on."""

    measures: dict[str, Measure]
    by_length: dict[str, list[Bucket]]  # by the length of the source, in ``unit``
    answers: list[Any]
    seconds: float  # of searching for the answers
    notes: tuple[str, ...] = ()  # sentences for the user
    run: str = ""  # the run's folder as it was given
    step: str = ""  # the name of the saved step
    search: Any = None  # the search settings
    familiar: tuple[Familiar, ...] = ()  # of each corpus, in the order given
    dropped: tuple[str, ...] = ()  # sentences on the pairs that were left out; they stand among the notes too
    unit: str = "characters"  # what the source's length is told in
    details: Details | None = None  # what measures alone do not tell
    example: str = "pair"  # what it was measured on is called


def evaluate(
    task: Task[Any, Any], network: nn.Module, codec: Any, settings: Any, examples: Sequence[Any]
) -> Evaluation:
    """Answers every example and measures the answers, both as ``settings`` say; perplexity is under teacher forcing.

    Texts have a perplexity and are measured by length too; of other answers the task knows what more there is to tell.
    Refusal where one is too long to be answered: it is not left out, since the others' score would be another.
    """
    notes = tuple(task.check(codec, examples))
    began = time.monotonic()
    inputs = task.inputs(examples)
    answers = task.answer(network, codec, inputs, settings.search, traced=False)
    seconds = time.monotonic() - began
    names = task.measures(settings)
    measures = task.measure(answers, examples, names)
    if task.gives != "text":
        told = task.details(answers, examples, settings.search)
        return Evaluation(
            measures, {}, answers, seconds, notes, unit=task.extent.unit, details=told, example=task.example
        )
    references = task.references(examples)
    measures |= _perplexities(task.nats(network, codec, examples), references)
    texts = [answer.text for answer in answers]
    sources, lengths = [str(one) for one in inputs], [task.extent.of(one) for one in inputs]
    both = names[:1] + names[-1:]
    if task.takes == "recording":  # whose intervals know of speakers
        grouped = {name: by_length(_alone(task, name), answers, examples, lengths) for name in both}
    else:
        grouped = {name: _by_length(name, sources, lengths, texts, references) for name in both}
    return Evaluation(measures, grouped, answers, seconds, notes, unit=task.extent.unit, example=task.example)


def _perplexities(counted: Sequence[tuple[float, int]], references: Sequence[str]) -> dict[str, Measure]:
    """Per symbol and per character of the references whose symbols have nats; none where there is no such symbol."""
    told = [(nat, count, text) for (nat, count), text in zip(counted, references) if count or math.isnan(nat)]
    if not told:
        return {}
    nats, symbols, texts = zip(*told)
    characters = perplexity(nats, units(texts, "character"), "character")
    return {"perplexity": perplexity(nats, symbols, "symbol"), "character_perplexity": characters}


def _alone(task: Task[Any, Any], name: str) -> Callable[[Sequence[Any], Sequence[Any]], Measure]:
    """One measure of a task, as it takes it of all examples."""
    return lambda answers, examples: task.measure(answers, examples, (name,))[name]


def _by_length(
    name: str, sources: Sequence[str], lengths: Sequence[int], texts: Sequence[str], references: Sequence[str]
) -> list[Bucket]:
    """A measure in groups of source length."""
    found = asked(name, sources, texts, references)
    asked_of = [lengths[place] for place in found.places]
    return by_length(for_parts(name, references), found.answers, found.references, asked_of)
