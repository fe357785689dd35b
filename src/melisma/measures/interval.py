"""How far a score would move with other examples of the same kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from melisma.errors import Refusal

Array = NDArray[np.float64]
Score = Callable[[Array], Array]  # summed counts (…, K) -> scores (…)

RESAMPLES = 1000
LEVEL = 0.95
SEED = 1
DRAWN_AT_ONCE = 1 << 20  # bounds the memory


def in_order(counts: Array) -> Array:
    """The rows (N, K) sorted, so that neither sums nor resamples depend on the order of the examples."""
    return counts[np.lexsort(counts.T[::-1])]


def resampled(counts: Array, *, resamples: int = RESAMPLES, seed: int = SEED) -> Array:
    """Sums (resamples, K) of as many rows of ``counts`` (N, K) as there are, drawn with replacement."""
    return np.concatenate([weights @ counts for weights in _weights(len(counts), resamples, seed)])


def _weights(size: int, resamples: int, seed: int) -> Iterator[Array]:
    """How often each example stands in each resample, some resamples at a time: (n, N)."""
    generator = np.random.default_rng(seed)
    at_once = max(1, DRAWN_AT_ONCE // size)
    for begin in range(0, resamples, at_once):
        rows = min(at_once, resamples - begin)
        drawn = generator.integers(size, size=(rows, size)) + size * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * size).reshape(rows, size).astype(np.float64)


def bootstrap(
    counts: Array, score: Score, *, resamples: int = RESAMPLES, seed: int = SEED, level: float = LEVEL
) -> tuple[float, float]:
    """The percentile interval (Efron 1979) of a score over examples: low, high.

    ``counts`` (N, K) are whatever the score is made of, summed over examples (Koehn 2004 for BLEU). A single example
    says nothing of others: its interval has no width, and neither has that of examples that all score alike, which
    is none (``Measure.ends``). Refuses an empty table.
    """
    if not len(counts):
        raise Refusal("there are no examples to draw from: at least one is wanted.")
    return _percentiles(score(resampled(counts, resamples=resamples, seed=seed)), level)


def difference(
    first: Array, second: Array, score: Score, *, resamples: int = RESAMPLES, seed: int = SEED, level: float = LEVEL
) -> tuple[float, float]:
    """The percentile interval of score(second) - score(first), drawn in pairs: low, high.

    Row n of both (N, K) counts the same example. An interval that leaves 0 out speaks for a true difference
    (paired bootstrap, Koehn 2004). Refuses tables of different sizes.
    """
    if first.shape != second.shape or not len(first):
        raise Refusal(f"two tables of counts {first.shape} and {second.shape}: they must count the same examples.")
    both = resampled(in_order(np.concatenate((first, second), 1)), resamples=resamples, seed=seed)
    columns = first.shape[1]
    return _percentiles(score(both[:, columns:]) - score(both[:, :columns]), level)


def _percentiles(scores: Array, level: float) -> tuple[float, float]:
    """The middle ``level`` of the scores, by values that occur (an interpolation between infinities is no number)."""
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2], method="nearest")
    return float(low), float(high)


def wilson(right: float, count: int, level: float = LEVEL) -> tuple[float, float]:
    """The interval of a share right / count by Wilson 1927: unlike the bootstrap it has a width at 0 and at 1."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * np.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return float(max(0.0, middle - reach)), float(min(1.0, middle + reach))


def none_of(count: int, level: float = LEVEL) -> float:
    """Below which share something is that none of ``count`` were: 1 - (1 - level)^(1 / count), at 95 % about 3 / count.

    One-sided and exact; the rule of three (Hanley & Lippman-Hand 1983) is its limit.
    """
    if count < 1:
        raise Refusal(f"none of {count}: at least one is wanted to say how rare something is.")
    return -math.expm1(math.log1p(-level) / count)
