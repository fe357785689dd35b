"""How loud somebody speaks, and what long filters and coloured noise are made with."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.sound.fourier import coloured, convolved, fast
from melisma.sound.level import MARGIN, active, amplitude, decibels, frame, level, powers

RATE = 16000


def sine(seconds: float, hertz: float = 200.0, rate: int = RATE, height: float = 0.5) -> np.ndarray:
    return (height * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def white(count: int, seed: int = 0, height: float = 1.0) -> np.ndarray:
    return (height * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)


@pytest.mark.parametrize("quiet", [0, 1, 5])
def test_quiet_around_speech_changes_no_level(quiet: int) -> None:
    nothing = np.zeros(quiet * RATE, np.float32)
    clip = np.concatenate((nothing, sine(1.0), nothing + white(len(nothing), height=0.001)))
    assert level(clip, RATE) == pytest.approx(0.5 / np.sqrt(2), rel=1e-3)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1e3), max_size=40))
def test_the_active_frames_are_those_within_the_margin_of_their_own_mean(power: list[float]) -> None:
    found = active(np.array(power))
    assert found.any() == any(each > 0 for each in power)
    if found.any():
        bound = np.array(power)[found].mean() * 10 ** (-MARGIN / 10)
        assert ((np.array(power) >= bound * (1 - 1e-12)) | ~found).all()
        assert ((np.array(power) <= bound * (1 + 1e-12)) | found).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([0.0, 1e-9, 1e-4, 0.01, 0.03, 0.1, 0.7, 1.0, 50.0]), max_size=40))
def test_the_active_frames_are_those_left_when_the_softer_are_left_out_again_and_again(power: list[float]) -> None:
    heard = [each for each in power if each > 0]
    while soft := [each for each in heard if each < np.mean(heard) * 10 ** (-MARGIN / 10)]:
        heard = [each for each in heard if each not in soft]
    assert sorted(heard) == sorted(np.array(power)[active(np.array(power))].tolist())


def test_a_constant_is_no_sound() -> None:
    assert level(np.full(RATE, 0.3, np.float32), RATE) < 1e-6
    assert level(sine(1.0) + np.float32(0.3), RATE) == pytest.approx(0.5 / np.sqrt(2), rel=1e-3)


@pytest.mark.parametrize("count", [0, 1, 2, 319, 320, 321, 640])
def test_frames_lie_side_by_side(count: int) -> None:
    found = powers(white(count), RATE)
    assert len(found) == (count // frame(RATE) or min(count, 1))
    assert np.isfinite(found).all()
    assert level(np.zeros(count, np.float32), RATE) == 0


def test_frames_hold_mean_squares_about_the_mean() -> None:
    clip = white(700) + np.float32(0.25)
    whole = clip.astype(np.float64) - clip.astype(np.float64).mean()
    assert np.allclose(powers(clip, RATE), [(whole[:320] ** 2).mean(), (whole[320:640] ** 2).mean()], rtol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.floats(-100, 100))
def test_decibels_and_amplitudes_are_inverse(value: float) -> None:
    assert decibels(amplitude(value)) == pytest.approx(value, abs=1e-9)


def test_twice_the_amplitude_is_six_decibels() -> None:
    assert decibels(2.0) == pytest.approx(6.0206, abs=1e-4)


def is_fast(number: int) -> bool:
    for prime in (2, 3, 5):
        while number % prime == 0:
            number //= prime
    return number == 1


def test_fast_lengths_are_the_least_without_large_prime_factors() -> None:
    allowed = [number for number in range(2, 5000, 2) if is_fast(number)]
    for count in range(1, 4800):
        assert fast(count) == next(number for number in allowed if number >= count)


@pytest.mark.parametrize(("samples", "taps"), [(1, 1), (3, 7), (500, 20), (70_000, 300), (90_000, 9_000)])
def test_convolution_is_convolution_in_one_block_and_in_many(samples: int, taps: int) -> None:
    first, second = white(samples, 1), white(taps, 2)
    found = convolved(first, second)
    assert found.dtype == np.float32
    assert found.shape == (samples + taps - 1,)
    wanted = np.convolve(first.astype(np.float64), second) if taps < 1000 else None
    if wanted is None:  # long: some places alone
        whole = np.concatenate((np.zeros(taps - 1), first.astype(np.float64), np.zeros(taps - 1)))
        places = np.arange(0, samples + taps - 1, 997)
        wanted, found = np.array([whole[at : at + taps] @ second[::-1] for at in places]), found[places]
    assert np.abs(found - wanted).max() < 1e-5 * np.sqrt(taps) * 10


def test_nothing_convolved_is_nothing() -> None:
    assert len(convolved(np.zeros(0, np.float32), white(3))) == 0


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 5000), st.integers(0, 5))
def test_coloured_noise_has_mean_square_one(count: int, seed: int) -> None:
    noise = coloured(np.array([1.0, 0.5]), count, np.random.default_rng(seed))
    assert noise.dtype == np.float32
    assert np.mean(np.square(noise, dtype=np.float64)) == pytest.approx(1, rel=1e-4)


def test_coloured_noise_has_its_colour() -> None:
    noise = coloured(np.array([0.0, 1.0, 0.0]), 1 << 16, np.random.default_rng(0))
    parts = np.abs(np.fft.rfft(noise)[: 1 << 15].reshape(8, -1)) ** 2
    shares = parts.sum(1) / parts.sum()
    edges = np.linspace(0, 2, 9)
    wanted = [np.trapezoid((1 - np.abs(np.linspace(a, b, 99) - 1)) ** 2) for a, b in pairwise(edges)]
    assert np.allclose(shares, np.array(wanted) / np.sum(wanted), atol=0.01)


@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_the_same_number_of_values_is_drawn_whatever_the_colour(count: int) -> None:
    after = []
    for spectrum in ([1.0], [0.0, 0.0], [1.0, 5.0, 2.0]):
        random = np.random.default_rng(3)
        assert np.isfinite(coloured(np.array(spectrum), count, random)).all()
        after.append(random.random())
    assert len(set(after)) == 1
