"""Which examples are shown: the best, the middling and the worst, and some that chance alone chose."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from melisma.measures.asked import BY_SOURCE, by_source
from melisma.measures.each import each, each_of
from melisma.measures.measure import References
from melisma.measures.units import called

T = TypeVar("T")

SHOWN = 5  # examples of a group
DRAWN = 10  # by chance
SEED = 1


@dataclass(frozen=True)
class Sample:
    """One example: its place among all, and what its answer scores by itself."""

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


def groups(
    measure: str, answers: Sequence[str], references: References, *, size: int = SHOWN, drawn: int = DRAWN
) -> list[Group]:
    """By chance, worst, middling and best, in this order; of few examples all, from the worst to the best.

    What they score is what tells the examples of ``measure`` apart. Of those that score the same, chance (with a fixed
    seed) chooses. Refusal as of any measure.
    """
    scores, by = each(measure, answers, references), each_of(measure)
    sign = 1 if by.better == "higher" else -1
    order = list(range(len(scores)))
    chance = random.Random(SEED)
    chance.shuffle(order)
    by_chance = sorted(order[:drawn])
    order.sort(key=lambda place: sign * scores[place])

    def made(name: str, why: str, places: Sequence[int]) -> Group:
        return Group(name, why, tuple(Sample(place, scores[place]) for place in places))

    name = called(by.name)
    if len(order) < 3 * size:
        return [made("All of them", f"From the worst to the best by {name}.", order)]
    middle = (len(order) - size) // 2
    of = f"of {len(order):,}"
    least, most = ("lowest", "highest")[::sign]
    return [
        made("By chance", f"{len(by_chance)} {of}, drawn without a look at their scores.", by_chance),
        made("Worst", f"The {size} {of} with the {least} {name}.", order[:size]),
        made("Middling", f"The {size} {of} around the median of {name}.", order[middle : middle + size]),
        made("Best", f"{size} {of} with the {most} {name}.", order[: -size - 1 : -1]),
    ]
