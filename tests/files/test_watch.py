"""Whoever watches a long reading is told how far it is; the items stay as they are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from melisma.files import watch
from melisma.files.watch import passing, watched


@given(count=st.integers(0, 25), at_once=st.integers(1, 7))
def test_items_pass_unchanged_and_are_counted(count: int, at_once: int) -> None:
    before = watch.AT_ONCE, watch.EVERY
    told: list[str] = []
    try:
        watch.AT_ONCE, watch.EVERY = at_once, 0.0
        items = list(range(count))
        assert passing("pairs", items) is items, "nobody watches"
        with watched(told.append):
            assert list(passing("pairs", items, 3000)) == items
            assert list(passing("lines", items)) == items
        assert passing("pairs", items) is items
    finally:
        watch.AT_ONCE, watch.EVERY = before
    ends = [min(end, count) for end in range(at_once, count + at_once, at_once)]
    assert told == [f"pairs: {end} of 3,000" for end in ends] + [f"lines: {end}" for end in ends]


def test_it_is_told_no_more_than_twice_a_second() -> None:
    told: list[str] = []
    with watched(told.append):
        assert sum(1 for _ in passing("pairs", range(2500))) == 2500
    assert len(told) < 3
