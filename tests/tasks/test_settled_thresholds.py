"""A threshold is as high as false alarms that the hours cannot show would want it, but for a tenth of the takes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from melisma.measures.detection import Recording, Rule, Track, Word, detect
from melisma.measures.tail import extrapolated
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
    assert sorted(_highest(made(4.0), 1.0))[-30:] == pytest.approx(np.linspace(0.1, 0.6, 30).tolist())


def test_few_hours_want_a_higher_threshold_and_many_do_not() -> None:
    few, many = made(4.0), made(400.0)
    plain = [choose(tradeoff(tracks), 1.0).threshold for tracks in (few, many)]
    assert threshold(many, 1.0) == plain[1]
    higher = extrapolated(_highest(few, 1.0), tradeoff(few).hours, 100.0)
    assert higher is not None
    assert threshold(few, 100.0) == plain[0], "what the hours can show is not extrapolated"
    assert threshold(few, 1.0) > plain[0]
    assert threshold(few, 0.1) >= threshold(few, 1.0)


def test_no_more_than_a_tenth_of_the_takes_is_given_for_it() -> None:
    few = made(4.0)
    rule = Rule(threshold(few, 1e-6))
    assert detect(few, rule).misses == 4
    assert not detect(few, rule).false
