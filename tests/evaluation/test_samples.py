"""Which examples are shown."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.evaluation.samples import DRAWN, SHOWN, groups, spread
from melisma.measures.each import closest, each
from melisma.measures.table import MEASURES

REFERENCES = [f"reference number {number}" for number in range(60)]
ANSWERS = [text[: 3 + number % 20] for number, text in enumerate(REFERENCES)]


@given(st.lists(st.integers(), max_size=300), st.integers(1, 60))
def test_a_spread_is_even_in_order_and_bounded(items: list[int], most: int) -> None:
    places = spread(range(len(items)), most)
    assert len(places) == min(len(items), most)
    assert places == sorted(set(places))
    gaps = {later - sooner for sooner, later in itertools.pairwise(places)}
    assert max(gaps, default=0) - min(gaps, default=0) <= 1
    assert spread(items, most) == [items[place] for place in places]


def test_worst_middling_and_best_are_what_they_are_called() -> None:
    chance, worst, middling, best = groups("bleu", ANSWERS, REFERENCES)
    scores = {group.name: [sample.score for sample in group.samples] for group in (chance, worst, middling, best)}
    assert max(scores["Worst"]) <= min(scores["Middling"]) <= max(scores["Middling"]) <= min(scores["Best"])
    shown = sorted(
        sample.score for group in groups("bleu", ANSWERS, REFERENCES, size=20)[1:] for sample in group.samples
    )
    assert scores["Worst"] == shown[:SHOWN]
    assert scores["Best"] == shown[: -SHOWN - 1 : -1]
    places = [sample.place for group in (worst, middling, best) for sample in group.samples]
    assert len(places) == len(set(places)) == 3 * SHOWN


def test_chance_looks_at_no_score_and_is_the_same_every_time() -> None:
    places = [sample.place for sample in groups("bleu", ANSWERS, REFERENCES)[0].samples]
    assert len(places) == DRAWN
    assert places != list(range(DRAWN))
    assert places == [sample.place for sample in groups("bleu", ANSWERS[::-1], REFERENCES)[0].samples]


def test_of_equal_scores_not_only_the_first_are_shown() -> None:
    places = [sample.place for sample in groups("bleu", REFERENCES, REFERENCES)[-1].samples]
    assert places != list(range(SHOWN))


def test_few_examples_are_all_shown() -> None:
    (only,) = groups("bleu", ANSWERS[:5], REFERENCES[:5])
    assert sorted(sample.place for sample in only.samples) == [0, 1, 2, 3, 4]
    assert [sample.score for sample in only.samples] == sorted(sample.score for sample in only.samples)


LISTED = [[f"B AA{n} D", f"B AA{n} D IH N"] for n in range(30)]
SAID = [" ".join([*right[0].split()[: 3 - number % 3], *["X"] * (number % 2)]) for number, right in enumerate(LISTED)]


@pytest.mark.parametrize("name", ["word_error", "phoneme_error"])
def test_where_errors_are_counted_they_rank_against_the_closest_of_all_that_is_right(name: str) -> None:
    shown = groups(name, SAID, LISTED)
    errors = {group.name: [sample.score for sample in group.samples] for group in shown}
    for group in shown:
        for sample in group.samples:
            alone = MEASURES["phoneme_error"]([SAID[sample.place]], [LISTED[sample.place]])
            assert sample.score == pytest.approx(alone.value)
    assert errors["Best"] == [0] * SHOWN
    assert min(errors["Worst"]) >= max(errors["Middling"]) > 0
    assert [group.why.rpartition(" with the ")[2] for group in (shown[1], shown[3])] == [
        "highest phoneme error.",
        "lowest phoneme error.",
    ]


def test_what_has_no_error_of_its_own_is_ranked_by_chrf() -> None:
    assert each("bleu", ANSWERS, REFERENCES) == each("exact", ANSWERS, REFERENCES) == each("chrf", ANSWERS, REFERENCES)
    assert groups("bleu", ANSWERS, REFERENCES)[1].why == "The 5 of 60 with the lowest chrF2."
    edits = each("ter", ["a b c"], ["a b d"])
    assert edits == [pytest.approx(MEASURES["ter"](["a b c"], ["a b d"]).value)]


@pytest.mark.parametrize("name", ["word_error", "chrf", "ter"])
def test_the_closest_target_is_the_answer_where_it_is_one_of_them(name: str) -> None:
    assert closest(name, "AB BA", ["A BB A", "AB  BA"]) == "AB  BA"


def test_the_closest_target_has_the_fewest_edits_and_of_equals_most_to_edit() -> None:
    assert closest("word_error", "B AA", ["B AA D IH N", "B AA D", "B AA D"]) == "B AA D"
    assert closest("word_error", "B AA", ["B AA D IH N K", "B"]) == "B", "edits decide, not their share"
    assert closest("phoneme_error", "B AA D", ["B AA", "B AA D IH", "X Y Z"]) == "B AA D IH"
    assert closest("chrf", "B AA D", ["X Y Z", "B AA D IH N"]) == "B AA D IH N"
