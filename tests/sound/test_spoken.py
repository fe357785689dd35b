"""Where something is said, by energy: a burst of sound in rooms of any loudness, with clicks and pauses."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from melisma.sound.level import active, frame, powers
from melisma.sound.spoken import levels, spoken, threshold

RATE = 16_000
Samples = NDArray[np.float32]


def room(seconds: float, loudness: float, seed: int = 0) -> Samples:
    noise = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return (loudness * noise).astype(np.float32)


def hum(seconds: float, loudness: float = 0.3) -> Samples:
    t = np.arange(round(seconds * RATE)) / RATE
    return (loudness * np.sin(2 * np.pi * 220 * t)).astype(np.float32)


def put(into: Samples, at: float, what: Samples) -> Samples:
    result = into.copy()
    result[round(at * RATE) : round(at * RATE) + len(what)] += what
    return result


@pytest.mark.parametrize("loudness", [0.0, 1e-5, 1e-3, 0.03])
@pytest.mark.parametrize(("begin", "end"), [(0.5, 1.2), (0.0, 0.4), (1.1, 2.0), (0.333, 0.777)])
def test_a_sound_in_a_room_of_any_loudness(loudness: float, begin: float, end: float) -> None:
    found = spoken(put(room(2.0, loudness), begin, hum(end - begin)), RATE)
    assert found == pytest.approx((begin, end), abs=0.015)


def test_a_pause_is_within_and_a_click_far_away_is_not() -> None:
    samples = put(put(room(3.0, 1e-4), 1.0, hum(0.3)), 1.5, hum(0.4))
    assert spoken(samples, RATE) == pytest.approx((1.0, 1.9), abs=0.015)
    assert spoken(put(samples, 0.2, hum(0.02)), RATE) == pytest.approx((1.0, 1.9), abs=0.015)
    assert spoken(put(samples, 2.5, hum(0.02)), RATE) == pytest.approx((1.0, 1.9), abs=0.015)


def test_what_fades_out_ends_thirty_decibels_down() -> None:
    t = np.arange(RATE) / RATE
    fading = (hum(1.0) * 10 ** (-60 * t / 20)).astype(np.float32)  # 60 dB a second
    end = spoken(put(room(3.0, 1e-6), 1.0, fading), RATE)[1]
    assert end == pytest.approx(1.5 + 0.02 * 3.0, abs=0.03), "30 dB below all but the loudest fiftieth of three seconds"


@pytest.mark.parametrize("samples", [np.zeros(RATE), np.full(RATE, 0.5), np.zeros(0), np.ones(1), np.zeros(100)])
def test_where_nothing_differs_all_is_spoken(samples: NDArray[np.float64]) -> None:
    assert spoken(samples.astype(np.float32), RATE) == (0.0, len(samples) / RATE)


@pytest.mark.parametrize("count", [0, 1, 319, 320, 321, 480, 481, 5000])
def test_levels_are_of_every_sample_and_windows_as_they_are_defined(count: int) -> None:
    samples = room(1.0, 0.1)[:count]
    found = levels(samples, RATE)
    padded = np.concatenate((samples, np.zeros(1000))).astype(np.float64)
    wanted = [10 * np.log10(max(1e-10, np.mean(padded[t * 160 : t * 160 + 320] ** 2))) for t in range(len(found))]
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert (len(found) - 1) * 160 + 320 >= count > (len(found) - 1) * 160 + 160 or len(found) == 1


def test_the_threshold_lies_between_the_room_and_the_loudest() -> None:
    assert threshold(np.repeat([-80.0, -20.0], 50)) == pytest.approx(-50)
    assert threshold(np.repeat([-30.0, -15.0], 50)) == pytest.approx(-24)


@pytest.mark.parametrize("loudness", [0.0, 1e-5, 1e-3])
def test_the_frames_that_a_level_is_taken_of_lie_where_something_is_said(loudness: float) -> None:
    samples = put(room(2.0, loudness), 0.5, hum(0.8))
    heard = np.flatnonzero(active(powers(samples, RATE))) * frame(RATE) / RATE
    begin, end = spoken(samples, RATE)
    assert begin - 0.02 <= heard[0] <= begin + 0.03
    assert end - 0.05 <= heard[-1] <= end
