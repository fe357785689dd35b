"""Alarms of a trigger word against their rule, score by score; what each is worth; the curve against every threshold."""

from __future__ import annotations

import dataclasses
import math
import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.measures import tradeoff as curves
from melisma.measures.detection import (
    Detection,
    FalseAlarm,
    Recording,
    Rule,
    Track,
    Window,
    Word,
    detect,
    exposed,
    judged,
    matched,
)
from melisma.measures.tradeoff import Curve, Point, choose, tradeoff
from melisma.search.decision import Decision
from melisma.settings.spotter import DecisionSettings

STEP = 0.1


def scores_of(seed: int, length: int, kinds: int) -> np.ndarray:
    """Scores that rise and fall, many of them equal where there are few kinds."""
    draw = np.random.default_rng(seed)
    smooth = np.convolve(draw.normal(size=length + 4), np.ones(3), "same")[2 : length + 2]
    return (np.round(kinds / (1 + np.exp(-smooth))) / kinds).astype(np.float32)


SCORES = st.builds(scores_of, st.integers(0, 10_000), st.integers(0, 40), st.sampled_from([5, 20, 1 << 20]))
RULE = st.builds(
    Rule, st.sampled_from([0.2, 0.4, 0.5, 0.8, 1.0]), st.sampled_from([0.3, 0.5, 1.0]), st.sampled_from([0, 0.3, 1.0])
)


def by_the_letter(rule: Rule, scores: np.ndarray) -> list[int]:
    """The rule as its docstring says it, one score after another."""
    alarms: list[int] = []
    armed = True
    for place, score in enumerate(map(float, scores)):
        if not armed and rule.release and score / rule.release < rule.threshold:
            armed = True
        rested = not alarms or place - alarms[-1] >= max(1, round(rule.refractory / STEP))
        if armed and rested and score >= rule.threshold:
            alarms.append(place)
            armed = False
    return alarms


@settings(max_examples=60, deadline=None)
@given(rule=RULE, scores=SCORES)
def test_alarms_follow_their_rule(rule: Rule, scores: np.ndarray) -> None:
    assert rule.alarms(scores, STEP) == by_the_letter(rule, scores)


@settings(max_examples=60, deadline=None)
@given(
    scores=st.lists(st.integers(0, 20), max_size=40),
    threshold=st.integers(0, 19),
    release=st.sampled_from([0.0, 0.5, 1.0]),
    refractory=st.sampled_from([0.0, 0.3, 0.77, 1.0]),
)
def test_what_is_measured_is_what_is_decided_in_use(
    scores: list[int], threshold: int, release: float, refractory: float
) -> None:
    """Thresholds between scores, as they are chosen: there no rounding decides."""
    values = np.array(scores, np.float32) / 20
    wanted = DecisionSettings(smoothing=0.0, release=release, refractory=refractory)
    decision = Decision.of(wanted, [(threshold + 0.5) / 20], STEP)
    _, alarms = decision.feed(decision.start(), values[:, None])
    rule = Rule((threshold + 0.5) / 20, release, refractory)
    assert rule.alarms(values, STEP) == [alarm.step for alarm in alarms]


def test_alarms_by_hand() -> None:
    scores = np.array([0.1, 0.6, 0.9, 0.3, 0.6, 0.2, 0.6, 0.6, 0.1, 0.1, 0.5])
    for release, refractory, wanted in (
        (1.0, 0.0, [1, 4, 6, 10]),
        (0.5, 0.0, [1, 6, 10]),
        (1.0, 0.4, [1, 6, 10]),
        (1.0, 0.6, [1, 7]),
    ):
        assert Rule(0.5, release, refractory).alarms(scores, STEP) == wanted
    assert Rule(0.5, 0.0, 0.0).alarms(scores, STEP) == [1]
    assert (Rule(0.5).rest(0.01), Rule(0.5, 0.5, 0.0).rest(0.01)) == (100, 1)
    for wrong in (
        {"threshold": 0.0},
        {"threshold": math.nan},
        {"release": -0.1},
        {"release": 1.1},
        {"refractory": -1.0},
        {"refractory": math.inf},
    ):
        with pytest.raises(Refusal):
            Rule(**{"threshold": 0.5, **wrong})


ENDS = st.lists(st.floats(0, 4), max_size=4)


@settings(max_examples=80, deadline=None)
@given(times=st.lists(st.floats(-1, 6), max_size=6).map(sorted), ends=ENDS)
def test_as_many_words_are_heard_as_can_be(times: list[float], ends: list[float]) -> None:
    window = Window(0.2, 0.75)
    found = matched(times, ends, window)

    def best(alarms: list[float], left: frozenset[int]) -> int:
        if not alarms:
            return 0
        near = [i for i in left if ends[i] - 0.2 <= alarms[0] <= ends[i] + 0.75]
        return max([best(alarms[1:], left), *(1 + best(alarms[1:], left - {i}) for i in near)])

    heard = [late for late in found.latencies if late is not None]
    assert len(heard) == best(times, frozenset(range(len(ends))))
    assert len(heard) + len(found.false) + found.repeats == len(times)
    assert all(-0.2 - 1e-9 <= late <= 0.75 + 1e-9 for late in heard)
    assert all(not end - 0.2 <= time <= end + 0.75 for time in found.false for end in ends)


def test_what_alarms_are_worth_by_hand() -> None:
    words = (Word(2.0, "ann"), Word(5.0, "bo"), Word(9.0, "ann"))
    talk, noise = Recording(20.0, words, "talk"), Recording(3600.0, name="noise")
    alarms = [[1.7, 5.1, 5.4, 6.2, 9.75, 9.76, 12.0], [100.0, 100.5, 101.0, 7.0]]
    found = judged([talk, noise], alarms, refractory=1.0)
    assert [one.latency for one in found.heard] == [None, pytest.approx(0.1), pytest.approx(0.75)]
    named = [("talk", 1.7), ("talk", 6.2), ("talk", 12.0), ("noise", 7.0), ("noise", 100.0), ("noise", 101.0)]
    assert [(one.recording, one.second) for one in found.false] == named
    assert (found.misses, found.repeats, found.missed) == (1, 0, (True, False, False))
    assert found.hours == pytest.approx((3620 - 3 * 0.95) / 3600)
    assert (found.latency(), found.latency(0.95)) == pytest.approx((0.1, 0.75))
    assert found.miss_rate().told().startswith("33.3 % (1 of 3;")
    assert found.false_alarms().value == pytest.approx(6 / found.hours)
    close = judged([talk], [[5.1, 5.4, 9.75]], refractory=0.2)
    assert (close.misses, close.repeats, len(close.false)) == (1, 1, 0)
    nothing = judged([noise], [[]])
    assert (nothing.latency(), nothing.misses) == (None, 0)
    assert nothing.false_alarms().told() == "none in 1 h, which can only show below 3 an hour"
    with pytest.raises(Refusal, match="no answers"):
        nothing.miss_rate()
    with pytest.raises(Refusal, match="2 recordings and alarms of 1"):
        judged([talk, noise], [[]])


def test_the_interval_of_misses_knows_of_speakers() -> None:
    recordings = [Recording(3.0, (Word(2.0, speaker),)) for speaker in "aaaaabbbbb"]
    found = judged(recordings, [[]] * 5 + [[2.0]] * 5)
    assert found.miss_rate().speakers == 2
    assert (found.miss_rate().low, found.miss_rate().high) == (0, 1)


def test_time_in_which_an_alarm_is_false() -> None:
    assert exposed(Recording(10.0)) == 10
    assert exposed(Recording(10.0, (Word(5.0), Word(5.5)))) == pytest.approx(10 - 1.45)
    assert exposed(Recording(10.0, (Word(0.1), Word(9.9), Word(30.0)))) == pytest.approx(10 - 0.85 - 0.3)


def test_a_later_first_score_is_a_later_alarm() -> None:
    recording = Recording(5.0, (Word(2.0),))
    scores = np.zeros(50)
    scores[20] = 1
    late = detect([Track(scores, STEP, recording, first=0.43)], Rule(0.5))
    assert late.latencies == pytest.approx((0.43,))
    with pytest.raises(Refusal, match="more than 0"):
        Track(scores, 0.0, recording)
    for wrong in (np.array([0.5, math.nan]), np.zeros((2, 2)), np.array([2.0]), np.array([-0.1])):
        with pytest.raises(Refusal, match="the scores of a recording"):
            Track(wrong, STEP, recording)


TRACK = st.builds(
    lambda scores, ends: Track(scores, STEP, Recording(9.0, tuple(map(Word, ends))), first=0.03), SCORES, ENDS
)
TRACKS = st.lists(TRACK, min_size=1, max_size=3)
DECISION = st.tuples(st.sampled_from([0.0, 0.3, 0.7, 1.0]), st.sampled_from([0.0, 0.3, 1.0, 2.5]))


def thresholds(tracks: list[Track], release: float) -> list[float]:
    """All at which anything could change, and one between each two, and one above all."""
    scores = {float(score) for track in tracks for score in track.scores}
    edges = sorted({0.005, *scores, *(score / release for score in scores if release)} - {0.0})
    return sorted({*edges, *((one + other) / 2 for one, other in pairwise(edges)), edges[-1] + 1})


def all_of(tracks: list[Track], release: float, refractory: float, lowest: float, most: float = 1e9) -> Curve:
    return tradeoff(tracks, release=release, refractory=refractory, lowest=lowest, most=most)


@settings(max_examples=60, deadline=None)
@given(tracks=TRACKS, decision=DECISION, lowest=st.sampled_from([0.01, 0.3]))
def test_the_curve_is_what_each_threshold_is_worth(
    tracks: list[Track], decision: tuple[float, float], lowest: float
) -> None:
    curve = all_of(tracks, *decision, lowest)
    assert curve.points[0] == (math.inf, curve.words, 0)
    for threshold in thresholds(tracks, decision[0]):
        if threshold <= lowest:
            with pytest.raises(Refusal, match="not looked at"):
                curve.at(threshold)
            continue
        found = detect(tracks, Rule(threshold, *decision))
        assert curve.at(threshold)[1:] == (found.misses, len(found.false))
    assert all(one.threshold > other.threshold and one[1:] != other[1:] for one, other in pairwise(curve.points))


@settings(max_examples=40, deadline=None)
@given(tracks=TRACKS, decision=DECISION, most=st.integers(0, 4), draw=st.randoms(use_true_random=False))
def test_what_has_too_many_false_alarms_is_left_out_and_nothing_else(
    tracks: list[Track], decision: tuple[float, float], most: int, draw: random.Random
) -> None:
    whole, kept = all_of(tracks, *decision, 0.01), curves.ENOUGH
    curves.ENOUGH = most
    try:
        part = all_of(draw.sample(tracks, len(tracks)), *decision, 0.01, most=0.0)
    finally:
        curves.ENOUGH = kept
    assert part.points == whole.points[: len(part.points)]
    assert all(point.false <= most for point in part.points)
    more = whole.points[len(part.points) :]
    assert (more[0].false > most and part.lowest >= more[0].threshold) if more else part.lowest == 0.01


@settings(max_examples=40, deadline=None)
@given(tracks=TRACKS, decision=DECISION, wanted=st.sampled_from([0.0, 100.0, 500.0, 5000.0]))
def test_a_chosen_threshold_is_worth_what_it_says(
    tracks: list[Track], decision: tuple[float, float], wanted: float
) -> None:
    curve = all_of(tracks, *decision, 0.01)
    if not curve.words:
        with pytest.raises(Refusal, match="no words"):
            choose(curve, wanted)
        return
    chosen = choose(curve, wanted)
    found = detect(tracks, Rule(chosen.threshold, *decision))
    assert (chosen.misses.count, chosen.false.events) == (found.misses, len(found.false))
    assert chosen.low < chosen.threshold <= chosen.high
    above = [one for one in thresholds(tracks, decision[0]) if one >= chosen.threshold]
    assert all(len(detect(tracks, Rule(one, *decision)).false) <= wanted * curve.hours * (1 + 1e-9) for one in above)


HAND = Curve(
    (Point(math.inf, 4, 0), Point(0.9, 3, 0), Point(0.8, 3, 1), Point(0.6, 1, 2), Point(0.5, 1, 1), Point(0.3, 0, 5)),
    4,
    2.0,
    0.1,
)


def test_numbers_of_a_curve_by_hand() -> None:
    assert HAND.at(2.0) == HAND.points[0]
    assert HAND.at(0.9).misses == 3
    assert (HAND.at(0.85), HAND.at(0.2)) == (HAND.points[1], HAND.points[5])
    assert HAND.best() == (HAND.points[1], HAND.points[4], HAND.points[5])
    assert [(spot.threshold, spot.misses.count, spot.false.value) for spot in HAND.spots()] == [
        (0.9, 3, 0),
        (0.5, 1, 0.5),
        (0.3, 0, 2.5),
    ]
    nothing = choose(HAND, 0.0)
    assert (nothing.threshold, nothing.low, nothing.high) == pytest.approx((0.85, 0.8, 0.9))
    some = choose(HAND, 0.5)  # 0.5 has one false alarm too, but 0.6 above it two
    assert (some.threshold, some.misses.count, some.false.events) == (pytest.approx(0.85), 3, 0)
    more = choose(HAND, 1.0)
    assert (more.threshold, more.misses.count, more.false.events) == (pytest.approx(0.4), 1, 1)
    assert choose(HAND, 9.0).threshold == pytest.approx(0.2)
    assert (
        choose(HAND, 9.0).told()
        == "threshold 0.2: misses none of 4: below 52.8 %; false alarms 2.5 an hour (5 in 2 h; 0.81–5.83)"
    )
    for wrong in (lambda: choose(HAND, -1.0), lambda: HAND.at(0.1), lambda: HAND.at(math.nan)):
        with pytest.raises(Refusal):
            wrong()


def test_where_nothing_can_be_heard_the_threshold_lies_above_all_scores() -> None:
    for top in (0.5, 1.0):
        scores = np.zeros(300)
        scores[5] = top
        curve = all_of([Track(scores, STEP, Recording(30.0, (Word(20.0),)))], 0.5, 1.0, 0.01)
        chosen = choose(curve, 0.0)
        assert chosen.threshold > top
        assert (chosen.misses.count, chosen.false.events) == (1, 0)


def test_the_perfect_detector_scores_best() -> None:
    scores = np.zeros(300)
    scores[[52, 154]] = 0.9
    recording = Recording(30.0, (Word(5.0), Word(15.0)))
    best = all_of([Track(scores, STEP, recording)], 0.5, 1.0, 0.01)
    assert [(point.misses, point.false) for point in best.best()] == [(0, 0)]
    assert choose(best, 0.0).threshold == pytest.approx((0.9 + 0.01) / 2)
    scores[200] = 0.95
    worse = all_of([Track(scores, STEP, recording)], 0.5, 1.0, 0.01)
    assert [(point.misses, point.false) for point in worse.best()] == [(2, 0), (0, 1)]
    with pytest.raises(Refusal, match="some length"):
        tradeoff([])


def test_what_is_found_is_plain_data() -> None:
    found = judged([Recording(9.0, (Word(2.0),))], [[5.0]])
    assert isinstance(found, Detection)
    assert dataclasses.astuple(found)[1] == (dataclasses.astuple(FalseAlarm("", 5.0)),)
    assert isinstance(hash(HAND), int)
    assert hash(found) == hash(judged([Recording(9.0, (Word(2.0),))], [[5.0]]))
