"""Laws of constraints: an automaton is the grammar it is made of, and a search under one finds the best it allows."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from melisma.errors import Refusal
from melisma.search import Constraint, PrefixBeam, any_number, exactly_one
from melisma.search.constraints import Choice, Filler, Grammar, Phrase, Repeat, Series

WORDS = [(1, 2), (1, 2, 3), (3,), (2, 2)]
SEPARATOR = 4


def drawn(seed: int, path: Sequence[int], peak: float, symbols: int = 5) -> NDArray[np.float32]:
    logits = np.random.default_rng(seed).normal(size=(len(path), symbols))
    logits[np.arange(len(path)), path] += peak
    return (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32)


@lru_cache(maxsize=100_000)
def cost(grammar: Grammar, symbols: tuple[int, ...]) -> float:
    """What the cheapest way through a grammar pays, by its definition: all ways to share the symbols out."""
    match grammar:
        case Phrase():
            return 0.0 if grammar.symbols == symbols else math.inf
        case Choice():
            return min(cost(part, symbols) for part in grammar.parts)
        case Filler():
            return grammar.penalty * len(symbols)
        case Series():
            if not grammar.parts:
                return 0.0 if not symbols else math.inf
            rest = Series(grammar.parts[1:])
            cuts = range(len(symbols) + 1)
            return min(cost(grammar.parts[0], symbols[:cut]) + cost(rest, symbols[cut:]) for cut in cuts)
        case Repeat():
            most = max(len(symbols) + 1, grammar.least) + 1  # empty parts may stand on both sides of separators
            between: tuple[Grammar, ...] = (Phrase(grammar.separator),) if grammar.separator else ()
            rows = (
                Series(
                    tuple(part for n in range(count) for part in ((*between, grammar.part) if n else (grammar.part,)))
                )
                for count in range(grammar.least, most)
            )
            return min(cost(row, symbols) for row in rows)


def added(constraint: Constraint, symbols: Iterable[int]) -> float:
    state, total = constraint.start(), 0.0
    for symbol in symbols:
        state, more = constraint.score(state, symbol)
        if more == -math.inf:
            return -math.inf
        total += more
    return total + constraint.end(state)


PHRASES = st.lists(st.integers(1, 3), min_size=1, max_size=3).map(lambda symbols: Phrase(tuple(symbols)))
PARTS = st.recursive(
    PHRASES | st.builds(Filler, st.sampled_from([0.0, 0.5, 2.0])),
    lambda part: st.one_of(
        st.builds(Choice, st.lists(part, min_size=1, max_size=3).map(tuple)),
        st.builds(Series, st.lists(part, max_size=2).map(tuple)),
        st.builds(Repeat, part, st.sampled_from([(), (3,), (1, 3)]), st.integers(0, 2)),
    ),
    max_leaves=4,
)


@settings(deadline=None, max_examples=100)
@given(PARTS, st.lists(st.integers(1, 3), max_size=4).map(tuple))
def test_the_automaton_is_the_grammar(grammar: Grammar, symbols: tuple[int, ...]) -> None:
    assert added(Constraint(grammar), symbols) == pytest.approx(-cost(grammar, symbols))


@pytest.mark.parametrize(
    ("grammar", "symbols", "wanted"),
    [
        (exactly_one(WORDS), (1, 2), 0.0),
        (exactly_one(WORDS), (1,), -math.inf),
        (exactly_one(WORDS), (1, 2, 1), -math.inf),
        (exactly_one(WORDS), (), -math.inf),
        (exactly_one(WORDS, 0.5), (), 0.0),
        (exactly_one(WORDS, 0.5), (1, 2, 1), -1.5),
        (any_number(WORDS, SEPARATOR), (), 0.0),
        (any_number(WORDS, SEPARATOR), (3, 4, 1, 2, 3, 4, 3), 0.0),
        (any_number(WORDS, SEPARATOR), (3, 4), -math.inf),
        (any_number(WORDS, SEPARATOR), (3, 3), -math.inf),
        (any_number(WORDS, None), (3, 3, 1, 2), 0.0),
        (any_number(WORDS, SEPARATOR, 0.5), (3, 4, 1, 4, 2, 2), -0.5),
    ],
)
def test_lists_of_words_take_what_they_say(grammar: Grammar, symbols: tuple[int, ...], wanted: float) -> None:
    assert added(Constraint(grammar), symbols) == wanted


@pytest.mark.parametrize(
    ("grammar", "symbols", "wanted"),
    [
        (exactly_one(WORDS, 0.5), (1, 2, 3), ((1, 2, 3),)),
        (exactly_one(WORDS, 0.5), (1, 3), ()),
        (exactly_one(WORDS, 0.0), (3,), ((3,),)),
        (any_number(WORDS, SEPARATOR), (3, 4, 1, 2, 4, 3), ((3,), (1, 2), (3,))),
        (any_number(WORDS, SEPARATOR, 0.5), (3, 4, 1, 1, 4, 2, 2), ((3,), (2, 2))),
        (Series((Filler(1.0), Phrase((1, 2)), Filler(1.0))), (3, 1, 2, 2), ((1, 2),)),
        (exactly_one(WORDS), (1, 1), None),
    ],
)
def test_the_phrases_of_an_answer_are_told(grammar: Grammar, symbols: tuple[int, ...], wanted: Any) -> None:
    assert Constraint(grammar).phrases(symbols) == wanted


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.lists(st.integers(0, 4), min_size=3, max_size=5), st.sampled_from([0.0, 3.0, 12.0]))
def test_a_search_finds_the_best_that_is_allowed(seed: int, path: list[int], peak: float) -> None:
    frames, constraint = drawn(seed, path, peak), Constraint(exactly_one(WORDS, 1.3))
    sums: dict[tuple[int, ...], float] = {}
    for one in itertools.product(range(5), repeat=len(path)):
        answer = tuple(symbol for symbol, _ in itertools.groupby(one) if symbol)
        value = sum(float(frames[t, symbol]) for t, symbol in enumerate(one))
        sums[answer] = float(np.logaddexp(sums.get(answer, -math.inf), value))
    scores = {answer: value + added(constraint, answer) for answer, value in sums.items()}
    search = PrefixBeam(5, 200, constraint=constraint)
    found = search.finish(search.feed(search.start(), frames))[0]
    assert found.symbols == max(scores, key=scores.__getitem__)
    assert found.score == pytest.approx(max(scores.values()), abs=1e-6)


def test_a_closed_list_answers_with_its_words_alone_and_noise_is_none_of_them() -> None:
    closed, open_list = Constraint(exactly_one(WORDS)), Constraint(exactly_one(WORDS, 1.0))
    clear, noise = drawn(1, [0, 2, 2, 0, 2, 0], 9.0), drawn(2, [1, 3, 0, 1, 4, 4], 9.0)
    for frames, forced, free in ((clear, ((2, 2),), ((2, 2),)), (noise, ((1, 2),), ())):
        for constraint, wanted in ((closed, forced), (open_list, free)):
            search = PrefixBeam(5, 16, constraint=constraint)
            best = search.finish(search.feed(search.start(), frames))[0]
            assert constraint.phrases(best.symbols) == wanted


def test_silence_is_no_word() -> None:
    silence = np.tile(np.array([-1e-6, -20, -20, -20, -20], np.float32), (8, 1))
    for filler, wanted in ((0.5, ()), (None, (3,))):
        search = PrefixBeam(5, 4, constraint=Constraint(exactly_one(WORDS, filler)))
        assert search.finish(search.feed(search.start(), silence))[0].symbols == wanted


def test_a_grammar_that_nothing_can_be_said_in_finds_nothing() -> None:
    search = PrefixBeam(5, 4, constraint=Constraint(exactly_one([(1, 1, 1)])))
    assert search.finish(search.feed(search.start(), drawn(1, [1, 0, 1, 0], 3.0))) == []


def test_a_stream_that_never_ends_takes_no_more_memory() -> None:
    constraint = Constraint(any_number(WORDS, SEPARATOR, 0.3))
    state = constraint.start()
    for symbol in np.random.default_rng(1).integers(1, 5, 3000).tolist():
        state, _ = constraint.score(state, symbol)
    assert len(state) < 40


@pytest.mark.parametrize(
    ("grammar", "words"),
    [
        (exactly_one([]), "no parts"),
        (exactly_one([(1, 2), ()]), "phrase 2 is empty"),
        (exactly_one([(1, 0)]), "phrase 1 holds 0"),
        (exactly_one([(1,)], -0.5), "penalty is -0.5"),
        (exactly_one([(1,)], math.nan), "penalty is nan"),
        (Repeat(Phrase((1,)), least=-1), "least is -1"),
    ],
)
def test_grammars_that_make_no_sense_are_refused(grammar: Grammar, words: str) -> None:
    with pytest.raises(Refusal, match=words):
        Constraint(grammar)
