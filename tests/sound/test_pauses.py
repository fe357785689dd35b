"""Where utterances end: by loudness, frame by frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.sound.pauses import Loudness, Pauses

STEP = 0.01


def ends(power: np.ndarray, pause: float = 0.5, longest: float = 20.0) -> list[int]:
    return Pauses(STEP, pause, longest).feed(power.astype(np.float32))


def stretch(*parts: tuple[float, float]) -> np.ndarray:
    """(level in decibels, seconds) one after another, as mean squares."""
    return np.concatenate([np.full(round(seconds / STEP), 10 ** (level / 10)) for level, seconds in parts])


@pytest.mark.parametrize("quiet", [-100.0, -70.0, -50.0, -35.0])
def test_a_pause_ends_an_utterance_whatever_the_room_and_wherever_speech_begins(quiet: float) -> None:
    spoken = stretch((-15, 1), (quiet, 1), (-20, 1), (quiet, 1))
    assert ends(spoken) == [150, 350]
    assert ends(np.concatenate([stretch((quiet, 1)), spoken])) == [250, 450]


def test_short_pauses_end_nothing() -> None:
    assert ends(stretch((-15, 1), (-60, 0.4), (-15, 1), (-60, 0.4), (-15, 1))) == []


def test_silence_alone_is_no_utterance_and_neither_is_steady_noise() -> None:
    assert ends(stretch((-100, 10))) == []
    assert ends(stretch((-30, 10))) == []


def test_what_goes_on_is_ended_in_any_case() -> None:
    assert ends(stretch((-30, 10)), longest=4.0) == [400, 800]


def test_a_room_that_becomes_louder_is_learned() -> None:
    found = ends(stretch((-60, 1), (-45, 25), (-20, 1), (-45, 2)), longest=60.0)
    assert found
    assert found[-1] == 2750


@given(st.lists(st.floats(-110, 0), min_size=1, max_size=300), st.lists(st.integers(0, 40), max_size=30))
def test_any_cutting_gives_the_same(levels: list[float], cuts: list[int]) -> None:
    power = (10 ** (np.array(levels) / 10)).astype(np.float32)
    whole, pauses, found, begin = ends(power, 0.1, 1.0), Pauses(STEP, 0.1, 1.0), list[int](), 0
    for cut in [*cuts, len(power)]:
        found += [begin + end for end in pauses.feed(power[begin : begin + cut])]
        begin = min(begin + cut, len(power))
    assert found == whole


@given(st.integers(0, 60), st.lists(st.integers(0, 9), max_size=12))
def test_loudness_is_that_of_each_hop_however_it_comes(count: int, cuts: list[int]) -> None:
    samples = np.random.default_rng(count).standard_normal(count).astype(np.float32)
    hop, window = 4, 6

    def frames(upto: int) -> int:
        return 0 if upto < window else 1 + (upto - window) // hop

    loudness, begin, found = Loudness(hop), 0, list[float]()
    for cut in [*cuts, count]:
        end = min(begin + cut, count)
        found += loudness.feed(samples[begin:end], frames(end) - frames(begin)).tolist()
        begin = end
    assert found == pytest.approx([np.square(samples[t * hop : (t + 1) * hop]).mean() for t in range(frames(count))])
