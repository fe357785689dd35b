"""Laws of sampling: what is drawn follows the model, and depends on nothing but seed, name, number and step."""

from __future__ import annotations

import itertools
import math
import sys
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from search.test_search import FIRST, LAST, Fixed, Toy, bounds, forced, plain

from melisma.errors import Refusal
from melisma.search import Drawing, Hypothesis, greedy, sample
from melisma.search.sample import BLOCK, uniforms

DRAWINGS = [
    Drawing(),
    Drawing(temperature=0.5),
    Drawing(temperature=3.0),
    Drawing(top_k=2),
    Drawing(top_p=0.6),
    Drawing(temperature=2.0, top_k=3, top_p=0.9),
    Drawing(temperature=0.3, top_k=3, top_p=0.7),
]


def drawn(toy: Toy, frame, drawing: Drawing, names: Sequence[bytes], **options) -> list[list[Hypothesis]]:
    return sample(toy, toy.start(), frame, drawing, names, **({"seed": 1} | options))


def named(count: int) -> list[bytes]:
    return [b"sentence %d" % number for number in range(count)]


# --- enumeration ------------------------------------------------------------------------------------------------------


def shares(row: Sequence[float], drawing: Drawing, excluded: Sequence[int] = ()) -> list[float]:
    """What each symbol is drawn with, in plain Python: temperature, then top_k, then top_p."""
    powers = [
        0.0 if symbol in excluded else math.exp(value) ** (1 / drawing.temperature) for symbol, value in enumerate(row)
    ]
    order = sorted(range(len(row)), key=lambda symbol: (symbol in excluded, -row[symbol], symbol))
    order = order[: drawing.top_k]
    whole, kept, together = sum(powers[symbol] for symbol in order), [], 0.0
    for symbol in order:
        kept.append(symbol)
        together += powers[symbol] / whole
        if drawing.top_p is not None and together >= drawing.top_p:
            break
    whole = sum(powers[symbol] for symbol in kept)
    return [powers[symbol] / whole if symbol in kept else 0.0 for symbol in range(len(row))]


def outcomes(toy: Toy, drawing: Drawing, limit: int, minimum: int, forbidden: Sequence[int]) -> dict:
    """Every answer that can be drawn, with its probability."""
    found: dict[tuple[tuple[int, ...], bool], float] = {}
    waiting = [((), 1.0)]
    while waiting:
        said, share = waiting.pop()
        row = toy.scores(torch.tensor([0]), torch.tensor([[FIRST, *said]]))[0].tolist()
        excluded = {*forbidden, *([LAST] if len(said) < minimum else [])}
        for symbol, one in enumerate(shares(row, drawing, tuple(excluded))):
            if symbol == LAST:
                found[said, True] = share * one
            elif len(said) < limit and one:
                waiting.append(((*said, symbol), share * one))
            elif one:
                found[said, False] = found.get((said, False), 0.0) + share * one
    return {outcome: share for outcome, share in found.items() if share}


@pytest.mark.parametrize("drawing", DRAWINGS, ids=str)
@pytest.mark.parametrize(("minimum", "forbidden"), [(0, ()), (1, (2,))])
def test_frequencies_are_those_of_the_truncated_distribution(
    drawing: Drawing, minimum: int, forbidden: tuple[int, ...]
) -> None:
    toy, limit, count = Toy([7.0], 4), 2, 4000
    expected = outcomes(toy, drawing, limit, minimum, forbidden)
    assert sum(expected.values()) == pytest.approx(1)
    found = Counter(map(plain, drawn(toy, bounds([limit], minimum, forbidden), drawing, named(1), count=count)[0]))
    assert set(found) <= set(expected)
    common = {outcome: share * count for outcome, share in expected.items() if share * count >= 5}
    rare = count - sum(common.values())
    squares = sum((found[outcome] - times) ** 2 / times for outcome, times in common.items())
    if rare >= 5:
        squares += (count - sum(found[outcome] for outcome in common) - rare) ** 2 / rare
    free = max(1, len(common) + (rare >= 5) - 1)
    most = free * (1 - 2 / (9 * free) + 3.1 * math.sqrt(2 / (9 * free))) ** 3  # one in a thousand has more
    assert squares < most


@settings(max_examples=60, deadline=None)
@given(
    row=st.lists(st.integers(-24, 0).map(lambda quarters: quarters / 4), min_size=1, max_size=7),
    drawing=st.builds(
        Drawing, st.sampled_from([0.4, 1.0, 2.5]), st.none() | st.integers(1, 8), st.none() | st.floats(0.05, 1)
    ),
)
def test_the_cuts_are_made_in_their_order(row: list[float], drawing: Drawing) -> None:
    weights = drawing.weights(torch.tensor([row], dtype=torch.float64))[0]
    expected = shares(row, drawing)
    assert (weights / weights.sum()).tolist() == pytest.approx(expected, abs=1e-9)


def test_temperature_comes_before_the_nucleus_and_top_k_between() -> None:
    row = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).double().log()
    kept = [
        int((Drawing(temperature, k, p).weights(row) > 0).sum())
        for temperature, k, p in (
            (1, None, 0.79),
            (10, None, 0.79),
            (0.1, None, 0.79),
            (1, 2, 0.62),
            (1, None, 0.62),
            (1, 2, None),
            (1, 9, 1),
        )
    ]
    assert kept == [2, 4, 1, 1, 2, 2, 4]


# --- greedy -----------------------------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.integers(2, 6), coarse=st.booleans(), minimum=st.integers(0, 3))
def test_the_likeliest_alone_is_greedy(seed: int, size: int, coarse: bool, minimum: int) -> None:
    toy, frame = Toy([seed + i for i in range(4)], size, coarse), bounds([5, 1, 0, 9], minimum)
    direct = greedy(toy, toy.start(), frame)
    for drawing in (Drawing(top_k=1), Drawing(5.0, 1, 0.5), Drawing(0), Drawing(0, 4, 0.9), Drawing(top_p=1e-9)):
        for answers, wanted in zip(drawn(toy, frame, drawing, named(4), count=2), direct, strict=True):
            assert answers == [wanted, wanted]
            assert all(torch.equal(answer.trace, wanted.trace) for answer in answers)
    if not coarse:  # where nothing is as likely as the likeliest
        cold = drawn(toy, frame, Drawing(1e-9), named(4))
        assert [answers[0] for answers in cold] == direct


# --- what an answer says of itself ------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 5), ranked=st.booleans(), limit=st.integers(0, 6))
def test_what_an_answer_says_of_itself_is_what_the_model_says(seed: int, count: int, ranked: bool, limit: int) -> None:
    toy = Toy([seed, seed + 1, seed + 2], 4)
    frame = bounds([limit, limit + 1, limit], min(limit, 1), (2,))
    found = drawn(toy, frame, Drawing(2.0, 3, 0.95), named(3), count=count, ranked=ranked, seed=seed)
    for place, answers in enumerate(found):
        assert len(answers) == count
        for answer in answers:
            said = (*answer.symbols, LAST) if answer.finished else answer.symbols
            values, trace = forced(toy, place, said)
            assert answer.log_probabilities == pytest.approx(values)
            assert answer.score == answer.log_probability == pytest.approx(sum(values))
            assert torch.allclose(answer.trace, trace.float())
            assert len(answer.symbols) <= limit + (place == 1)
            assert 2 not in answer.symbols
            assert len(answer.symbols) >= min(limit, 1)
        if ranked:
            order = [(not answer.finished, -answer.score) for answer in answers]
            assert order == sorted(order)


def test_ranked_answers_are_those_that_were_drawn() -> None:
    toy = Toy([3.0, 9.0], 5)
    as_drawn, ranked = (
        drawn(toy, bounds([4, 4]), Drawing(2.0), named(2), count=9, ranked=ranked) for ranked in (False, True)
    )
    for one, other in zip(as_drawn, ranked, strict=True):
        assert one != other
        assert sorted(map(plain, one)) == sorted(map(plain, other))


# --- neighbours -------------------------------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None)
@given(order=st.permutations(range(5)), seed=st.integers(0, 1000), count=st.integers(1, 3))
def test_what_is_drawn_depends_on_no_neighbour_nor_order(order: list[int], seed: int, count: int) -> None:
    seeds, limits, names = [float(seed + i) for i in range(5)], [7, 3, 5, 1, 6], named(5)
    drawing, options = Drawing(1.5, 3, 0.97), {"count": count, "seed": seed}
    for poison in ((), (order[0], order[3])):
        together = Toy([seeds[i] for i in order], 4, False, [order.index(i) for i in poison])
        mixed = drawn(together, bounds([limits[i] for i in order]), drawing, [names[i] for i in order], **options)
        for place, i in enumerate(order):
            if i in poison:
                assert [plain(answer) for answer in mixed[place]] == [((), False)] * count
                continue
            alone = Toy([seeds[i]], 4)
            expected = drawn(alone, bounds([limits[i]]), drawing, [names[i]], **options)[0]
            assert [plain(answer) for answer in mixed[place]] == [plain(answer) for answer in expected]


def test_more_answers_begin_with_those_that_fewer_are() -> None:
    toy = Toy([3.0, 4.0], 5)
    few, many = (drawn(toy, bounds([6, 6]), Drawing(), named(2), count=n, ranked=False) for n in (2, 7))
    assert [answers[:2] for answers in many] == few
    assert len(set(map(plain, many[0]))) > 3


def test_name_seed_and_number_each_change_what_is_drawn() -> None:
    toy = Toy([3.0, 3.0, 3.0], 6)
    frame = bounds([9, 9, 9], 9)
    one, other, again = (answers[0].symbols for answers in drawn(toy, frame, Drawing(4.0), [b"a", b"b", b"a"]))
    assert one == again != other
    assert drawn(toy, frame, Drawing(4.0), [b"a"] * 3, seed=2)[0][0].symbols != one
    assert len({answer.symbols for answer in drawn(toy, frame, Drawing(4.0), [b"a"] * 3, count=5)[0]}) == 5


def test_uniform_numbers_are_named_and_spread_evenly() -> None:
    named_by = [(1, b"a", 0, 0), (2, b"a", 0, 0), (1, b"b", 0, 0), (1, b"a", 1, 0), (1, b"a", 0, 1)]
    assert len({tuple(uniforms(*name)) for name in named_by}) == len(named_by)
    found = np.concatenate([uniforms(5, b"x", number, 0) for number in range(400)])
    assert found.min() >= 0
    assert found.max() < 1
    counts = np.histogram(found, bins=20, range=(0, 1))[0]
    assert ((counts - len(found) / 20) ** 2).sum() / (len(found) / 20) < 44  # one in a thousand has more


def test_every_step_has_a_number_of_its_own() -> None:
    step = Steady([0.0, 0.0, 0.5, 0.5])
    answer = sample(step, step.start(), bounds([3 * BLOCK], 3 * BLOCK), Drawing(), [b"a"], seed=1)[0][0]
    said = [symbol - 2 for symbol in answer.symbols]
    expected = np.concatenate([uniforms(1, b"a", 0, block) for block in range(3)])
    assert said == [int(number >= 0.5) for number in expected]


class Steady(Fixed):
    """A step that always says the same."""

    def __init__(self, shares: list[float]) -> None:
        super().__init__({(): shares})

    def __call__(self, state, symbols):
        row = [math.log(share) if share else -math.inf for share in self.table[()]]
        return state, torch.tensor([row] * len(symbols)), None


# --- ends -------------------------------------------------------------------------------------------------------------


def test_an_answer_without_a_next_symbol_is_cut_there() -> None:
    step = Fixed({(): [0.0, 0.0, 1.0, 0.0], (2,): [0.0, 0.0, 0.0, 1.0]})
    answers = sample(step, step.start(), bounds([9]), Drawing(), [b"a"], seed=1, count=2)[0]
    assert [plain(answer) for answer in answers] == [((2, 3), False)] * 2
    assert answers[0].log_probabilities == (0.0, 0.0)
    nothing = Fixed({(): [math.nan] * 3})
    assert plain(sample(nothing, nothing.start(), bounds([4]), Drawing(), [b"a"], seed=1)[0][0]) == ((), False)


def test_answers_of_one_sentence_end_at_their_own_time() -> None:
    toy = Toy([5.0, 6.0], 3)
    found = drawn(toy, bounds([8, 0]), Drawing(), named(2), count=30)
    assert len({len(answer.symbols) for answer in found[0]}) > 3
    assert {len(answer.symbols) for answer in found[1]} == {0}
    assert toy.calls[0] == 2  # they share a row
    assert set(toy.calls[1:]) == {30}  # the sentence that may say nothing is gone


def test_the_rounded_end_of_the_line_is_no_symbol_of_its_own(monkeypatch) -> None:
    monkeypatch.setattr(sys.modules["melisma.search.sample"], "uniforms", lambda *_: np.full(BLOCK, 1.0))
    step = Steady([0.0, 0.0, 1.0, 0.0])
    assert sample(step, step.start(), bounds([3], 3), Drawing(), [b"a"], seed=1)[0][0].symbols == (2, 2, 2)
    monkeypatch.setattr(sys.modules["melisma.search.sample"], "uniforms", lambda *_: np.zeros(BLOCK))
    assert sample(step, step.start(), bounds([3], 3), Drawing(), [b"a"], seed=1)[0][0].symbols == (2, 2, 2)


def test_the_rows_are_left_as_they_are() -> None:
    rows = torch.tensor([[-1.0, -2.0, math.nan, math.inf]], dtype=torch.float64)
    before = rows.clone()
    weights = Drawing(0.7, 3, 0.9).weights(rows, (0,))
    assert torch.equal(rows.nan_to_num(9.0), before.nan_to_num(9.0))
    assert weights.tolist() == [[0.0, 1.0, 0.0, 0.0]]


def test_bad_drawings_are_refused() -> None:
    toy = Toy([1.0])
    for wrong, said in itertools.chain(
        (({"temperature": value}, "temperature is") for value in (-0.1, math.inf, math.nan)),
        [({"top_k": 0}, "top_k is 0"), ({"top_p": 0.0}, r"top_p is 0\.0"), ({"top_p": 1.1}, r"top_p is 1\.1")],
    ):
        with pytest.raises(Refusal, match=said):
            Drawing(**wrong)
    with pytest.raises(Refusal, match="count is 0"):
        drawn(toy, bounds([3]), Drawing(), named(1), count=0)
    with pytest.raises(ValueError, match="2 names for 1 sentences"):
        drawn(toy, bounds([3]), Drawing(), named(2))
    assert drawn(Toy([]), bounds([]), Drawing(), []) == []
