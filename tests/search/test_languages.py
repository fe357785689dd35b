"""Laws of what is added to frames: weights, words and hot words are functions of the whole answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.baselines.ngram import KneserNey
from melisma.errors import Refusal
from melisma.search import HotWords, PrefixBeam, Weighted, Words
from melisma.search.language import Together, greatest

LETTERS = KneserNey.of([[1, 2, 3], [1, 1, 2], [3, 2]], 3, range(1, 5))
WORDS = KneserNey.of([["ab", "c"], ["c", "ab", "ab"], ["abb", "c"]], 2)
SPELLINGS = {(1, 2): "ab", (3,): "c", (1, 2, 2): "abb", (2, 2): "bb"}
BREAK = 4


def steps(language: Any, symbols: Sequence[int]) -> list[float]:
    """What each symbol adds, and last the end."""
    state, found = language.start(), []
    for symbol in symbols:
        state, more = language.score(state, symbol)
        found.append(more)
    return [*found, language.end(state)]


def check_shortcuts(language: Any, symbols: Sequence[int]) -> None:
    """No step adds more than its symbol does at most, and what stands ready is what single steps add."""
    state = language.start()
    for symbol in symbols:
        for one, more in getattr(language, "row", lambda state: {})(state).items():
            assert more == language.score(state, one)[1]
        state, more = language.score(state, symbol)
        assert more <= greatest(language, symbol) + 1e-9


SYMBOLS = st.lists(st.integers(1, 4), max_size=12)


@given(SYMBOLS, st.floats(-1, 2), st.floats(-1, 2))
def test_a_weighted_model_is_its_share_and_the_bonus_of_each_symbol(
    symbols: list[int], weight: float, insertion: float
) -> None:
    language = Weighted(LETTERS, weight, insertion)
    wanted = weight * LETTERS.log_probability(symbols) + insertion * len(symbols)
    assert sum(steps(language, symbols)) == pytest.approx(wanted)
    check_shortcuts(language, symbols)


@given(SYMBOLS)
def test_several_languages_add_up(symbols: list[int]) -> None:
    parts = [Weighted(LETTERS, 0.5, 1.0), HotWords([(1, 2)])]
    assert sum(steps(Together(parts), symbols)) == pytest.approx(sum(sum(steps(part, symbols)) for part in parts))
    assert [greatest(Together(parts), symbol) for symbol in range(1, 5)] == [1.0 + 1.5, 1.0 + 1.5 + 3.0, 1.0, 1.0]
    assert greatest(LETTERS, 1) == 0


# --- words ------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(SYMBOLS)
def test_words_are_scored_where_they_end(symbols: list[int]) -> None:
    language = Words(WORDS, SPELLINGS, separators=[BREAK], weight=0.7, insertion=1.5, unknown=-4.0)
    text = "".join(map(str, symbols)).replace(str(BREAK), " ").split()
    words = [SPELLINGS.get(tuple(map(int, word))) for word in text]
    wanted = sum(1.5 - 4.0 * (word is None) for word in words) + 0.7 * WORDS.log_probability(words)
    assert sum(steps(language, symbols)) == pytest.approx(wanted)
    check_shortcuts(language, symbols)


def test_what_symbols_within_words_add_stands_ready() -> None:
    language = Words(WORDS, SPELLINGS, separators=[BREAK], unknown=-4.0)
    inside, outside = (language.score(language.start(), symbol)[0] for symbol in (1, 4))
    assert language.row(language.start()) == {1: 0.0, 2: 0.0, 3: 0.0}
    assert language.row(inside) == {1: -4.0, 2: 0.0, 3: -4.0}
    assert language.row(language.score(inside, 3)[0]) == {1: 0.0, 2: 0.0, 3: 0.0}
    large = Words(WORDS, {(number,): "c" for number in range(1, 99)}, separators=[BREAK])
    assert set(large.row(large.start())) == set(range(1, 99)) - {BREAK}
    assert large.row(large.score(large.start(), 7)[0]) == {}
    assert outside == language.start()


def test_a_word_that_no_known_one_begins_like_is_unknown_at_once() -> None:
    language = Words(WORDS, SPELLINGS, separators=[BREAK], weight=0.7, unknown=-4.0)
    assert steps(language, (1, 3, 3))[:3] == [0.0, -4.0, 0.0]
    assert steps(language, (1, 2, 2, BREAK))[:3] == [0.0, 0.0, 0.0]
    assert steps(language, (1, BREAK))[1] == pytest.approx(0.7 * WORDS.score(WORDS.start(), None)[1] - 4.0)
    assert steps(language, (BREAK, BREAK))[:2] == [0.0, 0.0]


def test_a_symbol_may_begin_a_word_that_it_belongs_to() -> None:
    marked = Words(WORDS, {(3,): "c", (1, 2): "ab", (1, 2, 2): "abb"}, beginnings=[1, 3], insertion=1.0)
    parted = Words(WORDS, SPELLINGS, separators=[BREAK], insertion=1.0)
    assert sum(steps(marked, (1, 2, 2, 3, 1, 2))) == pytest.approx(sum(steps(parted, (1, 2, 2, 4, 3, 4, 1, 2))))


def test_a_search_with_words_prefers_what_is_said() -> None:
    frames = np.full((5, 5), -9.0, np.float32)
    frames[[0, 2, 3, 4], [1, 4, 3, 0]] = -0.01
    frames[1, [2, 3]] = -0.8, -0.6
    alone = PrefixBeam(5, 8)
    assert alone.finish(alone.feed(alone.start(), frames))[0].symbols == (1, 3, 4, 3)
    search = PrefixBeam(5, 8, language=Words(WORDS, SPELLINGS, separators=[BREAK]))
    assert search.finish(search.feed(search.start(), frames))[0].symbols == (1, 2, 4, 3)


# --- hot words --------------------------------------------------------------------------------------------------------


def anywhere(phrases: Sequence[tuple[int, ...]], rates: Sequence[float], said: tuple[int, ...], ended: bool) -> float:
    """The sum over all places where a phrase stands, and the most that one has at the end that is not finished."""
    known = dict(reversed([*zip(phrases, rates)]))
    total = 0.0
    for phrase, rate in known.items():
        total += sum(rate * len(phrase) for at in range(len(said)) if said[at : at + len(phrase)] == phrase)
    ahead = [0.0]
    for phrase in known:
        for length in range(1, len(phrase)):
            if said[-length:] == phrase[:length]:
                highest = max(r for p, r in known.items() if p[:length] == phrase[:length])
                inside = [len(p) for p in known if phrase[:length][: len(p)] == p]
                ahead.append(highest * (length - max(inside, default=0)))
    return total + (0.0 if ended else max(ahead))


def parted(phrases: Sequence[tuple[int, ...]], rates: Sequence[float], said: tuple[int, ...]) -> float:
    """The sum over all places where a phrase stands as whole words."""
    known = dict(reversed([*zip(phrases, rates)]))
    whole = (BREAK, *said, BREAK)
    return sum(
        rate * len(phrase)
        for phrase, rate in known.items()
        for at in range(len(whole))
        if whole[at : at + len(phrase) + 2] == (BREAK, *phrase, BREAK)
    )


LISTS = st.lists(
    st.tuples(st.lists(st.integers(1, 3), min_size=1, max_size=4).map(tuple), st.sampled_from([0.5, 1.0, 2.0])),
    min_size=1,
    max_size=4,
)


@settings(deadline=None, max_examples=100)
@given(LISTS, st.lists(st.integers(1, 3), max_size=9))
def test_hot_words_count_where_they_stand_and_are_taken_back_where_they_do_not(
    rated: list[tuple[tuple[int, ...], float]], symbols: list[int]
) -> None:
    phrases, rates = [phrase for phrase, _ in rated], [rate for _, rate in rated]
    language = HotWords(phrases, rates)
    found = steps(language, symbols)
    for length in range(len(symbols) + 1):
        said = tuple(symbols[:length])
        assert sum(found[:length]) == pytest.approx(anywhere(phrases, rates, said, False))
    assert sum(found) == pytest.approx(anywhere(phrases, rates, tuple(symbols), True))
    check_shortcuts(language, symbols)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.lists(st.sampled_from([1, 2, BREAK]), min_size=1, max_size=4).map(tuple), min_size=1, max_size=4),
    st.lists(st.sampled_from([1, 2, BREAK]), max_size=9),
)
def test_hot_words_with_separators_are_whole_words(phrases: list[tuple[int, ...]], symbols: list[int]) -> None:
    language = HotWords(phrases, 1.5, [BREAK])
    found = steps(language, symbols)
    wanted = parted(phrases, [1.5] * len(phrases), tuple(symbols))
    assert sum(found) == pytest.approx(wanted)
    check_shortcuts(language, symbols)
    assert sum(found[:-1]) >= wanted - found[-1] - 1e-9


def test_a_hot_word_is_heard_and_its_beginning_is_not_enough() -> None:
    frames = np.full((4, 5), -9.0, np.float32)
    frames[[0, 1, 3], [1, 2, 0]] = -0.01
    frames[2, [3, 1]] = -1.2, -0.4
    for phrase, wanted in (((1, 2, 3), (1, 2, 3)), ((1, 2, 4), (1, 2, 1)), ((4, 4), (1, 2, 1))):
        search = PrefixBeam(5, 8, hot=HotWords([phrase], 1.0))
        best = search.finish(search.feed(search.start(), frames))[0]
        assert best.symbols == wanted
        assert best.score - best.log_probability == pytest.approx(3.0 if phrase == wanted else 0.0)


def test_words_without_a_spelling_are_not_preferred() -> None:
    with pytest.raises(Refusal, match=r"unknown is 1\.0"):
        Words(WORDS, SPELLINGS, unknown=1.0)


@pytest.mark.parametrize(
    ("phrases", "bonus", "words"),
    [
        ([(1,), ()], 1.0, "phrase 2 is empty"),
        ([(1, -1)], 1.0, "phrase 1 holds -1"),
        ([(1,)], 0.0, "bonus is 0.0"),
        ([(1,)], math.inf, "bonus is inf"),
        ([(1,)], [1.0, 2.0], "1 hot words and 2 bonuses"),
    ],
)
def test_hot_words_that_make_no_sense_are_refused(phrases: Any, bonus: Any, words: str) -> None:
    with pytest.raises(Refusal, match=words):
        HotWords(phrases, bonus)
