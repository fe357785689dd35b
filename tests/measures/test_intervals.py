"""Intervals against theory and published tables; perplexity against its definition."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.measures.interval import Array, bootstrap, difference, resampled, wilson
from melisma.measures.measure import Rule, ratio, summed
from melisma.measures.perplexity import bits, perplexity, units


def test_the_bootstrap_of_a_mean_is_what_theory_says() -> None:
    drawn = np.random.default_rng(3).normal(10, 2, 900)
    table = np.stack((drawn, np.ones(900)), 1)
    low, high = bootstrap(table, ratio, resamples=4000)
    reach = 1.96 * drawn.std() / math.sqrt(900)
    assert low == pytest.approx(100 * (drawn.mean() - reach), rel=0.002)
    assert high == pytest.approx(100 * (drawn.mean() + reach), rel=0.002)
    narrow = bootstrap(table, ratio, resamples=4000, level=0.5)
    assert low < narrow[0] < narrow[1] < high


def test_every_resample_draws_as_many_examples() -> None:
    ones = np.ones((7, 1))
    assert set(resampled(ones, resamples=50).ravel()) == {7.0}
    table = np.eye(7)
    assert len({tuple(row) for row in resampled(table, resamples=50)}) > 40
    assert resampled(table, resamples=4000).mean(0) == pytest.approx(np.ones(7), abs=0.1)
    assert np.array_equal(resampled(table, seed=5), resampled(table, seed=5))
    assert not np.array_equal(resampled(table, seed=5), resampled(table, seed=6))
    with pytest.raises(Refusal, match="no examples"):
        bootstrap(np.empty((0, 2)), ratio)


def test_the_interval_is_widened_to_hold_the_value() -> None:
    def kinds(sums: Array) -> Array:
        return (sums > 0).sum(-1).astype(np.float64)

    told = summed(Rule("kinds", kinds, "higher"), np.eye(20), "")
    assert bootstrap(np.eye(20), kinds)[1] < told.value == told.high == 20


def test_a_difference_is_drawn_in_pairs() -> None:
    draw = np.random.default_rng(2).normal(size=50)
    place = np.arange(50.0)
    first, second = np.stack((place, draw), 1), np.stack((-place, draw + 1), 1)
    assert difference(first, second, lambda sums: sums[..., 1]) == pytest.approx((50, 50))


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_as_tabled_by_newcombe_1998(right: int, count: int, low: float, high: float) -> None:
    assert wilson(right, count) == pytest.approx((low, high), abs=5e-5)
    assert wilson(count - right, count) == pytest.approx((1 - high, 1 - low), abs=5e-5)


@settings(max_examples=40, deadline=None)
@given(counts=st.lists(st.integers(1, 30), min_size=1, max_size=20), size=st.integers(2, 5000))
def test_guessing_evenly_is_as_perplexed_as_there_are_symbols(counts: list[int], size: int) -> None:
    nats = [count * math.log(size) for count in counts]
    result = perplexity(nats, counts, "symbol")
    assert (result.value, result.low, result.high) == pytest.approx((size, size, size))
    assert bits(nats, counts, "symbol").value == pytest.approx(math.log2(size))


def test_perplexity_is_of_sums_whatever_the_units() -> None:
    nats = [3.0, 9.0, 1.0]
    assert perplexity(nats, [1, 4, 2], "symbol").value == pytest.approx(math.exp(13 / 7))
    texts = ["a bc", "", "d"]
    assert units(texts, "word") == [3, 1, 2]
    assert units(texts, "character") == [5, 1, 2]
    measured = perplexity(nats, units(texts, "word"), "word")
    assert (measured.name, measured.better, measured.count) == ("perplexity per word", "lower", 3)
    assert measured.value == pytest.approx(math.exp(13 / 6))
    assert bits(nats, units(texts, "character"), "character").value == pytest.approx(13 / 8 / math.log(2))


def test_perplexity_does_not_depend_on_the_order_and_its_interval_shrinks() -> None:
    draw = random.Random(1)
    nats = [draw.uniform(0.1, 40) for _ in range(400)]
    counts = [draw.randint(1, 12) for _ in nats]
    order = draw.sample(range(400), 400)
    whole = perplexity(nats, counts, "word")
    assert whole == perplexity([nats[i] for i in order], [counts[i] for i in order], "word")
    few = perplexity(nats[:25], counts[:25], "word")
    assert whole.low < whole.value < whole.high
    assert whole.high - whole.low < few.high - few.low


def test_impossible_answers_and_nonsense() -> None:
    impossible = perplexity([math.inf, 1.0, 1.0], [1, 1, 1], "symbol")
    assert (impossible.value, impossible.high) == (math.inf, math.inf)
    assert impossible.low == pytest.approx(math.e)
    assert bits([math.inf], [2], "word").value == math.inf
    assert perplexity([2000.0], [1], "symbol").value == math.inf
    with pytest.raises(Refusal, match="example 2 is NaN"):
        perplexity([1.0, math.nan], [1, 1], "symbol")
    with pytest.raises(Refusal, match="nothing to measure"):
        perplexity([0.0], [0], "symbol")
    with pytest.raises(Refusal, match="nothing to measure"):
        perplexity([], [], "symbol")
    with pytest.raises(Refusal, match="2 sums of nats and 1 counts"):
        perplexity([1.0, 2.0], [1], "symbol")
    with pytest.raises(Refusal, match="must be per"):
        perplexity([1.0], [1], "sentence")  # type: ignore[arg-type]
