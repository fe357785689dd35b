"""Where words begin and end by where they were heard: never across each other, and at the pauses that are there."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.sound.pauses import Loudness
from melisma.sound.spread import Levels, levels, spread

SECONDS = 0.01
QUIET, LOUD = -60.0, -10.0


def heard_in(*parts: tuple[str, int]) -> Levels:
    """Levels of stretches of so many frames that are ``loud`` or ``quiet``."""
    found = np.concatenate([np.full(count, LOUD if kind == "loud" else QUIET) for kind, count in parts])
    return Levels(found, -35.0)


TWO_WORDS = heard_in(("quiet", 10), ("loud", 20), ("quiet", 8), ("loud", 15), ("quiet", 12))


def test_words_reach_from_pause_to_pause() -> None:
    assert spread([(12, 13), (50, 51)], {0, 1}, TWO_WORDS, SECONDS) == [(10, 30), (38, 53)]


def test_symbols_of_a_word_meet_in_the_middle() -> None:
    found = spread([(12, 14), (20, 22), (25, 26), (50, 51)], {0, 3}, TWO_WORDS, SECONDS)
    assert found == [(10, 17), (17, 24), (24, 30), (38, 53)]


def test_a_gap_too_short_for_a_pause_parts_where_it_is_quietest() -> None:
    loud = heard_in(("quiet", 10), ("loud", 20), ("quiet", 3), ("loud", 20), ("quiet", 10))
    (first, second) = spread([(12, 13), (50, 51)], {0, 1}, loud, SECONDS)
    assert first == (10, second[0])
    assert 30 <= second[0] <= 33
    assert second[1] == 53


@pytest.mark.parametrize("place", [2, 9])
def test_a_word_heard_before_it_is_said_is_where_it_is_said(place: int) -> None:
    assert spread([(place, place + 1), (50, 51)], {0, 1}, TWO_WORDS, SECONDS)[0] == (10, 30)


def test_a_word_heard_after_it_was_said_is_where_it_was_said() -> None:
    assert spread([(12, 13), (60, 62)], {0, 1}, TWO_WORDS, SECONDS) == [(10, 30), (38, 53)]


def test_letters_heard_within_a_pause_share_the_sound_behind_it() -> None:
    assert spread([(1, 2), (3, 4), (50, 51)], {0, 2}, TWO_WORDS, SECONDS) == [(10, 20), (20, 30), (38, 53)]


def test_two_words_heard_within_one_pause_stay_in_their_order() -> None:
    found = spread([(32, 33), (35, 36)], {0, 1}, TWO_WORDS, SECONDS)
    assert found == [(10, 30), (38, 53)]


def test_where_nothing_is_quiet_words_reach_only_so_far() -> None:
    loud = Levels(np.full(200, LOUD), -np.inf)
    assert spread([(100, 102)], {0}, loud, SECONDS) == [(75, 127)]


def test_nothing_heard_is_nowhere() -> None:
    assert spread([], set(), TWO_WORDS, SECONDS) == []


def test_a_recording_as_loud_everywhere_has_no_pause() -> None:
    random = np.random.default_rng(1)
    even = levels(Loudness(80).feed((0.1 * random.standard_normal(8000)).astype(np.float32), 90))
    assert even.speaking == -np.inf
    wave = np.concatenate([np.zeros(2000), 0.1 * random.standard_normal(2000), np.zeros(2000)]).astype(np.float32)
    found = levels(Loudness(80).feed(wave, 75))
    loud = np.flatnonzero(found.found > found.speaking)
    assert (loud[0], loud[-1]) == (25, 49)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[tuple[int, int]], set[int], Levels]:
    count = draw(st.integers(1, 80))
    edges = sorted(draw(st.lists(st.integers(0, count), min_size=2, max_size=12, unique=True)))
    edges = edges[: len(edges) // 2 * 2]
    heard = list(zip(edges[::2], edges[1::2]))
    begins = {0} | draw(st.sets(st.integers(0, len(heard) - 1)))
    values = draw(st.lists(st.sampled_from([QUIET, -40.0, LOUD]), min_size=count, max_size=count))
    speaking = draw(st.sampled_from([-np.inf, -50.0, -35.0]))
    return heard, begins, Levels(np.array(values), speaking)


@settings(max_examples=300, deadline=None)
@given(cases())
def test_nothing_overlaps_nothing_is_empty_and_all_is_within_the_recording(
    case: tuple[list[tuple[int, int]], set[int], Levels],
) -> None:
    heard, begins, loud = case
    found = spread(heard, begins, loud, SECONDS)
    assert len(found) == len(heard)
    assert all(0 <= begin < end <= len(loud.found) for begin, end in found)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(found))
