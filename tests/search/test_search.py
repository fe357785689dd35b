"""Laws of greedy and beam search, on steps whose log-probabilities depend on all that was said."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from melisma.errors import Refusal
from melisma.search import Bounds, Hypothesis, Ranking, beam, greedy
from melisma.search.history import History

FIRST, LAST = 0, 1
ATTENDED = 3


class Said(NamedTuple):
    """What a row has been fed, with its sentence: the search must hand both on together."""

    sentence: Tensor  # (R,)
    history: Tensor  # (R, n)
    note: str | None = "carried along"


def noise(seeds: Tensor, history: Tensor, count: int, salt: float) -> Tensor:
    """Pseudo-random numbers in [0, 1) that depend on the sentence's seed and everything said: (R, count)."""
    code = seeds.double() * 12.9898 + salt
    for t in range(history.shape[1]):
        code = (code + history[:, t].double() * 78.233 + 0.7) * 1.6180339887 % 97.0
    grid = code[:, None] + torch.arange(count, dtype=torch.float64) * 37.719
    return (grid.sin() * 43758.5453).remainder(1.0)


class Toy:
    """A step over V symbols; the trace of sentence s spans extent[s] positions. ``coarse`` makes many exact ties."""

    def __init__(self, seeds: Sequence[float], size: int = 3, coarse: bool = False, poison: Sequence[int] = ()) -> None:
        self.seeds = torch.tensor(seeds, dtype=torch.float64)
        self.here = torch.arange(len(seeds))
        self.extents = torch.tensor([1 + int(seed) % ATTENDED for seed in seeds], dtype=torch.int64)
        self.size, self.coarse, self.poison = size, coarse, set(poison)
        self.calls: list[int] = []

    @property
    def extent(self) -> Tensor:
        return self.extents[self.here]

    def start(self) -> Said:
        return Said(self.here.clone(), torch.zeros(len(self.here), 0, dtype=torch.int64))

    def __call__(self, state: Said, symbols: Tensor) -> tuple[Said, Tensor, Tensor]:
        rows, sentences = len(symbols), len(self.here)
        assert rows % sentences == 0
        assert torch.equal(state.sentence, self.here.repeat_interleave(rows // sentences))
        assert state.note == "carried along"
        self.calls.append(rows)
        history = torch.cat((state.history, symbols[:, None]), 1)
        return Said(state.sentence, history), self.scores(state.sentence, history), self.looks(state.sentence, history)

    def scores(self, sentence: Tensor, history: Tensor) -> Tensor:
        drawn = noise(self.seeds[sentence], history, self.size, 0.1)
        logits = (drawn * 3).floor() if self.coarse else drawn * 4
        result = logits.log_softmax(1)
        for stranger in self.poison:
            result[sentence == stranger] = math.nan
        return result

    def looks(self, sentence: Tensor, history: Tensor) -> Tensor:
        widest = int(self.extent.max())
        logits = 3 * noise(self.seeds[sentence], history, ATTENDED, 0.2)[:, :widest]
        unreal = torch.arange(widest) >= self.extents[sentence][:, None]
        result = logits.masked_fill(unreal, -torch.inf).softmax(1).masked_fill(unreal, math.nan)
        for stranger in self.poison:
            result[sentence == stranger] = math.nan
        return result

    def keep(self, sentences: Tensor) -> Toy:
        fewer = type(self).__new__(type(self))
        fewer.__dict__ = dict(self.__dict__, here=self.here[sentences])
        return fewer


def bounds(limits: Sequence[int], minimum: int = 0, forbidden: Sequence[int] = (), *, traced: bool = True) -> Bounds:
    return Bounds(FIRST, LAST, torch.tensor(limits, dtype=torch.int64), minimum, forbidden, traced)


def forced(toy: Toy, sentence: int, symbols: Sequence[int]) -> tuple[list[float], Tensor]:
    """The log-probabilities of given symbols and what was looked at, one by one, without any search."""
    who, history = torch.tensor([sentence]), torch.tensor([[FIRST, *symbols]])
    steps = range(1, len(symbols) + 1)
    scores = [float(toy.scores(who, history[:, :t])[0, symbols[t - 1]]) for t in steps]
    traces = [toy.looks(who, history[:, :t])[0, : toy.extents[sentence]] for t in steps]
    return scores, torch.stack(traces) if traces else torch.zeros(0, int(toy.extents[sentence]))


def score(toy: Toy, sentence: int, symbols: Sequence[int], alpha: float, beta: float) -> float:
    """Wu et al. 2016, eq. 14, in plain Python."""
    values, trace = forced(toy, sentence, symbols)
    result = sum(values) / ((5 + len(symbols)) / 6) ** alpha
    for j in range(trace.shape[1]):
        result += beta * math.log(min(float(trace[:, j].sum()), 1.0))
    return result


def sentences_of(size: int, limit: int, minimum: int = 0, forbidden: Sequence[int] = ()) -> Iterator[tuple[int, ...]]:
    """All answers that have at most ``limit`` symbols before their end."""
    alphabet = [symbol for symbol in range(size) if symbol != LAST and symbol not in forbidden]
    for length in range(minimum, limit + 1):
        for symbols in itertools.product(alphabet, repeat=length):
            yield (*symbols, LAST)


def plain(answer: Hypothesis) -> tuple[tuple[int, ...], bool]:
    return answer.symbols, answer.finished


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    alpha=st.sampled_from([0.0, 0.6, 1.0, 2.5]),
    beta=st.sampled_from([0.0, 0.2, 3.0]),
    best=st.integers(1, 6),
    shape=st.sampled_from([(3, 3, 0, ()), (3, 2, 1, ()), (4, 2, 0, (2,)), (4, 2, 0, ()), (2, 4, 2, ())]),
)
def test_a_full_beam_finds_the_true_best_answers(
    seed: int, alpha: float, beta: float, best: int, shape: tuple[int, int, int, tuple[int, ...]]
) -> None:
    size, limit, minimum, forbidden = shape
    toy = Toy([seed, seed + 1], size)
    limits = [limit, limit - 1]
    found = beam(
        toy,
        toy.start(),
        bounds(limits, minimum, forbidden),
        width=size ** (limit + 1),
        ranking=Ranking(alpha, beta),
        best=best,
    )
    for sentence, answers in enumerate(found):
        possible = list(sentences_of(size, limits[sentence], minimum, forbidden))
        ranked = sorted((score(toy, sentence, symbols, alpha, beta), symbols) for symbols in possible)[::-1][:best]
        finished = [answer for answer in answers if answer.finished]
        assert [answer.symbols for answer in finished] == [symbols[:-1] for _, symbols in ranked]
        assert [answer.score for answer in finished] == pytest.approx([value for value, _ in ranked])
        assert all(not answer.finished for answer in answers[len(ranked) :])
        assert len(answers) == best or len(possible) < best


def textbook(
    toy: Toy, sentence: int, limit: int, width: int, alpha: float, best: int
) -> list[tuple[tuple[int, ...], bool]]:
    """Beam search of one sentence with lists, that never stops before its limit."""
    living: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    finished: list[tuple[float, tuple[int, ...]]] = []
    for step in range(limit + 1):
        candidates = []
        for total, said in living:
            row = toy.scores(torch.tensor([sentence]), torch.tensor([[FIRST, *said]]))[0].tolist()
            candidates += [(total + value, (*said, symbol)) for symbol, value in enumerate(row)]
        candidates.sort(key=lambda candidate: -candidate[0])
        ended = [(total, said) for total, said in candidates[:width] if said[-1] == LAST]
        finished += [(total / ((5 + len(said)) / 6) ** alpha, said[:-1]) for total, said in ended]
        if step == limit:
            living = [(total, said) for total, said in living if all(said != other[:-1] for _, other in ended)]
            break
        living = [candidate for candidate in candidates if candidate[1][-1] != LAST][:width]
    finished.sort(key=lambda answer: -answer[0])
    return ([(said, True) for _, said in finished] + [(said, False) for _, said in living])[:best]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    width=st.integers(1, 6),
    best=st.integers(1, 3),
    alpha=st.sampled_from([0.0, 0.6, 2.0]),
    coarse=st.booleans(),
)
def test_the_beam_is_the_textbook_beam(seed: int, width: int, best: int, alpha: float, coarse: bool) -> None:
    toy, limits, best = Toy([seed, seed + 1], 5, coarse), [6, 3], min(best, width)
    found = beam(toy, toy.start(), bounds(limits), width=width, ranking=Ranking(alpha), best=best)
    for sentence, answers in enumerate(found):
        expected = textbook(toy, sentence, limits[sentence], width, alpha, best)
        assert [plain(answer) for answer in answers] == expected


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), width=st.integers(1, 7), best=st.integers(1, 3), limit=st.integers(1, 7))
def test_what_an_answer_says_of_itself_is_what_the_model_says(seed: int, width: int, best: int, limit: int) -> None:
    toy = Toy([seed, seed + 1, seed + 2], 4)
    ranking = Ranking(0.6, 0.3)
    found = beam(toy, toy.start(), bounds([limit] * 3, 2), width=width, ranking=ranking, best=min(best, width))
    found += [[answer] for answer in greedy(toy, toy.start(), bounds([limit] * 3, 2))]
    for place, answers in enumerate(found):
        for answer in answers:
            said = (*answer.symbols, LAST) if answer.finished else answer.symbols
            values, trace = forced(toy, place % 3, said)
            assert answer.log_probabilities == pytest.approx(values)
            assert answer.log_probability == pytest.approx(sum(values))
            assert answer.trace is not None
            assert answer.trace.shape == trace.shape
            assert torch.allclose(answer.trace, trace.float())
            expected = score(toy, place, said, 0.6, 0.3) if place < 3 else sum(values)
            assert answer.score == pytest.approx(expected)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 6), coarse=st.booleans(), minimum=st.integers(0, 3))
def test_greedy_is_a_beam_of_one(seed: int, size: int, coarse: bool, minimum: int) -> None:
    toy = Toy([seed + i for i in range(4)], max(size, 2), coarse)
    frame = bounds([5, 1, 0, 9], minimum)
    narrow = beam(toy, toy.start(), frame, width=1)
    direct = greedy(toy, toy.start(), frame)
    assert [len(answers) for answers in narrow] == [1] * 4
    assert [plain(answers[0]) for answers in narrow] == [plain(answer) for answer in direct]
    assert [answers[0].score for answers in narrow] == pytest.approx([answer.score for answer in direct])


def test_greedy_takes_the_likeliest_symbol() -> None:
    toy = Toy([3.0, 8.0, 21.0], 5)
    for sentence, answer in enumerate(greedy(toy, toy.start(), bounds([6, 6, 6]))):
        said: list[int] = []
        while len(said) <= 6 and LAST not in said:
            row = toy.scores(torch.tensor([sentence]), torch.tensor([[FIRST, *said]]))[0]
            said.append(max(range(5), key=lambda symbol: float(row[symbol])))
        assert answer.symbols == tuple(symbol for symbol in said if symbol != LAST)[:6]
        assert answer.finished == (LAST in said)


@settings(max_examples=30, deadline=None)
@given(
    order=st.permutations(range(5)),
    seed=st.integers(0, 1000),
    coarse=st.booleans(),
    penalties=st.sampled_from([(0.0, 0.0), (1.0, 0.5)]),
)
def test_an_answer_does_not_depend_on_its_neighbours(
    order: list[int], seed: int, coarse: bool, penalties: tuple[float, float]
) -> None:
    seeds, limits = [float(seed + i) for i in range(5)], [7, 3, 5, 1, 6]
    options = {"width": 3, "best": 2, "ranking": Ranking(*penalties)}
    for poison in ((), (order[0], order[3])):
        together = Toy([seeds[i] for i in order], 4, coarse, [order.index(i) for i in poison])
        frame = bounds([limits[i] for i in order])
        mixed = beam(together, together.start(), frame, **options)
        quick = greedy(together, together.start(), frame)
        for place, i in enumerate(order):
            if i in poison:
                assert plain(mixed[place][0]) == ((), False)
                assert plain(quick[place]) == ((), False)
                continue
            alone = Toy([seeds[i]], 4, coarse)
            expected = beam(alone, alone.start(), bounds([limits[i]]), **options)[0]
            assert [plain(answer) for answer in mixed[place]] == [plain(answer) for answer in expected]
            assert [a.score for a in mixed[place]] == pytest.approx([a.score for a in expected])
            for mine, its in zip(mixed[place], expected, strict=True):
                assert torch.allclose(mine.trace, its.trace)
            assert plain(quick[place]) == plain(greedy(alone, alone.start(), bounds([limits[i]]))[0])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), minimum=st.integers(0, 4), limit=st.integers(0, 6))
def test_limits_are_kept(seed: int, minimum: int, limit: int) -> None:
    toy = Toy([seed, seed + 1], 5)
    frame = bounds([limit, limit + 2], minimum, forbidden=(0, 3))
    answers = [*greedy(toy, toy.start(), frame)]
    for found in beam(toy, toy.start(), frame, width=3, best=3):
        assert found
        answers += found
        if len(found) > 1:
            assert len({plain(answer) for answer in found}) == len(found)
    for answer in answers:
        longest = limit + 2
        assert not {0, 3, LAST} & set(answer.symbols)
        assert len(answer.symbols) <= longest
        assert len(answer.symbols) >= minimum or not answer.finished
    assert {len(answer.symbols) for answer in answers if not answer.finished} <= {limit, limit + 2}


def test_an_answer_as_long_as_its_limit_may_end_and_no_longer_one_is_begun() -> None:
    table = {(): [0.0, 0.0, 1.0], (2,): [0.0, 0.2, 0.8], (2, 2): [0.0, 0.9, 0.1], (2, 2, 2): [0.0, 1.0, 0.0]}
    for limit, expected in ((1, ((2,), False)), (2, ((2, 2), True)), (3, ((2, 2), True))):
        step = Fixed(table)
        answers = (
            greedy(step, step.start(), bounds([limit]))[0],
            beam(step, step.start(), bounds([limit]), width=1)[0][0],
        )
        assert [plain(answer) for answer in answers] == [expected] * 2
        assert [len(answer.log_probabilities) for answer in answers] == [len(expected[0]) + expected[1]] * 2
        assert answers[0].log_probability == pytest.approx(sum(answers[0].log_probabilities))
    found = beam(Fixed(table), Fixed(table).start(), bounds([1]), width=2, best=2)[0]
    assert [plain(answer) for answer in found] == [((2,), True)]  # what has ended is not cut besides


def test_without_a_trace_the_answers_are_the_same_and_none_is_kept() -> None:
    toy, ranking = Toy([3.0, 8.0], 5), Ranking(0.6, 0.4)
    kept, bare = (
        [
            *greedy(toy, toy.start(), bounds([6, 4], traced=traced)),
            *itertools.chain(*beam(toy, toy.start(), bounds([6, 4], traced=traced), width=3, best=2, ranking=ranking)),
        ]
        for traced in (True, False)
    )
    assert kept == bare
    assert all(answer.trace is not None for answer in kept)
    assert all(answer.trace is None for answer in bare)
    history = History(toy.extent, traced=False)
    history.append(toy.here, tuple(torch.zeros(2, 1, dtype=torch.int64) for _ in range(3)), 1, torch.ones(2, 3))
    assert history.steps[0].trace is None


class Fixed:
    """A step whose log-probabilities are given by a table of what was said; no trace."""

    def __init__(self, table: dict[tuple[int, ...], list[float]]) -> None:
        self.table, self.extent, self.asked = table, torch.zeros(1, dtype=torch.int64), 0

    def __call__(self, state: tuple[Tensor], symbols: Tensor) -> tuple[tuple[Tensor], Tensor, None]:
        self.asked += 1
        history = torch.cat((state[0], symbols[:, None]), 1)
        default = [-math.inf] * len(self.table[()])
        rows = [
            [math.log(p) if p > 0 else -math.inf for p in self.table.get(tuple(row[1:]), ())] or default
            for row in history.tolist()
        ]
        return (history,), torch.tensor(rows), None

    def keep(self, sentences: Tensor) -> Fixed:
        raise AssertionError("there is nobody left to keep")

    def start(self) -> tuple[Tensor]:
        return (torch.zeros(1, 0, dtype=torch.int64),)


def test_beam_finds_what_greedy_misses() -> None:
    table = {(): [0.0, 0.0, 0.6, 0.4], (2,): [0.0, 0.4, 0.3, 0.3], (3,): [0.0, 0.9, 0.05, 0.05]}
    short = greedy(Fixed(table), Fixed(table).start(), bounds([3]))[0]
    wide = beam(Fixed(table), Fixed(table).start(), bounds([3]), width=2)[0][0]
    assert (short.symbols, wide.symbols) == ((2,), (3,))
    assert wide.log_probability == pytest.approx(math.log(0.36))
    assert wide.trace is None


def test_the_length_penalty_keeps_the_search_going_until_nothing_can_win() -> None:
    table = {(): [0.0, 0.5, 0.5], (2,): [0.0, 0.0, 1.0], (2, 2): [0.0, 0.0, 1.0], (2, 2, 2): [0.0, 0.9, 0.1]}
    found = {}
    for alpha in (0.0, 1.0):
        step = Fixed(table)
        answer = beam(step, step.start(), bounds([9]), width=2, ranking=Ranking(alpha))[0][0]
        found[alpha] = (answer.symbols, step.asked)
    assert found[0.0] == ((), 1)
    assert found[1.0] == ((2, 2, 2), 4)


def test_finished_answers_leave_and_the_beam_stays_full() -> None:
    toy = Toy([5.0], 6)
    beam(toy, toy.start(), bounds([6]), width=4, best=4)
    assert toy.calls[0] == 1
    assert set(toy.calls[1:]) == {4}


def test_sentences_that_are_done_leave_the_rows() -> None:
    toy = Toy([float(i) for i in range(6)], 3)
    calls = toy.calls
    beam(toy, toy.start(), bounds([0, 1, 2, 3, 4, 5]), width=2)
    assert calls[0] == 6
    assert all(rows <= 2 * (6 - t) for t, rows in enumerate(calls))
    calls.clear()
    greedy(toy, toy.start(), bounds([0, 1, 2, 3, 4, 5]))
    assert all(rows <= 6 - t for t, rows in enumerate(calls))


def test_a_beginning_without_continuation_is_cut_there() -> None:
    table = {(): [0.0, 0.0, 1.0, 0.0], (2,): [0.0, 0.0, 0.0, 1.0]}
    for answers in (
        beam(Fixed(table), Fixed(table).start(), bounds([9]), width=3, best=3)[0],
        greedy(Fixed(table), Fixed(table).start(), bounds([9])),
    ):
        assert [plain(answer) for answer in answers] == [((2, 3), False)]
        assert answers[0].log_probabilities == (0.0, 0.0)


def test_what_was_cut_before_its_time_is_ranked_by_what_it_looked_at() -> None:
    class Mute(Toy):
        def scores(self, sentence: Tensor, history: Tensor) -> Tensor:
            return (
                super().scores(sentence, history) if history.shape[1] < 3 else torch.full((len(sentence), 3), -math.inf)
            )

    toy = Mute([4.0, 5.0])
    for sentence, answers in enumerate(beam(toy, toy.start(), bounds([9, 9], 2), width=2, ranking=Ranking(0.6, 0.5))):
        assert (len(answers[0].symbols), answers[0].finished) == (2, False)
        assert answers[0].score == pytest.approx(score(toy, sentence, answers[0].symbols, 0.6, 0.5))


def test_no_probability_is_nothing_said() -> None:
    step = Fixed({(): [math.nan] * 3})
    assert plain(beam(step, step.start(), bounds([4]), width=2)[0][0]) == ((), False)
    assert plain(greedy(step, step.start(), bounds([4]))[0]) == ((), False)


def test_equal_values_go_to_the_lower_symbol() -> None:
    even = [1 / 8] * 8
    table = {(): even, (0,): even, (2,): even, (3,): even}
    found = beam(Fixed(table), Fixed(table).start(), bounds([2], 1), width=4, best=4)[0]
    assert [answer.symbols for answer in found if answer.finished] == [(0,)]
    assert [answer.symbols for answer in found if not answer.finished] == [(0, 0), (0, 2), (0, 3)]
    assert greedy(Fixed(table), Fixed(table).start(), bounds([2], 2))[0].symbols == (0, 0)


def test_no_sentences_no_answers() -> None:
    toy = Toy([])
    assert beam(toy, toy.start(), bounds([]), width=2) == []
    assert greedy(toy, toy.start(), bounds([])) == []


def test_the_model_is_not_traced_by_autograd_nor_changed() -> None:
    table = torch.zeros(1, 4, requires_grad=True)

    class Constant(Fixed):
        def __call__(self, state: tuple[Tensor], symbols: Tensor) -> tuple[tuple[Tensor], Tensor, None]:
            assert not torch.is_grad_enabled()
            return state, table.expand(len(symbols), 4), None

    step = Constant({(): [0.0]})
    beam(step, step.start(), bounds([3], 1, (0,)), width=2)
    greedy(step, step.start(), bounds([3], 1, (0,)))
    assert torch.equal(table, torch.zeros(1, 4))


def test_bad_settings_are_refused() -> None:
    toy = Toy([1.0])
    with pytest.raises(Refusal, match="width is 0"):
        beam(toy, toy.start(), bounds([3]), width=0)
    with pytest.raises(Refusal, match="best is 4"):
        beam(toy, toy.start(), bounds([3]), width=3, best=4)
    with pytest.raises(Refusal, match=r"length_penalty is -0.5"):
        Ranking(-0.5)
    with pytest.raises(Refusal, match="coverage_penalty is nan"):
        Ranking(0.0, math.nan)
    with pytest.raises(Refusal, match="ends an answer"):
        bounds([3], forbidden=[LAST])
    with pytest.raises(Refusal, match="minimum is -1"):
        bounds([3], minimum=-1)
    with pytest.raises(ValueError, match="limits"):
        greedy(toy, toy.start(), bounds([3, 3]))
    step = Fixed({(): [0.0, 0.5, 0.5]})
    with pytest.raises(Refusal, match="coverage_penalty needs"):
        beam(step, step.start(), bounds([3]), width=2, ranking=Ranking(0.0, 1.0))
