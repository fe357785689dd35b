"""When a trigger word counts as heard: as it is defined, step by step, whatever the scores are cut into."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from melisma.measures.detection import Recording, Rule, Track, Word
from melisma.measures.tradeoff import choose, tradeoff
from melisma.search.decision import NEVER, Alarm, Decision, peaks, smoothed
from melisma.settings.spotter import DecisionSettings

Scores = NDArray[np.float32]


def plain(decision: Decision, scores: Scores) -> list[tuple[int, int]]:
    """(word, step) of each alarm, written out with everything that came before."""
    alarms: list[tuple[int, int]] = []
    smooth = [
        [
            sum(scores[max(0, t - decision.smoothing + 1) : t + 1, w].tolist()) / decision.smoothing
            for t in range(len(scores))
        ]
        for w in range(scores.shape[1])
    ]
    for t in range(len(scores)):
        heard = []
        for w, threshold in enumerate(decision.thresholds):
            own = [step for word, step in alarms if word == w]
            fallen = not own or any(smooth[w][s] < decision.release * threshold for s in range(own[-1] + 1, t + 1))
            rested = not own or t >= own[-1] + decision.refractory
            alone = all(t >= step + decision.apart for word, step in alarms if word != w)
            if smooth[w][t] >= threshold and fallen and rested and alone:
                odds = [np.log(p / (1 - p)) for p in (min(smooth[w][t], 1 - 1e-12), threshold)]
                heard.append((odds[0] - odds[1], -w))
        if heard:
            alarms.append((-max(heard)[1], t))
    return alarms


def alarms_of(decision: Decision, scores: Scores, cuts: list[int] | None = None) -> list[Alarm]:
    state, found, places = decision.start(), [], [0, *sorted(cuts or []), len(scores)]
    for begin, end in pairwise(places):
        state, alarms = decision.feed(state, scores[begin:end])
        found += alarms
    assert state.step == len(scores)
    return found


def some_scores(seed: int, steps: int, words: int) -> Scores:
    """Scores that wander between 0 and 1, as multiples of 1/64: their sums have no rounding."""
    random = np.random.default_rng(seed)
    walk = np.cumsum(random.integers(-12, 13, (steps, words)), 0) + 32
    return (np.abs((walk % 128) - 64) / 64).astype(np.float32)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    steps=st.integers(0, 80),
    words=st.integers(1, 3),
    smoothing=st.sampled_from([1, 2, 4]),
    release=st.sampled_from([0.0, 0.5, 1.0]),
    refractory=st.integers(1, 12),
    apart=st.integers(1, 6),
    cuts=st.lists(st.integers(0, 80), max_size=5),
)
def test_as_it_is_defined_and_however_it_is_cut(
    seed: int, steps: int, words: int, smoothing: int, release: float, refractory: int, apart: int, cuts: list[int]
) -> None:
    scores = some_scores(seed, steps, words)
    decision = Decision((0.5, 0.625, 0.75)[:words], smoothing, release, refractory, apart)
    found = alarms_of(decision, scores)
    assert [(alarm.word, alarm.step) for alarm in found] == plain(decision, scores)
    for pieces in ([min(cut, steps) for cut in cuts], list(range(steps))):
        assert alarms_of(decision, scores, pieces) == found
    for alarm in found:
        recent = scores[max(0, alarm.step - smoothing + 1) : alarm.step + 1, alarm.word]
        assert alarm.score == pytest.approx(recent.sum() / smoothing)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32),
    smoothing=st.sampled_from([1, 3]),
    release=st.sampled_from([0.0, 0.5, 1.0]),
    refractory=st.integers(1, 12),
)
def test_one_word_is_heard_as_it_is_measured(seed: int, smoothing: int, release: float, refractory: int) -> None:
    scores = some_scores(seed, 120, 1)
    found = alarms_of(Decision((0.5,), smoothing, release, refractory, 1), scores)
    joined = np.concatenate((np.zeros((smoothing - 1, 1), np.float32), scores))
    assert [alarm.step for alarm in found] == Rule(0.5, release, refractory).alarms(
        smoothed(joined, smoothing)[:, 0], 1
    )


def test_a_threshold_above_all_scores_is_never_reached() -> None:
    background = Track(np.ones(300, np.float32), 0.1, Recording(30.0, (Word(10.0),)))
    threshold = choose(tradeoff([background]), 0.0).threshold
    assert 1 < threshold <= NEVER
    assert alarms_of(Decision((threshold,), 4, 0.5, 1, 1), np.ones((300, 1), np.float32)) == []
    assert alarms_of(Decision((1.0,), 4, 0.5, 1, 1), np.ones((300, 1), np.float32)) != []


def one_word(*scores: float) -> Scores:
    return np.array(scores, np.float32)[:, None]


def steps_of(decision: Decision, scores: Scores) -> list[int]:
    return [alarm.step for alarm in alarms_of(decision, scores)]


def test_a_single_slip_is_smoothed_away_and_a_word_is_not() -> None:
    decision = Decision((0.5,), 3, 0.5, 1, 1)
    assert steps_of(decision, one_word(0, 0, 1, 0, 0)) == []
    assert steps_of(decision, one_word(0, 0, 1, 1, 1, 0)) == [3]
    assert steps_of(decision, one_word(1, 1)) == [1], "nothing was heard before the first step"


def test_a_trembling_score_is_one_word_until_it_has_fallen() -> None:
    decision = Decision((0.5,), 1, 0.5, 1, 1)
    assert steps_of(decision, one_word(0.6, 0.4, 0.6, 0.3, 0.6, 0.2, 0.6)) == [0, 6]
    assert steps_of(decision._replace(release=1.0), one_word(0.6, 0.4, 0.6)) == [0, 2]
    assert steps_of(decision._replace(release=0.0), one_word(0.6, 0.0, 0.6)) == [0], "no score is below 0"


def test_a_word_is_not_heard_again_too_soon_but_then_it_is() -> None:
    decision = Decision((0.5,), 1, 0.5, 4, 1)
    assert steps_of(decision, one_word(1, 0, 1, 0, 1, 0, 1)) == [0, 4]
    assert steps_of(decision, one_word(1, 0, 1, 1, 1, 1)) == [0, 4], "what goes on beyond the time is heard at its end"


def test_of_words_at_once_the_clearest_is_heard_and_the_others_wait() -> None:
    decision = Decision((0.5, 0.9), 1, 0.5, 9, 2)
    both = np.array([[0.7, 0.99], [0.7, 0.99], [0.7, 0.99]], np.float32)
    assert [(alarm.word, alarm.step) for alarm in alarms_of(decision, both)] == [(1, 0), (0, 2)]
    certain = np.array([[1.0, 0.95]], np.float32)
    assert [alarm.word for alarm in alarms_of(decision, certain)] == [0]


def test_settings_in_seconds_become_steps() -> None:
    some = DecisionSettings(smoothing=0.12, release=0.4, refractory=1.0, apart=0.3)
    assert Decision.of(some, [0.5, 0.6], 0.04) == Decision((0.5, 0.6), 3, 0.4, 25, 8)
    nothing = DecisionSettings(smoothing=0.0, release=0.5, refractory=0.0, apart=0.0)
    assert Decision.of(nothing, [0.5], 0.04) == Decision((0.5,), 1, 0.5, 1, 1)


@given(st.lists(st.integers(0, 20), max_size=30), st.integers(1, 5), st.integers(0, 6))
def test_peaks_are_the_highest_and_stand_apart(values: list[int], apart: int, most: int) -> None:
    scores = np.array(values, np.float32)
    found = peaks(scores, 5, apart, most)
    left = sorted(range(len(values)), key=lambda place: (-values[place], place))
    wanted: list[int] = []
    for place in left:
        if values[place] >= 5 and len(wanted) < most and all(abs(place - other) >= apart for other in wanted):
            wanted.append(place)
    assert found == wanted
    assert scores.tolist() == values, "what is given is not written to"


def test_a_state_is_a_value() -> None:
    """What is fed later changes no state that was given out."""
    decision = Decision((0.5,), 2, 0.5, 3, 1)
    state, _ = decision.feed(decision.start(), one_word(0, 1))
    before = [part.copy() if isinstance(part, np.ndarray) else part for part in state]
    first = decision.feed(state, one_word(1, 0, 1))[1]
    assert decision.feed(state, one_word(1, 0, 1))[1] == first
    for part, kept in zip(state, before, strict=True):
        np.testing.assert_array_equal(part, kept)
