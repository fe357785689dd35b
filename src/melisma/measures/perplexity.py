"""How surprised a model is by the right answers, per symbol, word or character."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from melisma.errors import Refusal
from melisma.measures.interval import Array
from melisma.measures.measure import Measure, Rule, summed

Unit = Literal["symbol", "word", "character"]

UNITS: tuple[Unit, ...] = ("symbol", "word", "character")
MOST = 1e200  # nats that stand for infinitely many: 0 times infinity is no number in a resample without the example
INFINITE = 1e100  # a mean that only those can bring about


def perplexity(nats: Sequence[float], counts: Sequence[int], per: Unit) -> Measure:
    """exp(Σ nats / Σ counts), from the negative log-probability (nats) of each example and its number of units.

    Per symbol it depends on the vocabulary. Per word or character it doesn't, if ``nats`` is that of the whole text:
    models with different vocabularies can then be compared. Refuses nats that are NaN and counts that sum to nothing.
    """
    return summed(Rule(f"perplexity per {per}", _perplexity, "lower"), _table(nats, counts, per), _signature(per))


def bits(nats: Sequence[float], counts: Sequence[int], per: Unit) -> Measure:
    """Σ nats / (ln 2 · Σ counts): the same in bits, which add up."""
    return summed(Rule(f"bits per {per}", _bits, "lower"), _table(nats, counts, per), _signature(per))


def units(texts: Sequence[str], per: Literal["word", "character"]) -> list[int]:
    """How many words or characters (code points) each text has, its end counted as one more, as it is predicted too."""
    return [(len(text.split()) if per == "word" else len(text)) + 1 for text in texts]


def _signature(per: Unit) -> str:
    return f"per:{per}|sum:examples"


def _table(nats: Sequence[float], counts: Sequence[int], per: Unit) -> Array:
    if per not in UNITS:
        raise Refusal(f"perplexity per {per!r}: it must be per {', '.join(UNITS)}.")
    if len(nats) != len(counts):
        raise Refusal(f"{len(nats)} sums of nats and {len(counts)} counts: there must be as many of both.")
    if not sum(counts):
        raise Refusal("there is nothing to measure perplexity on: at least one symbol is wanted.")
    for number, value in enumerate(nats, 1):
        if math.isnan(value):
            raise Refusal(f"the negative log-probability of example {number} is NaN: a number is wanted.")
    return np.stack((np.minimum(np.asarray(nats, np.float64), MOST), np.asarray(counts, np.float64)), 1)


def _mean(sums: Array) -> Array:
    """Nats per unit; a resample without any unit says nothing, and counts as surprise 0."""
    mean = np.where(sums[..., 1] > 0, sums[..., 0] / np.maximum(sums[..., 1], 1), 0.0)
    return np.where(mean > INFINITE, np.inf, mean)


def _perplexity(sums: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.exp(_mean(sums))


def _bits(sums: Array) -> Array:
    return _mean(sums) / math.log(2)
