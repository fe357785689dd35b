"""What a score stands beside: answers that nobody had to learn, and the answers of another run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from melisma.baselines.retrieval import KNOWN, Nearest, affordable
from melisma.errors import Refusal
from melisma.evaluation.samples import spread, spread_for
from melisma.measures.asked import asked
from melisma.measures.bleu import bleu_counts, bleu_score, chrf_counts, chrf_score, ter_counts
from melisma.measures.error_rate import character_counts, phoneme_counts, word_counts
from melisma.measures.groups import Gap, Groups, gap_of
from melisma.measures.interval import Array, Score
from melisma.measures.measure import Measure, References, normalised, paired, ratio
from melisma.task import Task

ASKED = 500  # questions that the floors answer, at most: enough for an interval, few enough for seconds
SLOW = ("ter",)  # measures that take minutes where answers have little to do with their references


@dataclass(frozen=True)
class Told:
    """An answer that is a text and nothing else."""

    text: str


@dataclass(frozen=True)
class Floor:
    """What a simpler way of answering scores."""

    name: str
    how: str  # a sentence
    measures: dict[str, Measure]
    asked: int  # of how many examples


def floors(
    task: Task[Any, Any], settings: Any, known: Sequence[Any], examples: Sequence[Any], learned: int = 0
) -> list[Floor]:
    """What the most similar training example, and the source as it is, score on (a spread of) the examples.

    ``known`` are examples that were learned from, of ``learned`` in all where they are not all; a spread of them is
    looked through where they are too many. None: there is nothing to look up.
    """
    names = tuple(name for name in task.measures(settings) if name not in SLOW)
    if task.gives != "text":
        return []
    if task.takes != "text":
        return _commonest(task, names, known, examples)
    some = spread_for(names, examples, [str(one) for one in task.inputs(examples)], ASKED)
    inputs = [str(one) for one in task.inputs(some)]
    of = "" if len(some) == len(examples) else f" Scored on {len(some):,} of the {len(examples):,} pairs."
    found = []
    if known:
        looked = spread(known, affordable([str(one) for one in task.inputs(known)]))
        answers = _looked_up(task, looked, inputs)
        total = max(learned, len(known))
        among = f"{len(looked):,} training pairs" + (f" out of {total:,}" if len(looked) < total else "")
        how = f"The target of the most similar source among {among} (TF-IDF of character n-grams and words).{of}"
        found.append(Floor("nearest neighbour", how, task.measure(answers, some, names), len(some)))
    copied = task.measure([Told(text) for text in inputs], some, names)
    return [*found, Floor("copy", f"The source as it is.{of}", copied, len(some))]


def _commonest(
    task: Task[Any, Any], names: tuple[str, ...], known: Sequence[Any], examples: Sequence[Any]
) -> list[Floor]:
    """What is right without listening: the answer that was the commonest in training, always."""
    if not known:
        return []
    text, count = Counter(task.references(known)).most_common(1)[0]
    how = f"The commonest answer of training, {text!r:.80} ({count:,} of {len(known):,}), whatever is heard."
    return [Floor("commonest answer", how, task.measure([Told(text)] * len(examples), examples, names), len(examples))]


def _looked_up(task: Task[Any, Any], known: Sequence[Any], inputs: Sequence[str]) -> list[Told]:
    nearest, targets = Nearest([str(one) for one in task.inputs(known)]), task.references(known)
    places = [nearest(text).place for text in inputs]
    return [Told("" if place is None else targets[place]) for place in places]


def gaps(
    first: Sequence[str],
    second: Sequence[str],
    references: Sequence[str],
    sources: Sequence[str],
    measures: Collection[str],
    speakers: Groups | None = None,
) -> dict[str, Gap]:
    """By how much the second answers score above the first ones to the same sources, by measure (of the ``PAIRED``).

    Those of one speaker are drawn together. Refusal where they are not as many.
    """
    if len(first) != len(second):
        raise Refusal(f"{len(first)} answers and {len(second)} to compare them with: there must be as many of both.")
    found = {}
    for name, (counts, score) in PAIRED.items():
        if name in measures:
            one, two = (asked(name, sources, answers, references) for answers in (first, second))
            whose = None if speakers is None else [speakers[place] for place in one.places]
            counted = [counts(questions.answers, questions.references) for questions in (one, two)]
            found[name] = gap_of(counted[0], counted[1], whose, score)
    return found


def _exact_counts(answers: Sequence[str], references: References) -> Array:
    rows = [(normalised(a) in set(map(normalised, right)), 1) for a, right in paired(answers, references)]
    return np.array(rows, np.float64)


def _wrong_counts(answers: Sequence[str], references: References) -> Array:
    counts = _exact_counts(answers, references)
    counts[:, 0] = 1 - counts[:, 0]
    return counts


PAIRED: dict[str, tuple[Callable[[Sequence[str], References], Array], Score]] = {
    "bleu": (bleu_counts, bleu_score),
    "chrf": (lambda answers, references: chrf_counts(paired(answers, references)), chrf_score),
    "exact": (_exact_counts, ratio),
    "word_error": (_wrong_counts, ratio),
    "phoneme_error": (phoneme_counts, ratio),
    "ter": (ter_counts, ratio),
    "wer": (word_counts, ratio),
    "cer": (character_counts, ratio),
}
"""Measure -> what it counts of each example, and the score of the sums."""


__all__ = ["ASKED", "KNOWN", "PAIRED", "Floor", "Gap", "floors", "gaps"]
