"""Axes: their marks are round, few, and hold everything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.report.scale import inside, scale

VALUES = st.floats(-1e9, 1e9).filter(lambda value: value == 0 or abs(value) > 1e-9)


@given(VALUES, VALUES, st.integers(3, 8))
def test_an_axis_holds_its_values_with_few_marks(one: float, two: float, most: int) -> None:
    low, high = sorted((one, two))
    axis = scale(low, high, most)
    reach = 1e-6 * max(abs(low), abs(high), 1e-9)
    assert axis.low <= low + reach
    assert axis.high >= high - reach
    assert 1 < len(axis.marks) <= most
    assert list(axis.marks) == sorted(axis.marks)
    assert len(axis.names) == len(axis.marks)


@pytest.mark.parametrize(
    ("low", "high", "names"),
    [
        (0, 100, ("0", "20", "40", "60", "80", "100")),
        (0, 0.005, ("0", "0.001", "0.002", "0.003", "0.004", "0.005")),
        (0.21, 0.93, ("0.2", "0.4", "0.6", "0.8", "1.0")),
        (0, 45_000, ("0", "10,000", "20,000", "30,000", "40,000", "50,000")),
        (0, 4e-6, ("0", "1e-6", "2e-6", "3e-6", "4e-6")),
        (5, 5, ("2", "3", "4", "5", "6", "7", "8")),
    ],
)
def test_marks_are_round(low: float, high: float, names: tuple[str, ...]) -> None:
    assert scale(low, high, 6 if low != high else 8).names == names


def test_an_axis_inside_ends_where_its_values_do() -> None:
    axis = inside(0, 445)
    assert (axis.low, axis.high) == (0, 445)
    assert axis.names == ("0", "200", "400")
    assert axis.share(445) == 1


def test_a_single_value_lies_in_the_middle() -> None:
    assert inside(150, 150).share(150) == pytest.approx(0.5)


@pytest.mark.parametrize(("low", "high"), [(0.0, 5e-324), (-5e-324, 5e-324), (1e-310, 2e-310)])
def test_values_that_floating_point_hardly_tells_apart_have_an_axis(low: float, high: float) -> None:
    found = scale(low, high)
    assert found.holds(low)
    assert found.holds(high)
    assert found.low < found.high
