"""Scores in groups of source length: where a model gets lost."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from melisma.errors import Refusal
from melisma.measures.measure import Measure

A = TypeVar("A")  # an answer
R = TypeVar("R")  # what it is measured by


@dataclass(frozen=True)
class Bucket:
    """The score of the examples whose source is ``shortest`` to ``longest`` long, both included and both met with."""

    shortest: int
    longest: int
    measure: Measure

    @property
    def lengths(self) -> str:
        """``6–9``, or ``6`` where all are as long."""
        return f"{self.shortest}–{self.longest}" if self.shortest < self.longest else str(self.shortest)


def by_length(
    measure: Callable[[Sequence[A], Sequence[R]], Measure],
    answers: Sequence[A],
    references: Sequence[R],
    lengths: Sequence[int],
    *,
    edges: Sequence[int] | None = None,
    buckets: int = 5,
) -> list[Bucket]:
    """One score per bucket of source lengths, short sources first; buckets without examples are left out.

    ``edges`` are the greatest lengths of all buckets but the last; without them there are up to ``buckets`` of about
    equally many examples, equal lengths together. A measure that chooses its tokenizer from the references is best
    given a fixed one, and one that knows of speakers is given examples.
    Refuses no examples, different numbers, and edges that don't rise.
    """
    if not len(lengths) == len(answers) == len(references):
        found = f"{len(lengths)} lengths, {len(answers)} answers and {len(references)} references"
        raise Refusal(f"{found}: there must be as many of each.")
    if not lengths:
        raise Refusal("there are no answers to measure: at least one is wanted.")
    bounds = even_edges(lengths, buckets) if edges is None else list(edges)
    if any(later <= sooner for sooner, later in pairwise(bounds)):
        raise Refusal(f"the edges of the buckets are {bounds}: each must be greater than the one before.")
    members: dict[int, list[int]] = {}
    for index, length in enumerate(lengths):
        members.setdefault(bisect_left(bounds, length), []).append(index)
    result = []
    for _, inside in sorted(members.items()):
        own = [lengths[i] for i in inside]
        score = measure([answers[i] for i in inside], [references[i] for i in inside])
        result.append(Bucket(min(own), max(own), score))
    return result


def even_edges(lengths: Sequence[int], buckets: int) -> list[int]:
    """The greatest lengths of all buckets but the last, such that buckets hold about equally many examples."""
    if buckets < 1:
        raise Refusal(f"{buckets} buckets of source length: at least 1 is wanted.")
    edges: list[int] = []
    seen = 0
    for length, times in sorted(Counter(lengths).items()):
        seen += times
        if seen * buckets >= len(lengths) * (len(edges) + 1):
            edges.append(length)
    return edges[:-1] if edges and edges[-1] == max(lengths) else edges
