"""Edit distance against its definition, and the rates made of it."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.measures.error_rate import align, character_error_rate, distance, phoneme_error_rate, word_error_rate

LETTERS = st.text("abc", max_size=9)


def by_definition(first: str, second: str) -> int:
    @cache
    def of(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        return min(of(i - 1, j) + 1, of(i, j - 1) + 1, of(i - 1, j - 1) + (first[i - 1] != second[j - 1]))

    return of(len(first), len(second))


@settings(max_examples=300, deadline=None)
@given(first=LETTERS, second=LETTERS)
def test_distance_is_its_definition(first: str, second: str) -> None:
    assert distance(first, second) == distance(second, first) == by_definition(first, second)
    assert distance(first.split("a"), second.split("a")) <= len(first.split("a")) + len(second.split("a"))


def test_distance_of_long_and_known_sequences() -> None:
    assert distance("kitten", "sitting") == 3
    assert distance("saturday", "sunday") == 3
    assert distance("a" * 500, "a" * 200 + "b" + "a" * 299) == 1
    assert distance("ab" * 300, "ba" * 300) == 2
    assert distance("", "") == 0
    assert distance(["kit", "ten"], ["kit", "", "ten"]) == 1


@settings(max_examples=150, deadline=None)
@given(first=LETTERS, second=LETTERS)
def test_an_alignment_costs_the_distance_and_keeps_the_order(first: str, second: str) -> None:
    pairs = align(first, second)
    assert [i for i, _ in pairs if i is not None] == list(range(len(first)))
    assert [j for _, j in pairs if j is not None] == list(range(len(second)))
    cost = sum(i is None or j is None or first[i] != second[j] for i, j in pairs)
    assert cost == distance(first, second)


def test_rates_are_of_sums_and_of_the_closest_reference() -> None:
    said, right = ["the cat sat", "a b c d e f g"], ["the cat sat down", "a b x d e f g"]
    assert word_error_rate(said, right).value == pytest.approx(100 * 2 / 11)
    assert character_error_rate(["ab c"], ["ab  d "]).value == pytest.approx(25)
    assert character_error_rate(["abc"], ["ab c"]).value == pytest.approx(25)
    assert character_error_rate(["e\u0301"], ["\u00e9"]).value == 0
    either = [["R EH1 D", "R IY1 D"], ["T AH0 M EY1 T OW2", "T AH0 M AA1 T OW2"]]
    assert phoneme_error_rate(["R IY1 D", "T AH0 M AA1 T AH0"], either).value == pytest.approx(100 / 9)
    assert word_error_rate(["a"], [["b c", "x"]]).value == pytest.approx(100)
    assert word_error_rate(["a b"], [["c d", "a b c d"]]).value == pytest.approx(50)
    assert word_error_rate(["a b c"], ["x"]).value == pytest.approx(300)


def test_case_counts_unless_told() -> None:
    assert word_error_rate(["The Cat"], ["the cat"]).value == 100
    told = word_error_rate(["The Cat"], ["the cat"], lowercase=True)
    assert (told.value, "case:lc" in told.signature) == (0, True)
