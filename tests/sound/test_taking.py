"""Takes before a microphone: when they end, and what is wrong with them."""

from __future__ import annotations

import numpy as np
import pytest
from command.voice import Take, Voice
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.sound.taking import SETTLING, Level, judged, judged_whole, taken

RATE = 4000
QUIET = float("-inf")


def said(take: Take, longest: float = 3.0, pause: float | None = 0.6) -> tuple[np.ndarray, list[Level]]:
    heard: list[Level] = []
    return taken(Voice([take])(RATE, 0.05), RATE, longest, pause, heard.append), heard


def fault(take: Take, longest: float = 3.0) -> str:
    return judged(said(take, longest)[0], RATE).fault


def test_a_take_ends_when_the_word_has() -> None:
    samples, heard = said(Take(before=0.7, lasts=0.4))
    assert len(samples) / RATE == pytest.approx(0.7 - SETTLING + 0.4 + 0.6, abs=0.06)
    assert heard[-1].seconds == pytest.approx(len(samples) / RATE, abs=0.05)
    assert max(level.decibels for level in heard) == pytest.approx(-15, abs=1)  # of a sine whose peaks are at -12
    assert min(level.decibels for level in heard) == pytest.approx(-65, abs=2)
    found = judged(samples, RATE)
    assert found.fault == ""
    assert found.seconds == pytest.approx(0.4, abs=0.05)
    assert found.decibels == pytest.approx(-15, abs=0.5)


def test_an_offset_of_the_device_hides_no_end() -> None:
    source = (block + np.float32(0.3) for block in Voice([Take()])(RATE, 0.05))
    samples = taken(source, RATE, 3.0, 0.6, lambda level: None)
    assert len(samples) / RATE == pytest.approx(1.5, abs=0.06)
    assert judged(samples, RATE).fault == ""


def test_without_a_pause_it_takes_its_time_to_the_sample() -> None:
    assert len(said(Take(), 1.2345, None)[0]) == round(1.2345 * RATE)
    assert len(said(Take(lasts=9), 2.0)[0]) == 2 * RATE


@given(st.lists(st.integers(0, 700), min_size=1, max_size=40))
@settings(max_examples=25, deadline=None)
def test_any_cutting_into_blocks_gives_the_same(sizes: list[int]) -> None:
    whole = Take(before=0.5, lasts=0.3).samples(RATE, 3 * RATE, np.random.default_rng(0))
    cut = np.split(whole, np.minimum(np.cumsum(sizes), len(whole)))
    one, other = (taken(blocks, RATE, 2.0, 0.5, lambda level: None) for blocks in (cut, [whole]))
    assert np.array_equal(one, other)


@pytest.mark.parametrize(
    ("take", "sentence"),
    [
        (Take(), ""),
        (Take(lasts=0.0), "nothing was heard"),
        (Take(level=-25, room=-30, lasts=0.3), "above the room"),
        (Take(level=-55, room=-95), "too quiet"),
        (Take(level=12), "cut off"),
        (Take(before=0.0, lasts=0.5), "before the recording"),
        (Take(before=1.0, lasts=9), "cut off at the end"),
        (Take(room=QUIET, lasts=0.0), "digital silence"),
    ],
)
def test_what_is_wrong_is_said(take: Take, sentence: str) -> None:
    found = fault(take)
    assert sentence in found if sentence else found == ""


def test_nothing_and_what_are_no_numbers() -> None:
    assert "nothing came" in judged(np.zeros(0, np.float32), RATE).fault
    assert "no numbers" in judged_whole(np.full(100, np.nan, np.float32), RATE).fault
    assert taken([], RATE, 1.0, 0.5, lambda level: None).shape == (0,)


def test_of_a_room_only_the_microphone_is_judged() -> None:
    assert judged_whole(said(Take(lasts=0.0), 1.0, None)[0], RATE).fault == ""
    assert "cut off" in judged_whole(said(Take(level=12), 1.5, None)[0], RATE).fault


def test_what_is_too_faint_for_a_take_ends_none() -> None:
    rustle = Take(level=-56, before=0.4, lasts=0.1, room=-80).samples(RATE, 2 * RATE, np.random.default_rng(1))
    word = Take(before=0.0, lasts=0.3, room=-80).samples(RATE, 3 * RATE, np.random.default_rng(2))
    samples = taken([rustle, word], RATE, 4.0, 0.6, lambda level: None)
    assert len(samples) / RATE == pytest.approx(2 - SETTLING + 0.3 + 0.6, abs=0.06)
    assert judged(samples, RATE).fault == ""
