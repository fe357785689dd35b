"""Rows that agree come back together: none is lost, few are held at once, and each is read a few times only."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.checks import hashes
from melisma.checks.hashes import NUMBER, PAIR, SOURCE, TARGET, Hashes, Rows
from melisma.files.scratch import Scratch

SIGNED = st.integers(-(2**63), 2**63 - 1)
FEW = st.sampled_from([0, -1, 2**63 - 1, -(2**63), 16, 17, 2**60])


def made(rows: list[tuple[int, int, int]]) -> Hashes:
    found = Hashes()
    for number, row in enumerate(rows):
        found.add(*row, number)
    return found


def parts_of(found: Hashes, column: int, at_once: int) -> list[Rows]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashes, "AT_ONCE", at_once)
        return list(found.alike(column))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(SIGNED | FEW, FEW, SIGNED), max_size=40),
    st.sampled_from([SOURCE, TARGET, PAIR]),
    st.integers(1, 50),
)
def test_all_rows_come_back_those_that_agree_together(
    rows: list[tuple[int, int, int]], column: int, at_once: int
) -> None:
    parts = parts_of(made(rows), column, at_once)
    numbers = [number for part in parts for number in part[:, NUMBER].tolist()]
    assert sorted(numbers) == list(range(len(rows)))
    kinds = [set(part[:, column].tolist()) for part in parts]
    assert sum(map(len, kinds)) == len({row[column] for row in rows})
    for part, kind in zip(parts, kinds):
        assert 0 < len(part) <= at_once or len(kind) == 1
        assert (np.diff(part[:, NUMBER]) > 0).all(), "in order"
        assert [tuple(row[:NUMBER]) for row in part.tolist()] == [rows[row[NUMBER]] for row in part.tolist()]


def test_rows_are_read_as_often_as_their_number_has_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(1)
    at_once, count = 64, 64 * 64
    found = made([(int(number), 7, 0) for number in random.integers(-(2**63), 2**63 - 1, count)])
    read, real = [0], Scratch.read

    def counted(self: Scratch, begin: int, end: int) -> bytes:
        read[0] += end - begin
        return real(self, begin, end)

    monkeypatch.setattr(Scratch, "read", counted)
    assert len(parts_of(found, SOURCE, at_once)) > count // at_once
    whole = hashes.ROW.size * count
    assert read[0] < 6 * whole, "not as often as there are parts"
    read[0] = 0
    assert len(parts_of(found, TARGET, at_once)) == 1, "what all agrees is not cut at all"
    assert read[0] < 3 * whole
