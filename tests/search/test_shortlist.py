"""Laws of the shortlist: it is the head of a stable sort, however it is found."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.search import shortlist as shortlist_module
from melisma.search.shortlist import continued, shortlist


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(
        st.lists(st.sampled_from([-math.inf, -2.0, -1.0, 0.0, math.nan, math.inf]), min_size=7, max_size=7),
        min_size=1,
        max_size=4,
    ),
    count=st.integers(1, 8),
    excluded=st.sets(st.integers(0, 6), max_size=3),
)
def test_the_shortlist_is_the_head_of_a_stable_sort(rows: list[list[float]], count: int, excluded: set[int]) -> None:
    given_rows = torch.tensor(rows)
    before = given_rows.clone()
    values, ids = shortlist(given_rows, count, excluded)
    assert torch.equal(torch.nan_to_num(given_rows, nan=9.0), torch.nan_to_num(before, nan=9.0))
    for row, value, column in zip(rows, values.tolist(), ids.tolist(), strict=True):
        plain = [x if x < 1 and i not in excluded else -math.inf for i, x in enumerate(row)]
        expected = sorted(range(7), key=lambda i: (-plain[i], i))[:count]
        assert value == [plain[i] for i in expected]
        real = [i for i in expected if plain[i] > -math.inf]
        assert column[: len(real)] == real


VALUES = st.sampled_from([-math.inf, -2.0, -1.0, -1.0, 0.0, math.nan, math.inf])


@settings(max_examples=200, deadline=None)
@given(
    rows=st.lists(st.lists(VALUES, min_size=7, max_size=7), min_size=6, max_size=6),
    totals=st.lists(st.sampled_from([-math.inf, -1.0, -0.5, 0.0]), min_size=6, max_size=6),
    count=st.integers(1, 9),
    excluded=st.sets(st.integers(0, 6), max_size=3),
    block=st.sampled_from([1, 2, 3]),
)
def test_continuations_are_the_head_of_a_stable_sort_of_all_of_them(
    rows: list[list[float]], totals: list[float], count: int, excluded: set[int], block: int
) -> None:
    """Two sentences of three beginnings, seven symbols in blocks that do not divide them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("melisma.search.shortlist.MANY", 1 if block > 1 else 100)
        patch.setattr("melisma.search.shortlist.BLOCK", block)
        given_rows = torch.tensor(rows)
        before = given_rows.clone()
        found = continued(torch.tensor(totals).double().view(2, 3), given_rows, count, excluded)
    assert torch.equal(torch.nan_to_num(given_rows, nan=9.0), torch.nan_to_num(before, nan=9.0))
    for sentence in range(2):
        plain = [
            (total + (x if x < 1 and symbol not in excluded else -math.inf), parent, symbol)
            for parent, (total, row) in enumerate(
                zip(totals[3 * sentence : 3 * sentence + 3], rows[3 * sentence : 3 * sentence + 3], strict=True)
            )
            for symbol, x in enumerate(row)
        ]
        expected = sorted(plain, key=lambda one: -one[0])[:count]
        parts = (found.totals, found.parents, found.symbols)
        got = list(zip(*(part[sentence].tolist() for part in parts), strict=True))
        assert [one[0] for one in got] == [one[0] for one in expected]
        real = [one for one in expected if one[0] > -math.inf]
        assert got[: len(real)] == real
        assert found.values[sentence].tolist()[: len(real)] == [
            rows[3 * sentence + parent][symbol] for _, parent, symbol in real
        ]


def test_many_symbols_are_found_by_blocks() -> None:
    torch.manual_seed(1)
    for size in (shortlist_module.MANY, 6500, 6464 + 1):
        for rounded in (False, True):  # many equal values
            rows = torch.randn(6, size) * 3
            rows = (rows.round() if rounded else rows).log_softmax(1)
            rows[:, -1] = torch.linspace(-1, 0, 6)  # the best stands at the very end
            totals, excluded = torch.randn(2, 3).double(), (0, size - 2)
            found = continued(totals, rows, 10, excluded)
            sums = totals[:, :, None] + rows.double().view(2, 3, size)
            sums = sums.index_fill(2, torch.tensor(excluded), -math.inf).flatten(1)
            wanted, places = sums.sort(dim=1, descending=True, stable=True)
            assert torch.equal(found.totals, wanted[:, :10])
            assert torch.equal(found.parents * size + found.symbols, places[:, :10])
