"""Alarms rarer than the hours at hand can show: their threshold is extrapolated from the highest scores."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.measures.tail import extrapolated


def odds(values: np.ndarray) -> list[float]:
    return (1 / (1 + np.exp(-values))).tolist()


@pytest.mark.parametrize("slope", [0.3, 0.7])
@pytest.mark.parametrize("wanted", [0.1, 2.0])
def test_it_is_where_a_tail_that_is_known_has_that_rate(slope: float, wanted: float) -> None:
    random, found = np.random.default_rng(1), []
    for _ in range(300):  # 40 alarms an hour above the log-odds 0.5, for an hour
        made = extrapolated(odds(0.5 + slope * random.exponential(size=40)), 1.0, wanted)
        assert made is not None
        found.append(math.log(made / (1 - made)))
    assert np.mean(found) == pytest.approx(0.5 + slope * math.log(40 / wanted), abs=0.1 * slope * math.log(40 / wanted))


def test_the_formula_by_hand() -> None:
    scores = [0.5] * 6 + odds(np.array([0.5, 1.0, 1.5, 2.0, 2.5]))
    found = extrapolated(scores, 2.0, 0.25)  # k = 5, u = 0, b = 1.5, k / (hours wanted) = 10
    assert found is not None
    assert math.log(found / (1 - found)) == pytest.approx(1.5 * math.log(10))


@given(st.lists(st.floats(0.0, 1.0), max_size=60), st.floats(0.01, 10), st.floats(0.01, 10))
def test_rarer_alarms_want_a_higher_threshold(scores: list[float], hours: float, wanted: float) -> None:
    found, rarer = extrapolated(scores, hours, wanted), extrapolated(scores, hours, wanted / 2)
    assert found is None or 0 <= found <= 1
    if found is not None:
        assert rarer is not None
        assert rarer >= found
        assert extrapolated(scores[::-1], hours, wanted) == found


def test_little_says_nothing() -> None:
    assert extrapolated([0.1, 0.9] * 4, 1.0, 0.1) is None
    assert extrapolated([0.3] * 40, 1.0, 0.1) is None, "scores that do not differ have no tail"
    assert extrapolated(odds(np.arange(10.0)), 100.0, 1.0) is None, "a hundred are wanted, and there are five"
    for hours, wanted in ((0.0, 1.0), (1.0, 0.0)):
        with pytest.raises(Refusal, match="more than 0"):
            extrapolated([0.5] * 20, hours, wanted)
