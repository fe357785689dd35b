"""What a measure says, and how it is made of counts per example."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from melisma.errors import Refusal
from melisma.measures.interval import Array, Score, bootstrap, in_order, none_of

Better = Literal["higher", "lower"]
References = Sequence[Sequence[str]] | Sequence[str]  # of each answer: one text, or all that are right


@dataclass(frozen=True)
class Measure:
    """A score over ``count`` examples with its 95 % interval; ``signature`` names all that must agree to compare it.

    ``low`` and ``high`` are both the value where nothing is known of other examples; see ``ends``.
    """

    name: str
    value: float
    low: float
    high: float
    signature: str
    better: Better
    count: int

    @property
    def ends(self) -> tuple[float, float] | None:
        """Both ends of the interval; None where it has no width: examples that all score alike, or a single one, say
        nothing of others."""
        return (self.low, self.high) if self.low < self.high else None


@dataclass(frozen=True)
class Rule:
    """What a measure is called and how the summed counts (…, K) of examples become its score (…)."""

    name: str
    score: Score
    better: Better


def summed(rule: Rule, counts: Array, signature: str) -> Measure:
    """The score of the sum of all counts (N, K), with its bootstrap interval; the examples' order is irrelevant."""
    rows = in_order(counts)
    value = float(rule.score(rows.sum(0)))
    low, high = bootstrap(rows, rule.score)
    return Measure(rule.name, value, min(low, value), max(high, value), signature, rule.better, len(rows))


def rated(rule: Rule, counts: Array, signature: str) -> Measure:
    """The rate of errors, as ``ratio`` has it, of the sum of all counts (N, 2), with the interval of ``summed``.

    Where there is no error, which leaves nothing to draw, the interval ends at what so many symbols can show
    (``none_of``). Where all examples err alike there is none, as a rate of errors has no upper limit.
    """
    found = summed(rule, counts, signature)
    errors, length = counts.sum(0)
    return replace(found, high=100 * none_of(round(length))) if not errors and round(length) else found


def paired(answers: Sequence[str], references: References) -> list[tuple[str, list[str]]]:
    """Each answer with all its references; refuses none at all, unequal numbers, an answer without reference."""
    if isinstance(answers, str) or isinstance(references, str):
        raise Refusal("answers and references must be lists of texts, found a single text.")
    if len(answers) != len(references):
        raise Refusal(f"{len(answers)} answers and {len(references)} references: there must be as many of both.")
    if not answers:
        raise Refusal("there are no answers to measure: at least one is wanted.")
    pairs = [(answer, [right] if isinstance(right, str) else list(right)) for answer, right in zip(answers, references)]
    for number, (_, right) in enumerate(pairs, 1):
        if not right:
            raise Refusal(f"answer {number} has no reference: at least one is wanted.")
    return pairs


def number_of_references(pairs: list[tuple[str, list[str]]]) -> str:
    """How many references an answer has, ``var`` if that differs, as signatures say it."""
    numbers = {len(right) for _, right in pairs}
    return str(numbers.pop()) if len(numbers) == 1 else "var"


def normalised(text: str, lowercase: bool = False) -> str:
    """Unicode NFC, runs of white space as one space, none outside: texts that look the same are the same."""
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    return plain.lower() if lowercase else plain


def ratio(sums: Array) -> Array:
    """100 · first / second of the last axis; without anything to divide by, 0 for nothing and 100 for something."""
    top, bottom = sums[..., 0], sums[..., 1]
    empty = np.where(top > 0, 100.0, 0.0)
    return np.where(bottom > 0, 100.0 * top / np.where(bottom > 0, bottom, 1.0), empty)
