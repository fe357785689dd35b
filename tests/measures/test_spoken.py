"""Edits told apart, what counts as equal, and intervals that know of speakers."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.measures.error_rate import character_error_rate, distance, word_error_rate
from melisma.measures.groups import Gap, Groups, apart, by_speaker, for_each, gap_of
from melisma.measures.interval import bootstrap, difference, none_of
from melisma.measures.measure import ratio
from melisma.measures.normalisation import AS_WRITTEN, MARKS, Normalisation, Unit
from melisma.measures.spoken import (
    Edits,
    edits,
    edits_of_each,
    error_rate,
    of_each_speaker,
    seen_and_unseen,
    spoken_error_rate,
    total,
)

LETTERS = st.text("abc", max_size=8)


def counts(found: Sequence[Edits]) -> np.ndarray:
    return np.array([(one.errors, one.length) for one in found], np.float64).reshape(-1, 2)


def gap(first: Sequence[Edits], second: Sequence[Edits], speakers: Groups | None = None) -> Gap:
    return gap_of(counts(first), counts(second), speakers)


JIWER = json.loads((Path(__file__).parent / "jiwer.json").read_text(encoding="utf-8"))


def by_enumeration(answer: str, reference: str) -> tuple[int, int, int, int]:
    """Over all ways: the fewest edits, then the fewest substitutions; with the deletions and insertions of that way."""

    @cache
    def of(i: int, j: int) -> tuple[int, int, int, int]:
        if not i and not j:
            return 0, 0, 0, 0
        ways = []
        if i and j:
            errors, wrong, deleted, inserted = of(i - 1, j - 1)
            differs = answer[i - 1] != reference[j - 1]
            ways.append((errors + differs, wrong + differs, deleted, inserted))
        if j:
            errors, wrong, deleted, inserted = of(i, j - 1)
            ways.append((errors + 1, wrong, deleted + 1, inserted))
        if i:
            errors, wrong, deleted, inserted = of(i - 1, j)
            ways.append((errors + 1, wrong, deleted, inserted + 1))
        return min(ways)

    return of(len(answer), len(reference))


@settings(max_examples=80, deadline=None)
@given(answer=LETTERS, reference=LETTERS)
def test_edits_are_the_fewest_with_the_fewest_substitutions(answer: str, reference: str) -> None:
    found = edits(answer, reference)
    assert (found.errors, *found[:3]) == by_enumeration(answer, reference)
    assert found.errors == distance(answer, reference)
    assert found.length == len(reference)
    assert edits(answer[::-1], reference[::-1]) == found
    other = edits(reference, answer)
    assert (other.substitutions, other.insertions, other.deletions) == found[:3]


def test_edits_by_hand() -> None:
    assert edits(["one", "sat", "dog"], ["sat", "dog", "two"]) == Edits(0, 1, 1, 3)
    assert edits([], ["a", "b"]) == Edits(0, 2, 0, 2)
    assert edits(["a", "b"], []) == Edits(0, 0, 2, 0)
    assert edits([], []) == Edits(0, 0, 0, 0)
    for right in (["b c", "b a"], ["b a", "b c"]):
        assert edits_of_each("word", ["a b"], [right]) == [Edits(0, 1, 1, 2)]
    assert edits(["a", "b", "x", "d"], ["a", "b", "c", "d"]) == Edits(1, 0, 0, 4)
    assert total([Edits(1, 2, 3, 4), Edits(5, 6, 7, 8)]) == Edits(6, 8, 10, 12)
    assert total([]) == Edits(0, 0, 0, 0)
    assert Edits(1, 1, 0, 8).rate == 25
    assert (Edits(0, 0, 0, 0).rate, Edits(0, 0, 2, 0).rate) == (0, 100)


@pytest.mark.parametrize("unit", ["word", "character"])
def test_jiwer_agrees(unit: Unit) -> None:
    """It may choose another way with as many edits, then with more substitutions."""
    answers, references = ([pair[side] for pair in JIWER["pairs"]] for side in ("answer", "reference"))
    found = edits_of_each(unit, answers, references)
    same = 0
    for mine, pair in zip(found, JIWER["pairs"], strict=True):
        theirs = Edits(*pair[f"{unit}s"])
        assert (mine.errors, mine.length) == (theirs.errors, theirs.length)
        assert mine.substitutions <= theirs.substitutions
        same += mine == theirs
    assert same >= 0.9 * len(found)
    rate = {"word": "wer", "character": "cer"}[unit]
    assert spoken_error_rate(unit, answers, references).measure.value == pytest.approx(JIWER[rate])


WORDS = ["yes", "no", "Yes", "it's", "ɔ́kɔ", "1,000", "end."]
SAID = st.lists(st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join), min_size=1, max_size=6)


@settings(max_examples=20, deadline=None)
@given(answers=SAID, draw=st.randoms(use_true_random=False))
def test_the_rate_is_that_of_the_measures_beside_it(answers: list[str], draw: random.Random) -> None:
    references = [" ".join(draw.choices(WORDS, k=draw.randint(0, 4))) for _ in answers]
    two = [[one, "no Yes"] for one in references]
    for right in (references, two):
        for unit, plain in (("word", word_error_rate), ("character", character_error_rate)):
            spoken = spoken_error_rate(unit, answers, right).measure
            known = plain(answers, right)
            assert (spoken.name, spoken.value, spoken.count) == (known.name, known.value, known.count)
            if known.value:
                assert (spoken.low, spoken.high) == (known.low, known.high)


def test_what_counts_as_equal_is_said_and_holds() -> None:
    lower, plain = Normalisation(case=False), Normalisation(case=False, punctuation=False)
    assert AS_WRITTEN("  Wáre\u00a0 wa\u0301re ") == "Wáre wáre"
    assert lower("ÉTÉ 3") == "été 3"
    told = "“Yes—it’s 3.5, or 1,000!” (she said: 'no'.) e-mail rock'n'roll l·l"
    assert plain(told) == "yes it's 3.5 or 1,000 she said no e mail rock'n'roll l·l"
    assert Normalisation(punctuation=False)("$5 + 5€ … ?") == "$5 + 5€"
    assert plain.signature == "case:lc|punctuation:no|norm:nfc|marks:composed"
    rate = spoken_error_rate("word", ["Yes, it is."], ["yes it is"], normalisation=plain)
    assert (rate.measure.value, rate.measure.signature) == (
        0,
        f"nrefs:1|{plain.signature}|unit:word|interval:utterances",
    )
    assert spoken_error_rate("word", ["Yes, it is."], ["yes it is"]).edits == Edits(2, 0, 0, 3)
    with pytest.raises(Refusal, match="composed, apart, joined, dropped"):
        Normalisation(marks="none")  # type: ignore[arg-type]


def test_marks_count_as_they_are_told_to() -> None:
    text = "á ɔ́ 한"  # Unicode has a code point for the first, none for the second
    counted = {marks: Normalisation(marks=marks).characters(text) for marks in MARKS}
    assert counted == {
        "composed": ["á", " ", "ɔ", "\u0301", " ", "한"],
        "apart": ["a", "\u0301", " ", "ɔ", "\u0301", " ", "한"],
        "joined": ["á", " ", "ɔ\u0301", " ", "한"],
        "dropped": ["a", " ", "ɔ", " ", "한"],
    }
    rules = [Normalisation(marks=marks) for marks in MARKS]
    assert [spoken_error_rate("character", ["ɔ"], ["ɔ́"], None, rule).edits for rule in rules] == [
        Edits(0, 1, 0, 2),
        Edits(0, 1, 0, 2),
        Edits(1, 0, 0, 1),
        Edits(0, 0, 0, 1),
    ]
    assert Normalisation(marks="dropped").words("ɔ́kɔ wáre") == ["ɔkɔ", "ware"]
    assert Normalisation(marks="joined").characters("\u0301a \u0301") == ["\u0301", "a", " ", "\u0301"]


EACH = st.builds(Edits, *(st.integers(0, 5) for _ in range(3)), st.integers(1, 9))
SPOKEN = st.lists(st.tuples(EACH, st.sampled_from([None, "ann", "bo", "cy"])), min_size=1, max_size=12)


@settings(max_examples=20, deadline=None)
@given(spoken=SPOKEN, draw=st.randoms(use_true_random=False))
def test_the_order_of_utterances_and_the_names_of_speakers_are_irrelevant(
    spoken: list[tuple[Edits, str | None]], draw: random.Random
) -> None:
    mixed = draw.sample(spoken, len(spoken))
    first, second = (error_rate("WER", *zip(*part)) for part in (spoken, mixed))  # type: ignore[misc]
    assert first == second
    renamed = [{None: None, "ann": "z", "bo": "y", "cy": "x"}[speaker] for _, speaker in spoken]
    assert error_rate("WER", [one for one, _ in spoken], renamed) == first
    assert first.measure.low <= first.measure.value <= first.measure.high
    assert first.measure.count == len(spoken)


@settings(max_examples=20, deadline=None)
@given(found=st.lists(st.tuples(EACH, EACH), min_size=2, max_size=12))
def test_speakers_of_one_utterance_are_utterances(found: list[tuple[Edits, Edits]]) -> None:
    first, second = [one for one, _ in found], [two for _, two in found]
    names = [f"speaker {number}" for number in range(len(found))]
    grouped, plain = error_rate("WER", first, names), error_rate("WER", first)
    assert (grouped.measure.low, grouped.measure.high) == (plain.measure.low, plain.measure.high)
    assert (grouped.speakers, plain.speakers) == (len(found), 0)
    assert grouped.measure.signature != plain.measure.signature
    assert gap(first, second, names)[:3] == gap(first, second)[:3]


def test_speakers_are_drawn_with_all_they_said() -> None:
    found = [Edits(4, 0, 0, 10) if place < 100 else Edits(0, 0, 0, 10) for place in range(200)]
    by_tens = [f"{place // 20}" for place in range(200)]
    close, wide = error_rate("WER", found).measure, error_rate("WER", found, by_tens).measure
    assert (close.value, wide.value, wide.count) == (20, 20, 200)
    assert wide.high - wide.low == pytest.approx((close.high - close.low) * 20**0.5, rel=0.15)
    rows = np.repeat([[0.0, 200.0], [80.0, 200.0]], 5, axis=0)
    assert (wide.low, wide.high) == bootstrap(rows, ratio)
    assert "10 speakers" in error_rate("WER", found, by_tens).told()


def test_too_few_speakers_leave_utterances() -> None:
    found = [Edits(place % 3, 0, 0, 5) for place in range(9)]
    plain = error_rate("WER", found)
    for speakers in (None, [None] * 9, ["ann"] * 9, ["ann"] * 5 + [None] * 4):
        assert error_rate("WER", found, speakers) == plain
    two = by_speaker(np.arange(10.0).reshape(5, 2), ["b", None, "a", "b", None])
    assert (two.counts.tolist(), two.speakers, two.unit) == ([[6, 8], [4, 5], [2, 3], [8, 9]], 2, "speakers")
    with pytest.raises(Refusal, match="9 utterances and 2 speakers"):
        error_rate("WER", found, ["a", "b"])
    with pytest.raises(Refusal, match="no answers"):
        error_rate("WER", [])


def test_no_error_is_told_by_what_so_many_words_can_show() -> None:
    found = error_rate("WER", [Edits(0, 0, 0, 8)] * 25, ["a", "b"] * 12 + ["a"])
    assert (found.measure.value, found.measure.low) == (0, 0)
    assert found.measure.high == pytest.approx(100 * (1 - 0.05 ** (1 / 200)))
    assert found.told() == "WER 0.0 %: none of 200: below 1.5 %"
    some = error_rate("WER", [Edits(1, 1, 1, 8)] * 2)
    assert some.told() == "WER 37.5 %, S 2 D 2 I 2 of 16, drawn from 2 utterances"


def test_the_perfect_answer_scores_best() -> None:
    right = ["yes no", "no", "it's"]
    for unit in ("word", "character"):
        best = spoken_error_rate(unit, right, right, ["a", "b", "b"])
        worse = spoken_error_rate(unit, ["yes", "no", "it's"], right, ["a", "b", "b"])
        assert best.measure.value == 0 < worse.measure.value
        assert best.measure.better == "lower"


def test_seen_and_unseen_speakers_stand_apart() -> None:
    found = [Edits(0, 0, 0, 10), Edits(5, 0, 0, 10), Edits(2, 0, 0, 10), Edits(1, 0, 0, 10)]
    speakers = ["ann", "bo", None, "ann"]
    told = seen_and_unseen("WER", found, speakers, {"ann", "zoe"})
    assert {kind: rate.measure.value for kind, rate in told.items()} == {"seen": 5, "unseen": 50, "unknown": 20}
    assert list(seen_and_unseen("WER", found, ["ann"] * 4, {"ann"})) == ["seen"]
    assert apart(speakers, ["bo"])._asdict() == {"seen": (1,), "unseen": (0, 3), "unknown": (2,)}
    each = of_each_speaker("WER", found, speakers)
    assert [(name, rate.measure.value) for name, rate in each.items()] == [("ann", 5), ("bo", 50), (None, 20)]
    assert for_each(["b", None, "a", "b"], list) == {"a": [2], "b": [0, 3], None: [1]}
    with pytest.raises(Refusal, match="4 utterances and 1 speakers"):
        seen_and_unseen("WER", found, ["ann"], {"ann"})


def test_where_all_err_alike_there_is_no_interval() -> None:
    all_wrong = error_rate("WER", [Edits(1, 0, 0, 1)] * 40, [f"{place % 4}" for place in range(40)]).measure
    assert (all_wrong.value, all_wrong.ends) == (100, None)
    assert error_rate("WER", [Edits(0, 0, 0, 8)] * 6).measure.ends == (0, pytest.approx(100 * none_of(48)))
    assert error_rate("WER", [Edits(0, 0, 0, 8)]).measure.ends is not None
    assert error_rate("WER", [Edits(1, 0, 0, 8), Edits(0, 0, 0, 8)]).measure.ends == (0, 12.5)


def test_of_few_speakers_no_difference_is_more_than_chance() -> None:
    wrong, right = [Edits(1, 0, 0, 1)] * 40, [Edits(0, 0, 0, 1)] * 40
    told = gap(wrong, right, [f"{place % 4}" for place in range(40)])
    assert (told.value, told.ends, told.drawn, told.enough, told.tells) == (-100, None, 4, False, False)
    told = gap(wrong, right)
    assert (told.value, told.ends, told.drawn, told.enough, told.tells) == (-100, None, 40, True, True)


def test_two_systems_are_compared_in_pairs_and_by_speaker() -> None:
    draw = random.Random(3)
    first = [Edits(draw.randint(0, 8), 0, 0, 10) for _ in range(60)]
    second = [Edits(max(0, one.substitutions - draw.randint(0, 2)), 0, 0, 10) for one in first]
    speakers = [f"{place % 6}" for place in range(60)]
    better = gap(first, second, speakers)
    assert better.low <= better.value <= better.high < 0
    assert better.value == pytest.approx(total(second).rate - total(first).rate)
    assert (better.tells, better.speakers) == (True, 6)
    tables = [counts(found) for found in (first, second)]
    summed = [np.array([table[place::6].sum(0) for place in range(6)]) for table in tables]
    assert (better.low, better.high) == difference(*summed, ratio)
    assert gap(first, first, speakers)[:3] == (0, 0, 0)
    assert not gap(first, first).tells
    back = gap(second, first, speakers)
    assert (back.value, back.low, back.high) == pytest.approx((-better.value, -better.high, -better.low), abs=1.5)
    with pytest.raises(Refusal, match="60 utterances of the first and 59"):
        gap(first, second[1:])
    with pytest.raises(Refusal, match="same utterances"):
        gap([], [])
