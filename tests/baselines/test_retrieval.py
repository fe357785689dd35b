"""Looking up: the nearest text by a plain count of the same formula, and the odd cases."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from melisma.baselines import retrieval
from melisma.baselines.retrieval import Nearest, affordable
from melisma.files.split import fold


def features(text: str) -> Counter[tuple[str, str]]:
    padded = f" {fold(text)} "
    grams = [("gram", padded[i : i + n]) for n in (2, 3) for i in range(len(padded) - n + 1)]
    return Counter(grams + [("word", word) for word in fold(text).split()])


def cosines(known: list[str], question: str) -> list[float]:
    """Ten lines of the formula, one text after the other."""
    counts = [features(text) for text in known]
    having = Counter(feature for count in counts for feature in count)

    def vector(count: Counter[tuple[str, str]]) -> dict[tuple[str, str], float]:
        return {f: (1 + math.log(n)) * (1 + math.log((1 + len(known)) / (1 + having[f]))) for f, n in count.items()}

    def length(weights: dict[tuple[str, str], float]) -> float:
        return math.sqrt(sum(weight**2 for weight in weights.values()))

    asked = vector(features(question))
    vectors = [vector(count) for count in counts]
    shared = [sum(asked[f] * weight for f, weight in one.items() if f in asked) for one in vectors]
    return [dot / length(one) / length(asked) if dot else 0.0 for dot, one in zip(shared, vectors)]


TEXTS = st.text(st.sampled_from("abä 日\U0001f600A"), max_size=8)


@settings(max_examples=150, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=6), TEXTS)
@example(["ab ab", "ab", "ba"], "ab ab ab")
@example(["a", "b"], "b")
def test_it_is_the_nearest_by_the_formula(known: list[str], question: str) -> None:
    if len(set(question.split()) - {word for text in known for word in text.split()}) > 1:
        return  # unknown words count as one, which changes the length of the question alone
    found, expected = Nearest(known)(question), cosines(known, question)
    if found.place is None:
        assert max(expected) == 0
        return
    assert found.similarity == pytest.approx(max(expected), abs=1e-9)
    assert expected[found.place] == pytest.approx(max(expected), abs=1e-9)


def test_a_known_text_finds_itself_and_the_first_of_equals() -> None:
    known = ["one two", "three four", "three four", "Three  FOUR"]
    for text in ("three four", "THREE four"):
        place, similarity = Nearest(known)(text)
        assert place == 1
        assert similarity == pytest.approx(1)


def test_rare_parts_weigh_more_than_common_ones() -> None:
    known = ["the date is monday", "the date is tuesday", "xylophone"]
    assert Nearest(known)("the date is xylophone").place == 2


def test_no_grams_reach_across_two_texts() -> None:
    assert Nearest(["ab", "cd"])("bc").place is None


@pytest.mark.parametrize(("known", "question"), [([], "a"), (["abc"], "xyz"), (["", " "], "q")])
def test_nothing_in_common_finds_nothing(known: list[str], question: str) -> None:
    assert Nearest(known)(question) == (None, 0.0)


def test_half_characters_do_no_harm() -> None:
    assert Nearest(["\ud800x", "y"])("\ud800x").place == 0


def test_what_is_looked_through_is_bounded() -> None:
    assert affordable([]) == 0
    assert affordable(["a"] * 100) == 100
    assert affordable(["a"] * 101, known=50) == 50
    assert affordable(["a" * 98] * 100, characters=1000) == 10
    assert affordable(["a" * 98] * 100, characters=10) == 1
    long = ["a" * 10 * retrieval.LONGEST] * 4
    assert affordable(long, characters=4 * (retrieval.LONGEST + 2)) == 4
