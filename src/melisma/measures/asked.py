"""What a measure asks: each pair by itself, or each source once, all its targets being right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from melisma.errors import Refusal
from melisma.measures.measure import References, normalised

BY_SOURCE = frozenset({"word_error", "phoneme_error"})
"""The measures that ask each distinct source once."""


class Asked(NamedTuple):
    """Questions of a measure: of each the place of an example that asks it, its answer, and what would be right."""

    places: list[int]
    answers: list[str]
    references: References


def asked(measure: str, sources: Sequence[str], answers: Sequence[str], references: Sequence[str]) -> Asked:
    """What ``measure`` asks of examples; ``BY_SOURCE`` takes the targets of equal sources together, no target twice.

    Texts are equal where they are after Unicode NFC and white space as single spaces. To equal sources there is one
    answer; should there be several, the first counts. Refusal where there are not as many of each.
    """
    if not len(sources) == len(answers) == len(references):
        found = f"{len(sources)} sources, {len(answers)} answers and {len(references)} references"
        raise Refusal(f"{found}: there must be as many of each.")
    if measure not in BY_SOURCE:
        return Asked(list(range(len(answers))), list(answers), references)
    groups = by_source(sources)
    right = [list({normalised(references[place]): None for place in group}) for group in groups]
    places = [group[0] for group in groups]
    return Asked(places, [answers[place] for place in places], right)


def by_source(sources: Sequence[str]) -> list[list[int]]:
    """The places of equal sources together, each group where the first of it stands."""
    groups: dict[str, list[int]] = {}
    for place, source in enumerate(sources):
        groups.setdefault(normalised(source), []).append(place)
    return list(groups.values())
