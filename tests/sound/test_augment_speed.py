"""Clips played faster and slower, higher and lower."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.sound.speed import PASSED, pitch, speed, stretched

RATE = 16000
FACTORS = [0.8, 0.93, 1.0, 1.0594, 1.25]


def sine(hertz: float, count: int = RATE) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(count) / RATE).astype(np.float32)


def loudest(samples: np.ndarray) -> float:
    """The frequency of the highest line, in Hz."""
    return float(np.argmax(np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 16 * RATE))) / 16)


def impurity(samples: np.ndarray, aside: int = 20) -> float:
    """The share of energy more than so many hertz from the highest line."""
    lines = np.abs(np.fft.rfft(samples * np.blackman(len(samples)), 4 * RATE)) ** 2
    near = np.abs(np.arange(len(lines)) - np.argmax(lines)) <= 4 * aside
    return float(lines[~near].sum() / lines.sum())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 4000), st.floats(0.5, 2))
def test_lengths_are_as_stated(count: int, factor: float) -> None:
    clip = np.random.default_rng(count).standard_normal(count).astype(np.float32)
    for made, wanted in (
        (speed(clip, factor), int(count / factor + 0.5)),
        (pitch(clip, RATE, factor), count),
        (stretched(clip, RATE, factor), int(count * factor + 0.5)),
    ):
        assert made.dtype == np.float32
        assert made.shape == (wanted,)
        assert np.isfinite(made).all()


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("hertz", [100.0, 440.0, 3000.0])
def test_frequencies_go_up_with_speed_and_pitch_and_stay_when_stretched(factor: float, hertz: float) -> None:
    for made, wanted in (
        (speed(sine(hertz), factor), hertz * factor),
        (pitch(sine(hertz), RATE, factor), hertz * factor),
        (stretched(sine(hertz), RATE, factor), hertz),
    ):
        inner = made[1000:-1000]
        assert loudest(inner) == pytest.approx(wanted, abs=0.3)
        assert impurity(inner) < 1e-4
        assert inner.std() == pytest.approx(np.sqrt(0.5), rel=0.01)


@pytest.mark.parametrize("factor", [0.85, 0.93, 1.15])
def test_what_resampling_adds_is_softer_than_the_rounding_of_a_recording(factor: float) -> None:
    """A step of 16 bits is 98 dB below a sine at full scale; what is beyond the new rate's half leaves as little."""
    for hertz in (200.0, 3000.0, 6000.0):
        assert impurity(speed(sine(hertz), factor)[1000:-1000], 150) < 1e-10
    assert speed(sine(7950), 1.15)[1000:-1000].std() < 1e-5


@pytest.mark.parametrize("factor", [0.8, 0.93, 1.15])
def test_what_is_said_to_pass_passes(factor: float) -> None:
    made = speed(sine((PASSED - 0.02) * 8000 * min(1, 1 / factor)), factor)[1000:-1000]
    assert made.std() == pytest.approx(np.sqrt(0.5), rel=0.11)


@pytest.mark.parametrize("factor", FACTORS)
def test_a_click_is_where_it_is_said_to_be(factor: float) -> None:
    clip = np.zeros(8000, np.float32)
    clip[5000] = 1
    assert abs(np.argmax(speed(clip, factor)) - 5000 / factor) <= 0.5
    assert abs(np.argmax(pitch(clip, RATE, factor)) - 5000) <= 0.006 * RATE + 1
    assert abs(np.argmax(stretched(clip, RATE, factor)) - 5000 * factor) <= 0.006 * RATE * 1.25 + 1


@pytest.mark.parametrize("factor", FACTORS)
def test_where_nothing_is_alike_windows_do_not_slide(factor: float) -> None:
    for place in (3000, 5000, 6111):
        clip = np.zeros(8000, np.float32)
        clip[place] = 1
        assert abs(np.argmax(stretched(clip, RATE, factor)) - place * factor) <= 0.0035 * RATE


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_voice_is_stretched_whole_periods_at_a_time(factor: float) -> None:
    """Pulses keep their distance, and none is doubled or lost in between."""
    clip = np.zeros(RATE, np.float32)
    clip[::133] = 1  # 120 Hz
    made = stretched(clip, RATE, factor)[800:-800]
    places = np.flatnonzero(made > 0.5)
    assert (np.abs(np.diff(places) - 133) <= 1).mean() > 0.98


@pytest.mark.parametrize("growth", [-20, 20])
def test_windows_slide_to_what_is_alike_and_not_to_what_is_loud(growth: float) -> None:
    """A sine that grows or fades by 170 dB a second keeps its line."""
    times = np.arange(RATE) / RATE
    clip = (np.exp(growth * times - max(growth, 0)) * np.sin(2 * np.pi * 150 * times)).astype(np.float32)
    made = stretched(clip, RATE, 1.1)[800:-800]
    assert impurity(made * np.exp(-growth / 1.1 * np.arange(len(made)) / RATE)) < 5e-4


def test_what_does_not_change_is_not_touched() -> None:
    clip = sine(440)
    assert speed(clip, 1.0) is clip
    assert pitch(clip, RATE, 1.0) is clip


@pytest.mark.parametrize("count", [0, 1, 5, 3000])
def test_silence_stays_silent(count: int) -> None:
    nothing = np.zeros(count, np.float32)
    for factor in (0.9, 1.1):
        assert not speed(nothing, factor).any()
        assert not pitch(nothing, RATE, factor).any()


@pytest.mark.parametrize("factor", [0.0, -1.0, 0.1, 5.0, float("nan"), float("inf")])
def test_factors_without_sense_are_refused(factor: float) -> None:
    for change in (lambda: speed(sine(100), factor), lambda: pitch(sine(100), RATE, factor)):
        with pytest.raises(Refusal, match="wants a factor of"):
            change()


def test_without_the_resampler_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soxr", None)
    with pytest.raises(Refusal, match=r"pip install melisma\[sound\]"):
        speed(sine(100), 1.1)
