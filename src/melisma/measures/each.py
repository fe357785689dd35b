"""What single answers score: by what the examples of a measure are told apart, and which reference is the closest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from melisma.measures.bleu import chrf_counts, chrf_score, ter_counts
from melisma.measures.error_rate import character_counts, phoneme_counts
from melisma.measures.interval import Array, Score
from melisma.measures.measure import Better, References, normalised, paired, ratio


class Each(NamedTuple):
    """A measure that says something of a single answer."""

    name: str
    counts: Callable[[Sequence[str], References], Array]
    score: Score
    better: Better


CHRF = Each("chrf", lambda answers, references: chrf_counts(paired(answers, references)), chrf_score, "higher")
LETTERS = Each("cer", character_counts, ratio, "lower")
EDITS = Each("phoneme_error", phoneme_counts, ratio, "lower")

TOLD_BY: dict[str, Each] = {
    "word_error": EDITS,  # which is 0 where the word is right, and tells the wrong ones apart
    "phoneme_error": EDITS,
    "wer": LETTERS,  # single words are wrong or right, and letters tell the wrong ones apart
    "cer": LETTERS,
    "ter": Each("ter", ter_counts, ratio, "lower"),
}
"""Measure -> by what its examples are told apart; all others, which single answers hardly have, by chrF2."""


def each_of(measure: str) -> Each:
    """By what the examples of ``measure`` are told apart."""
    return TOLD_BY.get(measure, CHRF)


def each(measure: str, answers: Sequence[str], references: References) -> list[float]:
    """What each answer scores by ``each_of`` the measure, as if it were alone; Refusal as of any measure."""
    one = each_of(measure)
    return [float(score) for score in one.score(one.counts(answers, references))]


def closest(measure: str, answer: str, targets: Sequence[str]) -> str:
    """The target that is the answer, or the one that ``each_of`` the measure holds it to, the first of equals."""
    same = [target for target in targets if normalised(target) == normalised(answer)]
    if same:
        return same[0]
    one = each_of(measure)
    counts = one.counts([answer] * len(targets), targets)
    if one.better == "higher":
        return targets[int(np.argmax(one.score(counts)))]
    return min(zip(targets, counts.tolist()), key=lambda told: (told[1][0], -told[1][1]))[0]
