"""Rates and shares against published tables, theory and their definitions."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.measures.interval import none_of, wilson
from melisma.measures.poisson import expected, gamma_quantile, gamma_share, hours_wanted, most, rate, rate_gap
from melisma.measures.share import accuracy, alone, share, share_gap

GAMMA = json.loads((Path(__file__).parent / "gamma.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("events", "low", "high"),
    [
        (0, 0, 3.689),
        (1, 0.02532, 5.572),
        (2, 0.2422, 7.225),
        (5, 1.623, 11.668),
        (10, 4.795, 18.390),
        (30, 20.24, 42.83),
    ],
)
def test_the_interval_as_tabled_by_garwood_1936(events: int, low: float, high: float) -> None:
    assert expected(events) == pytest.approx((low, high), rel=3e-4)


def test_scipy_agrees() -> None:
    for events, level, low, high, bound in GAMMA["intervals"]:
        assert (*expected(events, level), most(events, level)) == pytest.approx((low, high, bound), rel=1e-10)
    for shape, x, below in GAMMA["shares"]:
        assert gamma_share(shape, x) == pytest.approx(below, rel=1e-11, abs=1e-300)


def so_few(events: int, mean: float) -> float:
    """The probability of so many or fewer."""
    return math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(events + 1))


@settings(max_examples=60, deadline=None)
@given(events=st.integers(0, 60), level=st.floats(0.5, 0.999))
def test_the_ends_are_where_such_counts_become_rare(events: int, level: float) -> None:
    low, high = expected(events, level)
    rare = (1 - level) / 2
    assert so_few(events, high) == pytest.approx(rare, rel=1e-9)
    assert so_few(events, most(events, level)) == pytest.approx(1 - level, rel=1e-9)
    if events:
        assert 1 - so_few(events - 1, low) == pytest.approx(rare, rel=1e-9, abs=1e-14)
    assert low <= events < most(events, level) < high


@settings(max_examples=60, deadline=None)
@given(shape=st.floats(0.05, 3e4), share=st.floats(1e-4, 0.9999))
def test_a_quantile_is_where_its_share_lies_below(shape: float, share: float) -> None:
    assert gamma_share(shape, gamma_quantile(share, shape)) == pytest.approx(share, rel=1e-9)


def test_what_so_many_hours_can_show() -> None:
    assert rate(0, 0.7).told() == "none in 0.7 h, which can only show below 4.3 an hour"
    assert rate(0, 40 / 60).told().endswith("below 4.5 an hour")
    assert rate(0, 300).told().endswith("below 0.01 an hour")
    assert rate(0, 0.01).told().endswith("below 300 an hour")
    assert rate(1, 4.5).told() == "0.222 an hour (1 in 4.5 h; 0.0056–1.24)"
    assert most(0) == pytest.approx(2.996, abs=5e-4)
    assert hours_wanted(0.1) == pytest.approx(29.96, abs=0.005)
    found = rate(3, 1.5)
    assert (found.value, found.low, found.high) == pytest.approx((2, *(end / 1.5 for end in expected(3))))
    assert found.low < found.value < found.high


def test_of_none_one_bound_is_told_everywhere() -> None:
    assert (rate(0, 0.7).low, rate(0, 0.7).high) == (0, pytest.approx(most(0) / 0.7))
    assert alone(0, 30) == (0, none_of(30))
    assert alone(1, 30) == wilson(1, 30)
    found = share([False] * 30, ["a"] * 10 + ["b"] * 20)
    assert (found.low, found.high, found.speakers) == (0, none_of(30), 2)


def test_of_all_one_bound_is_told_everywhere() -> None:
    assert alone(30, 30) == (1 - none_of(30), 1)
    found = share([True] * 30, ["a"] * 10 + ["b"] * 20)
    assert (found.low, found.high, found.speakers) == (1 - none_of(30), 1, 2)
    assert share([True] * 12).told() == "all of 12: above 77.9 %"
    assert share([True]).told() == "all of 1: above 5.0 %"


def test_no_time_and_no_rate_is_refused() -> None:
    for wrong in (lambda: rate(1, 0), lambda: rate(1, math.inf), lambda: rate(-1, 1), lambda: expected(1, 1.0)):
        with pytest.raises(Refusal):
            wrong()
    with pytest.raises(Refusal, match="above 0"):
        hours_wanted(0)


def test_none_of_so_many_is_below_what_the_rule_of_three_says() -> None:
    for count in (1, 10, 200, 100_000):
        assert (1 - none_of(count)) ** count == pytest.approx(0.05)
        assert none_of(count) < 3 / count
    assert none_of(10_000) == pytest.approx(3 / 10_000, rel=2e-3)
    assert share([False] * 200).told() == "none of 200: below 1.5 %"
    assert share([False] * 97 + [True] * 3).told() == "3.0 % (3 of 100; 1.0–8.5 %)"
    with pytest.raises(Refusal, match="at least one"):
        none_of(0)
    with pytest.raises(Refusal, match="no answers"):
        share([])


def test_a_share_knows_of_speakers() -> None:
    right = [place % 10 > 0 for place in range(100)]
    alone = share(right)
    assert (alone.value, alone.low, alone.high, alone.speakers) == (0.9, *wilson(90, 100), 0)
    assert share(right, ["ann"] * 100) == alone
    even = share(right, [f"{place // 10}" for place in range(100)])
    assert (even.low, even.high, even.speakers) == (alone.low, alone.high, 10)
    uneven = share(sorted(right), [f"{place // 10}" for place in range(100)])
    assert uneven.low < alone.low < alone.high < uneven.high
    assert share(right[::-1], [f"{place // 10}" for place in reversed(range(100))]) == even
    told = accuracy(right, [f"{place // 10}" for place in range(100)])
    assert (told.value, told.count, told.better, told.signature) == (90, 100, "higher", "interval:wilson,speakers")
    assert accuracy(right).signature == "interval:wilson"
    assert accuracy([True] * 200).value == 100 > accuracy([True] * 200).low > 98


def test_two_shares_are_compared_in_pairs() -> None:
    first, second = [place % 3 > 0 for place in range(90)], [place % 9 > 0 for place in range(90)]
    found = share_gap(first, second, [f"{place // 9}" for place in range(90)])
    assert found == pytest.approx((100 * 2 / 9, 100 * 2 / 9, 100 * 2 / 9, 10, 10))
    assert (found.ends, found.tells) == (None, True)
    plain = share_gap(first, second)
    assert 0 < plain.low < plain.value < plain.high
    assert plain.tells
    with pytest.raises(Refusal, match="same utterances"):
        share_gap(first, second[1:])


def test_two_counts_in_the_same_hours_are_apart_or_may_be() -> None:
    low, high = rate_gap(12, 3, 2.0)
    a, b = expected(12), expected(3)
    assert low == pytest.approx((-9 - math.hypot(3 - b[0], a[1] - 12)) / 2)
    assert high == pytest.approx((-9 + math.hypot(b[1] - 3, 12 - a[0])) / 2)
    assert high < 0
    assert rate_gap(3, 12, 2.0) == pytest.approx((-high, -low))
    assert rate_gap(0, 0, 0.5) == pytest.approx((-2 * expected(0)[1], 2 * expected(0)[1]))
    assert rate_gap(0, 5, 1)[0] < 0 < rate_gap(0, 6, 1)[0]  # as by signs: of 5 that may be chance, of 6 hardly
    with pytest.raises(Refusal, match="needs some time"):
        rate_gap(1, 2, 0)


def test_of_as_many_false_alarms_the_interval_holds_none_nearly_always() -> None:
    """Coverage by enumeration: P(0 within) for two Poisson counts of one mean is 95 % at least, about."""
    for mean in (0.5, 3.0, 10.0):
        counts = range(int(mean + 8 * math.sqrt(mean)) + 6)
        chance = [math.exp(-mean + one * math.log(mean) - math.lgamma(one + 1)) for one in counts]
        held = sum(
            chance[a] * chance[b] for a in counts for b in counts if rate_gap(a, b, 1)[0] <= 0 <= rate_gap(a, b, 1)[1]
        )
        assert held > 0.945
