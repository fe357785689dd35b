"""A number read as choices: each has its chance, equal numbers choose alike, and it never runs out."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.text.lot import Lot

numbers = st.floats(0, 1, exclude_max=True)
chances = st.lists(st.floats(0, 1), max_size=40)


@given(numbers, chances)
def test_equal_numbers_choose_alike(number: float, wanted: list[float]) -> None:
    one, other = Lot(number), Lot(number)
    assert [one.happens(chance) for chance in wanted] == [other.happens(chance) for chance in wanted]


@given(numbers, st.lists(st.floats(0.01, 0.99), max_size=8), numbers)
def test_what_chose_alike_has_the_width_of_its_chance(number: float, wanted: list[float], share: float) -> None:
    lot, width = Lot(number), 1.0
    found = [lot.happens(chance) for chance in wanted]
    if lot.renewed:
        return
    for chance, happened in zip(wanted, found):
        width *= chance if happened else 1 - chance
    assert lot.end - lot.begin == pytest.approx(width, rel=1e-6, abs=1e-12)
    assert lot.begin <= number < lot.end
    neighbour = lot.begin + share * (lot.end - lot.begin)
    if neighbour < lot.end:
        other = Lot(neighbour)
        assert [other.happens(chance) for chance in wanted] == found


@pytest.mark.parametrize("chance", [0.03, 0.5, 0.9])
def test_choices_beyond_the_digits_keep_their_chance(chance: float) -> None:
    random, choices, late = Random(1), 300, 0
    for _ in range(200):
        lot = Lot(random.random())
        found = [lot.happens(chance) for _ in range(choices)]
        assert lot.renewed or chance == 0.03
        late += sum(found[choices // 2 :])
    draws = 200 * choices / 2
    assert abs(late - draws * chance) < 5 * (draws * chance * (1 - chance)) ** 0.5


@given(numbers)
def test_the_sure_happens_and_the_impossible_does_not(number: float) -> None:
    lot = Lot(number)
    assert all(lot.happens(1.0) for _ in range(100))
    assert not any(lot.happens(0.0) for _ in range(100))
