"""A threshold is as high as false alarms that the hours cannot show would want it, but for one take in 25."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from melisma.measures.detection import Recording, Rule, Track, Word, detect
from melisma.measures.tail import extrapolated, middle
from melisma.measures.tradeoff import choose, tradeoff
from melisma.settings.trigger import AlarmSettings, TriggerSettings
from melisma.tasks.settling import _chosen, _highest

STEP = 0.04
TAKES = np.linspace(0.8, 0.99, 40)


def peaked(heights: list[float], every: float) -> np.ndarray:
    """Scores of 0.02 with a peak of each height, so many seconds apart."""
    scores = np.full(round(every / STEP) * len(heights), 0.02)
    scores[round(every / STEP / 2) :: round(every / STEP)] = heights
    return scores


def made(every: float) -> list[Track]:
    """Forty takes, scored 0.8 to 0.99, and thirty sounds that are none, scored 0.1 to 0.6."""
    takes = [Track(peaked([height], 2.0), STEP, Recording(2.0, (Word(1.0),))) for height in TAKES.tolist()]
    others = peaked(np.linspace(0.1, 0.6, 30).tolist(), every)
    return [*takes, Track(others, STEP, Recording(len(others) * STEP))]


def threshold(tracks: list[Track], wanted: float) -> float:
    found = _chosen(tracks, replace(TriggerSettings(), search=AlarmSettings(false_alarms=wanted)))
    assert found is not None
    return found


def test_the_highest_scores_of_other_sound_are_found() -> None:
    assert sorted(_highest(made(4.0)[-1:], 1.0))[-30:] == pytest.approx(np.linspace(0.1, 0.6, 30).tolist())


def test_few_hours_want_a_higher_threshold_and_many_do_not() -> None:
    few, many = made(4.0), made(400.0)
    plain = [choose(tradeoff(tracks), 1.0) for tracks in (few, many)]
    least = [middle(found.low, found.high) for found in plain]
    assert threshold(many, 1.0) == least[1]
    higher = extrapolated(_highest(few[-1:], 1.0), few[-1].recording.seconds / 3600, 100.0)
    assert higher is not None
    assert threshold(few, 100.0) == least[0], "what the hours can show is not extrapolated"
    assert threshold(few, 1.0) > least[0]
    assert threshold(few, 0.1) >= threshold(few, 1.0)


def test_the_time_of_takes_is_no_time_without_the_word() -> None:
    """However many takes there are, other sound is as long as it is."""
    few = made(4.0)
    longer = [replace(track, recording=replace(track.recording, seconds=200.0)) for track in few[:-1]]
    assert threshold(few, 1.0) == threshold([*longer, few[-1]], 1.0) > threshold(few, 100.0)


def test_a_take_that_is_heard_before_its_sound_ends_is_heard_and_no_false_alarm() -> None:
    """Where a take falls silent, breath and all, is not quite where its word ends."""
    some = made(4.0)
    late = Track(peaked([0.97], 2.0), STEP, Recording(2.0, (Word(1.6),)))
    assert detect([late], Rule(0.9)).false, "elsewhere that is a false alarm"
    assert threshold(some, 1.0) < 0.9
    assert threshold([*some, late], 1.0) < 0.9


def test_no_more_than_one_take_in_25_is_given_for_it() -> None:
    few = made(4.0)
    found = threshold(few, 1e-6)
    assert detect(few, Rule(found)).misses == 1
    assert not detect(few, Rule(found)).false
    assert found == pytest.approx(middle(float(TAKES[0]), float(TAKES[1])))


def test_of_few_takes_none_is_given_and_the_threshold_is_amid_what_parts_them_from_all_else() -> None:
    few = [*made(4.0)[20:40], made(4.0)[-1]]
    found = threshold(few, 1e-6)
    assert found == pytest.approx(middle(0.6, float(TAKES[20])))
    assert 0.6 < found < TAKES[20]


def test_takes_below_other_sound_are_missed_rather_than_heard_in_vain() -> None:
    low = [Track(peaked([0.3], 2.0), STEP, Recording(2.0, (Word(1.0),))) for _ in range(4)]
    found = threshold([*made(4.0)[:24], *low, made(4.0)[-1]], 1e-6)
    assert detect([*made(4.0)[:24], *low], Rule(found)).misses == 4 + 1
    assert found > 0.6


@pytest.mark.parametrize(("low", "high", "wanted"), [(0.2, 0.8, 0.5), (0.9, 0.99, 0.9676), (1.0, 1.0, 1.0)])
def test_a_middle_is_one_of_log_odds_and_above_the_lower(low: float, high: float, wanted: float) -> None:
    assert middle(low, high) == pytest.approx(wanted, abs=1e-4)
    assert middle(low, high) > low
