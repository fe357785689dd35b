"""Levels, peaks cut off, and the telephone."""

from __future__ import annotations

import numpy as np
import pytest

from melisma.sound.channel import bounded, clipped, gained, telephone

RATE = 16000


def sine(hertz: float, count: int = RATE, height: float = 0.5) -> np.ndarray:
    return (height * np.sin(2 * np.pi * hertz * np.arange(count) / RATE)).astype(np.float32)


def gain(before: np.ndarray, after: np.ndarray) -> float:
    return float(20 * np.log10(after[2000:-2000].std() / before[2000:-2000].std() + 1e-12))


@pytest.mark.parametrize("decibels", [-20.0, 0.0, 6.0])
def test_louder_by_so_many_decibels(decibels: float) -> None:
    made = gained(sine(300), decibels)
    assert made.dtype == np.float32
    assert gain(sine(300), made) == pytest.approx(decibels, abs=1e-4)


@pytest.mark.parametrize("decibels", [0.0, 3.0, 12.0])
def test_peaks_are_cut_off_so_many_decibels_below_the_highest(decibels: float) -> None:
    clip = sine(300)
    made = clipped(clip, decibels)
    bound = np.abs(clip).max() * 10 ** (-decibels / 20)
    assert made.dtype == np.float32
    assert np.abs(made).max() == pytest.approx(bound, rel=1e-6)
    low = np.abs(clip) < bound * 0.9999
    assert np.array_equal(made[low], clip[low])
    assert (np.sign(made) == np.sign(clip)).all()


@pytest.mark.parametrize(
    ("hertz", "least", "most"), [(100, -300, -40), (1000, -0.3, 0.3), (3000, -0.3, 0.3), (5000, -300, -40)]
)
def test_a_telephone_passes_its_band(hertz: float, least: float, most: float) -> None:
    clip = sine(hertz)
    assert least < gain(clip, telephone(clip, RATE)) < most


def test_a_telephone_has_eight_bits() -> None:
    """The steps of the mu-law are finer than the sound by about 38 dB, at any level (ITU-T G.711)."""
    for height in (0.5, 0.05):
        clip = sine(1000, height=height)
        wrong = (telephone(clip, RATE) - clip)[2000:-2000]
        assert -44 < 20 * np.log10(wrong.std() / clip.std()) < -36


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("count", [0, 1, 7, 4001])
def test_a_telephone_keeps_length_and_place(rate: int, count: int) -> None:
    clip = np.zeros(count, np.float32)
    clip[count // 2 : count // 2 + 1] = 0.9
    made = telephone(clip, rate)
    assert made.dtype == np.float32
    assert made.shape == clip.shape
    assert np.isfinite(made).all()
    if count > 1000:
        assert abs(int(np.argmax(made)) - count // 2) <= rate / 8000


def test_what_ends_loudly_is_not_heard_at_the_beginning() -> None:
    clip = np.zeros(8000, np.float32)
    clip[-80:] = sine(1000, 80)
    assert np.abs(telephone(clip, 8000)[:2000]).max() < 0.001


def test_nothing_exceeds_the_bound_and_what_does_not_is_as_it_was() -> None:
    clip = sine(300)
    assert bounded(clip, 0.5) is clip
    assert np.abs(bounded(clip, 0.2)).max() == pytest.approx(0.2)
    assert gain(clip, bounded(clip, 0.25)) == pytest.approx(-6.02, abs=0.01)


@pytest.mark.parametrize("count", [0, 1, 300])
def test_silence_stays_silent(count: int) -> None:
    nothing = np.zeros(count, np.float32)
    for made in (gained(nothing, 9), clipped(nothing, 6), telephone(nothing, RATE), bounded(nothing, 1)):
        assert made.shape == (count,)
        assert not made.any()
