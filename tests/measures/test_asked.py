"""Measures that ask each source once, all its targets being right."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.measures.asked import BY_SOURCE, asked, by_source
from melisma.measures.measure import normalised
from melisma.measures.table import MEASURES, measured
from melisma.text.unicode import normalise

PHONEMES = st.lists(st.sampled_from(["AA", "B", "K", "IY", "aa"]), max_size=4).map(" ".join)
SOURCES = st.sampled_from(["READ", "LEAD", " LEAD ", "café", "cafe\u0301", "A  B", "A B"])
LISTED = st.lists(st.tuples(SOURCES, PHONEMES), min_size=1, max_size=12)
SAID = st.dictionaries(st.sampled_from(["READ", "LEAD", "café", "A B"]), PHONEMES)


def edits(one: list[str], two: list[str]) -> int:
    """Levenshtein's distance, as it is defined."""
    if not one or not two:
        return len(one) + len(two)
    return min(edits(one[1:], two) + 1, edits(one, two[1:]) + 1, edits(one[1:], two[1:]) + (one[0] != two[0]))


def examples(listed: list[tuple[str, str]], said: dict[str, str]) -> tuple[list[str], list[str], list[str]]:
    """Sources, answers and targets."""
    return [s for s, _ in listed], [said.get(normalise(s), "B") for s, _ in listed], [target for _, target in listed]


@settings(max_examples=80, deadline=None)
@given(listed=LISTED, said=SAID)
def test_errors_are_those_counted_by_hand(listed: list[tuple[str, str]], said: dict[str, str]) -> None:
    listed_for: dict[str, list[str]] = {}
    for source, target in listed:
        listed_for.setdefault(normalise(source), []).append(target)
    wrong = distance = length = 0
    for source, targets in listed_for.items():
        answer = said.get(source, "B")
        wrong += answer not in targets
        best = min((edits(answer.split(), one.split()), -len(one.split())) for one in targets)
        distance, length = distance + best[0], length - best[1]
    words = measured("word_error", *examples(listed, said))
    phonemes = measured("phoneme_error", *examples(listed, said))
    assert words.count == phonemes.count == len(listed_for)
    assert words.value == pytest.approx(100 * wrong / len(listed_for))
    assert phonemes.value == pytest.approx(100 * distance / length if length else 100.0 * bool(distance))
    assert words.low <= words.value <= words.high
    assert words.better == phonemes.better == "lower"


@settings(max_examples=40, deadline=None)
@given(listed=LISTED, said=SAID, order=st.randoms(use_true_random=False))
def test_neither_order_nor_a_pair_that_is_there_twice_changes_anything(
    listed: list[tuple[str, str]], said: dict[str, str], order: random.Random
) -> None:
    twice = order.sample(listed, len(listed)) + order.choices(listed, k=3)
    for name in BY_SOURCE:
        assert measured(name, *examples(listed, said)) == measured(name, *examples(twice, said))


def test_whoever_says_any_listed_target_makes_no_error() -> None:
    sources, targets = ["READ", "READ", "LEAD", "LEAD"], ["R IY D", "R EH D", "L EH D", "L IY D"]
    for said in (["R IY D", "R IY D", "L IY D", "L IY D"], ["R EH D", "R EH D", "L EH D", "L EH D"]):
        for name in BY_SOURCE:
            found = measured(name, sources, said, targets)
            assert (found.value, found.count) == (0, 2)
            assert found.signature.startswith("nrefs:2|case:mixed|norm:nfc|")
            assert found.signature.endswith("|sources:distinct")
    assert measured("exact", sources, said, targets).value == 50
    nearly = measured("phoneme_error", sources, ["R IY"] * 2 + ["L EH D"] * 2, targets)
    assert nearly.value == pytest.approx(100 / 6)


@pytest.mark.parametrize("name", sorted(set(MEASURES) - BY_SOURCE))
def test_other_measures_ask_every_pair(name: str) -> None:
    said, right = ["R IY D it", "R IY D it", "L EH D it"], ["R IY D it", "R EH D it", "L EH D"]
    assert measured(name, ["a", "a", "b"], said, right) == MEASURES[name](said, right)


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_sources_are_equal_where_the_codec_reads_them_alike(text: str) -> None:
    assert normalised(text) == normalise(text)
    assert by_source([text, "x", f" {text}\t"])[0] == ([0, 1, 2] if normalise(text) == "x" else [0, 2])


def test_what_is_not_as_many_of_each_is_refused() -> None:
    with pytest.raises(Refusal, match="1 sources, 2 answers and 2 references"):
        asked("word_error", ["a"], ["a", "b"], ["a", "b"])
