"""Batches of very many examples are made a part at a time: the same batches as with everything in memory at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.training import order
from melisma.training.order import by_length, drawn


def plainly(lengths: list[tuple[int, int]], budget: int, *, seed: int, epoch: int) -> list[list[int]]:
    """The definition, in lists: lots first, then the noise, then which batch comes when."""
    random = np.random.default_rng(drawn(seed, "order", epoch))
    lots = random.random(len(lengths))
    noisy = [np.floor(steps + 2 * noise) for (steps, _), noise in zip(lengths, random.random(len(lengths)))]
    places = sorted(range(len(lengths)), key=lambda place: (noisy[place], lengths[place][1], lots[place]))
    batches: list[list[int]] = [[]]
    for place in places:
        wider = [*batches[-1], place]
        if batches[-1] and max(lengths[one][0] for one in wider) * len(wider) > budget:
            batches.append([])
        batches[-1].append(place)
    return [batches[number] for number in random.permutation(len(batches))]


@given(
    lengths=st.lists(st.tuples(st.integers(0, 25) | st.sampled_from([65_000, 70_000]), st.integers(0, 9)), min_size=1),
    budget=st.integers(1, 200),
    limits=st.tuples(st.sampled_from([1, 7, 1 << 19]), st.sampled_from([1, 5, 1 << 16])),
    seed=st.integers(0, 2**32),
    epoch=st.integers(0, 20),
)
@settings(max_examples=150, deadline=None)
def test_batches_do_not_depend_on_what_is_sorted_together(
    lengths: list[tuple[int, int]], budget: int, limits: tuple[int, int], seed: int, epoch: int
) -> None:
    wanted = plainly(lengths, budget, seed=seed, epoch=epoch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "AT_ONCE", limits[0])
        patch.setattr(order, "PART", limits[1])
        columns: Any = np.array(lengths, dtype=np.uint32)
        for given_lengths in (lengths, columns):
            found = by_length(given_lengths, budget, seed=seed, epoch=epoch)
            assert list(found) == wanted
            assert found == wanted
            assert [found[number] for number in range(-len(wanted), 0)] == wanted
            assert found[1:] == wanted[1:]
            assert found != [*wanted, [0]]
    assert all(type(place) is int for batch in found for place in batch)


def test_another_epoch_is_another_order_over_all_examples() -> None:
    lengths = np.stack((np.arange(3000) % 40 + 1, np.arange(3000) % 7), axis=1).astype(np.uint16)
    epochs = [list(by_length(lengths, 200, seed=5, epoch=epoch)) for epoch in range(3)]
    for batches in epochs:
        assert sorted(place for batch in batches for place in batch) == list(range(3000))
        places = np.array([place for batch in batches for place in batch])
        assert abs(np.corrcoef(places, np.arange(3000))[0, 1]) < 0.1, "not in the order of the file"
    together = [{frozenset(batch) for batch in batches} for batches in epochs]
    assert len(together[0] & together[1]) < 0.2 * len(together[0])


@pytest.mark.parametrize("budget", [11, 17, 23, 35])
def test_the_longest_of_a_batch_counts_wherever_it_stands(budget: int) -> None:
    lengths = [(5 + number % 2, number % 3) for number in range(200)]
    found = by_length(lengths, budget, seed=2, epoch=1)
    assert found == plainly(lengths, budget, seed=2, epoch=1)
    assert all(max(lengths[place][0] for place in batch) * len(batch) <= budget for batch in found)
