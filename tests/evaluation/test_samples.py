"""Which examples are shown."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from melisma.evaluation.samples import DRAWN, EACH, groups, spread

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
    chance, worst, middling, best = groups(ANSWERS, REFERENCES)
    scores = {group.name: [sample.score for sample in group.samples] for group in (chance, worst, middling, best)}
    assert max(scores["Worst"]) <= min(scores["Middling"]) <= max(scores["Middling"]) <= min(scores["Best"])
    shown = sorted(sample.score for group in groups(ANSWERS, REFERENCES, each=20)[1:] for sample in group.samples)
    assert scores["Worst"] == shown[:EACH]
    assert scores["Best"] == shown[: -EACH - 1 : -1]
    places = [sample.place for group in (worst, middling, best) for sample in group.samples]
    assert len(places) == len(set(places)) == 3 * EACH


def test_chance_looks_at_no_score_and_is_the_same_every_time() -> None:
    places = [sample.place for sample in groups(ANSWERS, REFERENCES)[0].samples]
    assert len(places) == DRAWN
    assert places != list(range(DRAWN))
    assert places == [sample.place for sample in groups(ANSWERS[::-1], REFERENCES)[0].samples]


def test_of_equal_scores_not_only_the_first_are_shown() -> None:
    places = [sample.place for sample in groups(REFERENCES, REFERENCES)[-1].samples]
    assert places != list(range(EACH))


def test_few_examples_are_all_shown() -> None:
    (only,) = groups(ANSWERS[:5], REFERENCES[:5])
    assert sorted(sample.place for sample in only.samples) == [0, 1, 2, 3, 4]
    assert [sample.score for sample in only.samples] == sorted(sample.score for sample in only.samples)
