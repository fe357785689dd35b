"""The unigram learner against sums over all cuttings, and against itself."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.text import unigram

word_counts = st.dictionaries(st.text("abc", min_size=1, max_size=7), st.integers(1, 4), min_size=1, max_size=6)
PIECES = ["a", "b", "c", "ab", "bc", "aa", "abc", "cab", "aaa"]
probabilities = st.lists(st.floats(0.01, 1.0), min_size=len(PIECES), max_size=len(PIECES))


def cuttings(word: str) -> list[list[int]]:
    if not word:
        return [[]]
    return [
        [place, *rest]
        for place, piece in enumerate(PIECES)
        if word.startswith(piece)
        for rest in cuttings(word[len(piece) :])
    ]


@given(word_counts, probabilities, st.sets(st.integers(3, 8)))
def test_expected_counts_and_best_cuttings_are_those_of_all_cuttings(
    counts: dict[str, int], chances: list[float], dead: set[int]
) -> None:
    scores = np.log(np.array(chances))
    alive = np.array([place not in dead for place in range(len(PIECES))])
    lattice = unigram._Lattice.of(list(counts), list(counts.values()), PIECES)
    expected, best = np.zeros(len(PIECES)), []
    for word, count in counts.items():
        ways = [way for way in cuttings(word) if not dead.intersection(way)]
        weights = [math.exp(sum(scores[place] for place in way)) for way in ways]
        best.append(math.log(max(weights)))
        for way, weight in zip(ways, weights):
            for place in way:
                expected[place] += count * weight / sum(weights)
    np.testing.assert_allclose(lattice.expected(scores, alive), expected, atol=1e-9)
    np.testing.assert_allclose(lattice.best(scores, alive), best, atol=1e-9)


def test_the_other_cutting_of_a_piece_is_not_the_piece() -> None:
    lattice = unigram._Lattice.of(PIECES, [1] * len(PIECES), PIECES, whole=False)
    scores = np.full(len(PIECES), -1.0)
    best = dict(zip(PIECES, lattice.best(scores, np.ones(len(PIECES), dtype=bool))))
    assert best == {"a": -1, "b": -1, "c": -1, "ab": -2, "bc": -2, "aa": -2, "abc": -2, "cab": -2, "aaa": -2}


def test_digamma() -> None:
    values = unigram._digamma(np.array([0.5, 1.0, 2.0, 100.0]))
    euler = 0.5772156649015329
    np.testing.assert_allclose(values, [-euler - 2 * math.log(2), -euler, 1 - euler, 4.600161852738087], rtol=1e-9)


@settings(max_examples=60)
@given(word_counts, st.integers(0, 6))
def test_every_character_is_kept_and_the_room_with_it(counts: dict[str, int], room: int) -> None:
    characters = sorted(set("".join(counts)))
    learned = unigram.learn(counts, characters, room, 1)
    assert set(characters) <= set(learned)
    assert len(learned) <= len(characters) + room
    assert all(any(piece in word for word in counts) for piece in learned)
    assert all(score <= 0 for score in learned.values())
    assert unigram.learn(dict(reversed(counts.items())), characters, room, 1) == learned


def test_candidates_are_what_repeats_and_is_not_always_followed_by_the_same() -> None:
    assert set(unigram._candidates({"abcx": 2, "abcy": 2}, 99, 2)) == {
        "abc",
        "bc",
        "abcx",
        "abcy",
        "bcx",
        "cx",
        "bcy",
        "cy",
    }
    assert set(unigram._candidates({"abcx": 1, "abcy": 1}, 99, 2)) == {"abc", "bc"}


def test_few_pieces_make_all_words_short() -> None:
    counts = {f" {stem}{end}": 5 for stem in ("lauf", "spiel", "kauf") for end in ("en", "t", "te", "ende")}
    learned = unigram.learn(counts, sorted(set("".join(counts))), 6, 1)
    lattice = unigram._Lattice.of(list(counts), [1] * len(counts), list(learned))
    assert max(-lattice.best(np.full(len(learned), -1.0), np.ones(len(learned), dtype=bool))) <= 3


def test_a_line_end_is_a_border() -> None:
    learned = unigram.learn({"ab\ncd": 9}, list("abcd"), 5, 1)
    assert set(learned) == {*"abcd", "ab", "cd"}


def test_long_words_are_read_to_their_end() -> None:
    assert "xy" in unigram.learn({"a" * 70 + "xy" * 3: 1}, list("axy"), 99, 1)


def test_without_text_nothing_is_learned() -> None:
    assert unigram.learn({}, [], 10, 1) == {}
    assert unigram.learn({"\n": 3}, [], 10, 1) == {}


@pytest.mark.parametrize("length", [64, 500])
def test_long_words_neither_overflow_nor_vanish(length: int) -> None:
    learned = unigram.learn({"ab" * (length // 2): 1, "xyz" * 20: 1}, list("abxyz"), 4, 1)
    assert all(math.isfinite(score) for score in learned.values())
