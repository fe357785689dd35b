"""Which examples are shown: the best, the middling and the worst, and some that chance alone chose."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from melisma.measures.asked import BY_SOURCE, by_source
from melisma.measures.bleu import chrf_counts, chrf_score
from melisma.measures.measure import References, paired

T = TypeVar("T")

EACH = 5  # examples of a group
DRAWN = 10  # by chance
SEED = 1


@dataclass(frozen=True)
class Sample:
    """One example: its place among all, and what its answer scores by itself (chrF2, 0 to 100)."""

    place: int
    score: float


@dataclass(frozen=True)
class Group:
    """Some examples, and why these."""

    name: str
    why: str  # a sentence
    samples: tuple[Sample, ...]


def spread(items: Sequence[T], most: int) -> list[T]:
    """At most so many of the items, evenly spread, in their order; the same ones every time."""
    if len(items) <= most:
        return list(items)
    return [items[number * len(items) // most] for number in range(most)]


def spread_for(measures: Collection[str], items: Sequence[T], sources: Sequence[str], most: int) -> list[T]:
    """A spread of items with these sources; where a measure asks each source once, so many sources with all theirs."""
    if BY_SOURCE.isdisjoint(measures):
        return spread(items, most)
    return [items[place] for group in spread(by_source(sources), most) for place in group]


def groups(answers: Sequence[str], references: References, *, each: int = EACH, drawn: int = DRAWN) -> list[Group]:
    """By chance, worst, middling and best, in this order; of few examples all, from the worst to the best.

    Of examples that score the same, chance (with a fixed seed) chooses. Refusal as of any measure.
    """
    scores = [float(score) for score in chrf_score(chrf_counts(paired(answers, references)))]
    order = list(range(len(scores)))
    chance = random.Random(SEED)
    chance.shuffle(order)
    by_chance = sorted(order[:drawn])
    order.sort(key=lambda place: scores[place])

    def made(name: str, why: str, places: Sequence[int]) -> Group:
        return Group(name, why, tuple(Sample(place, scores[place]) for place in places))

    if len(order) < 3 * each:
        return [made("All of them", "From the worst to the best.", order)]
    middle = (len(order) - each) // 2
    of = f"of {len(order):,}"
    return [
        made("By chance", f"{len(by_chance)} {of}, drawn without a look at their scores.", by_chance),
        made("Worst", f"The {each} {of} that score lowest.", order[:each]),
        made("Middling", f"The {each} around the median {of}.", order[middle : middle + each]),
        made("Best", f"{each} {of} that score highest.", order[: -each - 1 : -1]),
    ]
