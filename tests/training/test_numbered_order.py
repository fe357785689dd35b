"""Examples that are made as they are asked for: every number of an epoch, as often as asked, and none of another."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.task import Made
from melisma.training.order import chosen, steps_of


@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 4), st.integers(0, 5))
def test_each_number_of_an_epoch_is_gone_through_as_often_as_asked(
    new: int, size: int, repeats: int, epoch: int
) -> None:
    order = Made(new, size, repeats)
    steps = steps_of(order, seed=3, epoch=epoch)
    assert Counter(number for step in steps for number in step) == dict.fromkeys(
        range(epoch * new, (epoch + 1) * new), repeats
    )
    rounds = -(-new // size)
    assert len(steps) == rounds * repeats
    for begin in range(0, len(steps), rounds):
        assert len({number for step in steps[begin : begin + rounds] for number in step}) == new, (
            "one round, then another"
        )
    assert all(len(step) <= size for step in steps)
    assert steps == steps_of(order, seed=3, epoch=epoch)


def test_the_order_is_drawn_by_seed_epoch_and_round() -> None:
    order = Made(50, 50, 2)
    one, other = steps_of(order, seed=1, epoch=0)
    assert one != other
    assert steps_of(order, seed=2, epoch=0)[0] != one
    assert [number - 50 for number in steps_of(order, seed=1, epoch=1)[0]] != one


def test_numbers_are_asked_for_one_by_one() -> None:
    assert chosen(Made(3, 2, 1), range(10, 100), [4, 0]) == [14, 10]
    with pytest.raises(Refusal, match="no example is made"):
        steps_of(Made(0, 2, 1), seed=1, epoch=0)
