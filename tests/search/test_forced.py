"""Laws of a forced beginning: every search keeps to it, tells what it costs, and is free behind it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from search.test_search import LAST, Toy, bounds, forced, plain, score, sentences_of

from melisma.search import Beginning, Drawing, Forced, Hypothesis, Ranking, beam, greedy, sample

SIZE = 5
PATHS = st.lists(st.lists(st.sampled_from([2, 3, 4]), min_size=1, max_size=3), min_size=1, max_size=4)


def without_heads(paths: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """The paths that are no head of another."""
    found = {tuple(path) for path in paths}
    return sorted(path for path in found if not any(path != other and other[: len(path)] == path for other in found))


def every_search(toy: Toy, paths: Sequence[Sequence[int]], limits: Sequence[int]) -> dict[str, list[list[Hypothesis]]]:
    frame, beginning = bounds(limits), Beginning.of(paths)

    def begun() -> tuple[Forced, object]:
        step = Forced(toy, beginning)
        return step, step.start(toy.start())

    names = [b"%d" % number for number in range(len(limits))]
    return {
        "greedy": [[answer] for answer in greedy(*begun(), frame)],
        "beam": beam(*begun(), frame, width=3, best=3, ranking=Ranking(0.6, 0.2)),
        "sample": sample(*begun(), frame, Drawing(2.0), names, seed=1, count=3),
    }


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), paths=PATHS, limits=st.lists(st.integers(3, 7), min_size=1, max_size=3))
def test_every_search_begins_so_and_tells_what_it_costs(seed: int, paths: list[list[int]], limits: list[int]) -> None:
    toy, paths = Toy([seed + place for place in range(len(limits))], SIZE), without_heads(paths)
    for answers in every_search(toy, paths, limits).values():
        for place, found in enumerate(answers):
            assert found
            for answer in found:
                assert any(answer.symbols[: len(path)] == tuple(path) for path in paths)
                said = (*answer.symbols, LAST) if answer.finished else answer.symbols
                values, trace = forced(toy, place, said)
                assert answer.log_probabilities == pytest.approx(values)
                assert answer.log_probability == pytest.approx(sum(values))
                assert torch.allclose(answer.trace, trace.float())


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), paths=PATHS)
def test_a_full_beam_finds_the_best_answers_that_begin_so(seed: int, paths: list[list[int]]) -> None:
    toy, limit, paths = Toy([seed], SIZE), 3, without_heads(paths)
    step = Forced(toy, Beginning.of(paths))
    found = beam(step, step.start(toy.start()), bounds([limit]), width=SIZE**limit, ranking=Ranking(0.6), best=5)[0]
    possible = [
        symbols for symbols in sentences_of(SIZE, limit) if any(symbols[: len(path)] == tuple(path) for path in paths)
    ]
    ranked = sorted(possible, key=lambda symbols: -score(toy, 0, symbols, 0.6, 0.0))[:5]
    assert [answer.symbols for answer in found if answer.finished] == [symbols[:-1] for symbols in ranked]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(1, 6), coarse=st.booleans())
def test_what_greedy_says_anyway_changes_nothing(seed: int, cut: int, coarse: bool) -> None:
    toy = Toy([seed, seed + 1], SIZE, coarse)
    free = greedy(toy, toy.start(), bounds([6, 6], 1))
    for place, answer in enumerate(free):
        alone = Toy([seed + place], SIZE, coarse)
        step = Forced(alone, Beginning.of([answer.symbols[:cut]]))
        (again,) = greedy(step, step.start(alone.start()), bounds([6], 1))
        assert again == answer
        assert torch.allclose(again.trace, answer.trace)


@settings(max_examples=8, deadline=None)
@given(order=st.permutations(range(4)), seed=st.integers(0, 1000), paths=PATHS)
def test_no_neighbour_matters(order: list[int], seed: int, paths: list[list[int]]) -> None:
    limits, paths = [6, 3, 5, 4], without_heads(paths)
    together = Toy([seed + i for i in order], SIZE)
    mixed = every_search(together, paths, [limits[i] for i in order])
    for place, i in enumerate(order):
        alone = every_search(Toy([seed + i], SIZE), paths, [limits[i]])
        for name in ("greedy", "beam"):
            assert [plain(answer) for answer in mixed[name][place]] == [plain(answer) for answer in alone[name][0]]


def test_the_tree_holds_every_path_and_no_other() -> None:
    paths = [(2, 3, 4), (2, 3, 2), (2, 4), (3,)]
    tree = Beginning.of([*paths, (2, 4)])
    assert tree.longest == 3
    found = []
    for path in itertools.chain.from_iterable(itertools.product(range(5), repeat=length) for length in (1, 2, 3)):
        place: int | None = 0
        for symbol in path[:-1]:
            place = tree.follow[place].get(symbol) if place is not None and place >= 0 else None
        if place is not None and place >= 0 and tree.follow[place].get(path[-1]) == Beginning.FREE:
            found.append(path)
    assert sorted(found) == sorted(paths)
    assert all(tree.follow)


@pytest.mark.parametrize("paths", [[], [()], [(2,), ()]])
def test_a_beginning_of_nothing_is_none(paths: list[tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match="a beginning needs paths"):
        Beginning.of(paths)


def test_behind_the_beginning_the_model_is_left_alone() -> None:
    toy = Toy([4.0], SIZE)
    step = Forced(toy, Beginning.of([(3,)]))
    state, row, _ = step(step.start(toy.start()), torch.tensor([0]))
    assert (row > -torch.inf).nonzero().tolist() == [[0, 3]]
    state, free, _ = step(state, torch.tensor([3]))
    within, expected, _ = toy(toy(toy.start(), torch.tensor([0]))[0], torch.tensor([3]))
    assert torch.equal(free, expected)
    _, later, _ = step(state, torch.tensor([2]))
    assert torch.equal(later, toy(within, torch.tensor([2]))[1])
