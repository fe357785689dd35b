"""Every example once an epoch, within the budget, as a pure function of (seed, epoch)."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.task import ByLength, Windows
from melisma.training.order import by_length, chosen, drawn, steps_of, windows

LENGTHS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=80)
SEEDS = st.integers(0, 2**32 - 1)


@given(LENGTHS, st.integers(1, 200), SEEDS, st.integers(0, 30))
def test_by_length_goes_through_every_example_once_and_keeps_to_the_budget(
    lengths: list[tuple[int, int]], budget: int, seed: int, epoch: int
) -> None:
    batches = by_length(lengths, budget, seed=seed, epoch=epoch)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(batches)
    for batch in batches:
        padded = len(batch) * max(lengths[index][0] for index in batch)
        assert padded <= budget or len(batch) == 1


@given(LENGTHS, SEEDS, st.integers(0, 30))
def test_batches_hold_what_is_of_about_one_length(lengths: list[tuple[int, int]], seed: int, epoch: int) -> None:
    batches = by_length(lengths, 120, seed=seed, epoch=epoch)
    spans = [
        (min(lengths[index][0] for index in batch), max(lengths[index][0] for index in batch)) for batch in batches
    ]
    for (least, most), (other_least, other_most) in combinations(spans, 2):
        assert most <= other_least + 1 or other_most <= least + 1, "only the noise may mix them"


@given(st.integers(1, 60), st.integers(1, 80), st.integers(1, 300), SEEDS)
def test_batches_are_full(length: int, count: int, budget: int, seed: int) -> None:
    sizes = sorted(len(batch) for batch in by_length([(length, 0)] * count, budget, seed=seed, epoch=0))
    full = max(1, budget // length)
    assert sizes[1:] == [full] * (len(sizes) - 1)
    assert sum(sizes) == count


def test_an_order_is_a_pure_function_of_seed_and_epoch_and_epochs_and_seeds_differ() -> None:
    lengths = [(3 + number % 17, number % 5) for number in range(300)]
    once, again = (by_length(lengths, 100, seed=4, epoch=2) for _ in range(2))
    assert once == again
    others = [by_length(lengths, 100, seed=4, epoch=3), by_length(lengths, 100, seed=5, epoch=2)]
    assert all(other != once for other in others)
    groups = [{frozenset(batch) for batch in order} for order in (once, *others)]
    assert groups[0] != groups[1], "not only the order of the batches, but who shares one"


def test_batches_are_not_sorted_by_length() -> None:
    lengths = [(1 + number // 10, 0) for number in range(400)]
    firsts = [lengths[batch[0]][0] for batch in by_length(lengths, 80, seed=1, epoch=0)]
    assert firsts != sorted(firsts)
    assert firsts != sorted(firsts, reverse=True)


@given(st.integers(2, 3000), st.integers(1, 9), st.integers(1, 60), SEEDS, st.integers(0, 30))
def test_windows_cover_every_stream_without_gap_and_overlap(
    length: int, streams: int, window: int, seed: int, epoch: int
) -> None:
    if (length - 1) // streams < 1:
        with pytest.raises(Refusal, match=f"has {length} symbols, too few for {streams}"):
            windows(length, streams, window, seed=seed, epoch=epoch)
        return
    steps = windows(length, streams, window, seed=seed, epoch=epoch)
    assert all(len(step) == streams for step in steps)
    assert all(len({end - begin for begin, end in step}) == 1 for step in steps), "all streams go on equally far"
    covered = []
    for stream in range(streams):
        spans = [step[stream] for step in steps]
        assert all(begin < end for begin, end in spans)
        assert all(before[1] == after[0] for before, after in pairwise(spans))
        covered += [spans[0][0], spans[-1][1]]
    assert covered == sorted(covered)
    assert covered[1:-1:2] == covered[2::2], "a stream begins where the one before ends"
    assert covered[0] == 0
    assert length - 1 - streams < covered[-1] <= length - 1, (
        "the symbol after the last window is there, to be predicted"
    )


def test_windows_are_about_as_long_as_asked_and_differ() -> None:
    lengths = [step[0][1] - step[0][0] for step in windows(200_000, 2, 70, seed=3, epoch=0)[:-1]]
    assert 60 < sum(lengths) / len(lengths) < 72
    short = sum(length < 50 for length in lengths) / len(lengths)
    assert 0.02 < short < 0.09, "one in twenty is about half as long"
    assert max(lengths) < 70 + 6 * 7
    assert windows(5000, 2, 70, seed=3, epoch=0) == windows(5000, 2, 70, seed=3, epoch=0)
    assert windows(5000, 2, 70, seed=3, epoch=0) != windows(5000, 2, 70, seed=3, epoch=1)


def test_what_is_chosen_are_examples_or_windows_with_the_symbol_after_them() -> None:
    order = ByLength([(1, 0), (1, 0), (1, 0)], 2)
    steps = steps_of(order, seed=1, epoch=0)
    assert sorted(text for step in steps for text in chosen(order, ["a", "b", "c"], step)) == ["a", "b", "c"]
    text = list(range(41))
    pieces = [chosen(Windows(41, 2, 7), text, step) for step in steps_of(Windows(41, 2, 7), seed=1, epoch=0)]
    for stream, begin in ((0, 0), (1, 20)):
        heard = [symbol for piece in pieces for symbol in piece[stream][:-1]]
        wanted = [symbol for piece in pieces for symbol in piece[stream][1:]]
        assert heard == list(range(begin, begin + 20))
        assert wanted == list(range(begin + 1, begin + 21))


def test_nothing_to_learn_from_is_refused() -> None:
    with pytest.raises(Refusal, match="no example to train on"):
        by_length([], 10, seed=1, epoch=0)


def test_seeds_of_different_names_differ() -> None:
    seeds = {drawn(seed, use, step) for seed in (1, 2, 12) for use in ("batch", "dropout") for step in range(50)}
    assert len(seeds) == 300
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert drawn(1, "order", 0) == drawn(1, "order", 0)
