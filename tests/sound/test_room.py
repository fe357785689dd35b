"""Rooms by the image-source method: where echoes stand, how loud they are, and how long a room rings."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.sound.room import (
    AWAY,
    CUT,
    EARLY,
    HEIGHT,
    NEAR,
    SIDE,
    SOUND,
    Room,
    drawn_room,
    echoes,
    high_passed,
    images,
    response,
    reverberant,
)

RATE = 16000
HALL = Room((6.0, 5.0, 3.0), (1.2, 3.1, 1.6), (3.7, 2.0, 1.1), 0.4)


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def tail(taps: np.ndarray, lead: int) -> np.ndarray:
    """What follows the direct sound."""
    return taps[lead + round(0.0025 * RATE) :]


def decay_of(taps: np.ndarray, rate: int, upper: float = -5.0, lower: float = -35.0) -> float:
    """The seconds in which a response falls by 60 dB, from the slope between two levels of what is left of its energy.

    10 log₁₀ of the sum of squares from each tap to the end, falling from ``upper`` to ``lower`` dB below all of it;
    least squares (Schroeder 1965; ISO 3382, T30).
    """
    left = np.cumsum(np.square(taps, dtype=np.float64)[::-1])[::-1]
    curve = 10 * np.log10(np.maximum(left, 1e-30) / left[0])
    begin, end = (int(np.argmax(curve <= level)) for level in (upper, lower))
    slope = float(np.polyfit(np.arange(begin, end) / rate, curve[begin:end], 1)[0])
    return -60 / slope


# --- the decay


@pytest.mark.parametrize("seed", range(25))
def test_a_drawn_room_rings_as_long_as_it_says(seed: int) -> None:
    room = drawn_room(0.1, 0.6, 2.0, random(seed))
    heard = response(room, RATE, random(seed))
    assert decay_of(tail(*heard), RATE) == pytest.approx(room.decay, rel=0.2)


@pytest.mark.parametrize("rate", [8000, 44100])
def test_it_rings_as_long_at_any_rate(rate: int) -> None:
    taps, lead = response(HALL, rate, random())
    assert decay_of(taps[lead + round(0.0025 * rate) :], rate) == pytest.approx(0.4, rel=0.1)


@pytest.mark.parametrize("decay", [0.1, 0.5, 2.0])
def test_the_decay_of_an_exponential_is_measured(decay: float) -> None:
    times = np.arange(round(1.5 * decay * RATE)) / RATE
    noise = random().standard_normal(len(times)) * 10 ** (-3 * times / decay)
    assert decay_of(noise.astype(np.float32), RATE) == pytest.approx(decay, rel=0.05)
    assert decay_of((10 ** (-3 * times / decay)).astype(np.float32), RATE) == pytest.approx(decay, rel=1e-3)


@given(st.floats(2, 20), st.floats(2, 20), st.floats(2, 6), st.floats(0.05, 3))
@settings(max_examples=30, deadline=None)
def test_walls_reflect_as_eyring_has_it(x: float, y: float, z: float, decay: float) -> None:
    reflection = Room((x, y, z), (1, 1, 1), (1, 1, 1.5), decay).reflection
    assert 0 < reflection < 1
    absorbed, surface = 1 - reflection**2, 2 * (x * y + y * z + z * x)
    assert 24 * np.log(10) * x * y * z / (SOUND * -surface * np.log1p(-absorbed)) == pytest.approx(decay)


def test_a_quarter_of_a_second_in_a_living_room_is_what_eyring_gives() -> None:
    """5 × 4 × 2.5 m, a quarter absorbed: 0.161 V / (S · 0.2877) = 0.329 s, by the usual constant."""
    room = Room((5.0, 4.0, 2.5), (1, 1, 1), (2, 2, 1), 0.161 * 50 / (85 * -np.log(0.75)))
    assert room.reflection**2 == pytest.approx(0.75, abs=0.001)


# --- the echoes


def test_the_images_are_those_of_the_sum_over_all_of_them() -> None:
    """Allen and Berkley 1979, eq. 10, written out: each image in turn, near or not."""
    delays, heights = images(HALL)
    direct = np.linalg.norm(np.subtract(HALL.mouth, HALL.microphone))
    wanted = []
    for place in product(range(-4, 5), repeat=3):
        for side in product((0, 1), repeat=3):
            at = [(1 - 2 * q) * s + 2 * n * size for q, s, n, size in zip(side, HALL.mouth, place, HALL.size)]
            away = float(np.linalg.norm(np.subtract(at, HALL.microphone)))
            bounces = sum(abs(n - q) + abs(n) for q, n in zip(side, place))
            if away <= direct + EARLY * SOUND:
                wanted.append(((away - direct) / SOUND, HALL.reflection**bounces * direct / away))
    assert len(wanted) == len(delays) > 20
    assert np.allclose(sorted(wanted), sorted(zip(delays, heights)))


def test_the_direct_sound_comes_first_and_stays_in_place() -> None:
    delays, heights = images(HALL)
    assert (delays[0], heights[0]) == (0, pytest.approx(1))
    assert (np.diff(delays) >= 0).all()
    taps, lead = response(HALL, RATE, random())
    assert int(np.argmax(np.abs(taps))) == lead
    clip = np.zeros(4000, np.float32)
    clip[1234] = 1
    assert int(np.argmax(reverberant(clip, response(HALL, RATE, random())))) == 1234


@given(st.floats(45, 55), st.floats(0.01, 0.45))
@settings(max_examples=30, deadline=None)
def test_an_echo_between_samples_delays_by_as_much(place: float, frequency: float) -> None:
    """What a sinc of 81 taps makes of a sine is the sine, that much later, up to nearly half the rate."""
    taps = echoes(np.array([place]), np.array([0.7]), 101)
    wave = np.exp(2j * np.pi * frequency * np.arange(101))
    assert abs((taps * wave).sum() - 0.7 * np.exp(2j * np.pi * frequency * place)) < 2e-3


def test_an_echo_on_a_sample_is_one_sample_and_those_beyond_the_ends_are_cut() -> None:
    taps = echoes(np.array([3.0, 5.0, 5.0, 500.0, -200.0]), np.array([1.0, 0.5, 0.25, 1.0, 1.0]), 50)
    assert np.allclose(taps, [1 if i == 3 else 0.75 if i == 5 else 0 for i in range(50)], atol=1e-9)


def test_late_echoes_go_on_as_loud_as_early_ones_ended() -> None:
    """Before and after the first 30 ms the mean power over many rooms lies on one exponential."""
    before, after = [], []
    for seed in range(60):
        room = drawn_room(0.4, 0.6, 2.0, random(seed))
        taps, lead = response(room, RATE, random(seed))
        times = np.arange(len(taps)) / RATE
        flat = np.square(taps, dtype=np.float64) * 10 ** (6 * times / room.decay)
        seam = lead + round(EARLY * RATE)
        width = round(0.008 * RATE)
        whole = flat[lead + width :].mean()
        before.append(flat[seam - width : seam].mean() / whole)
        after.append(flat[seam : seam + width].mean() / whole)
    assert abs(10 * np.log10(np.mean(before) / np.mean(after))) < 2


def test_the_filter_is_that_of_allen_and_berkley() -> None:
    taps = random().standard_normal(600).astype(np.float32)
    angle = 2 * np.pi * CUT / RATE
    radius = np.exp(-angle)
    held, wanted = [0.0, 0.0], []
    for tap in taps:  # y0 = tap + b1 y1 + b2 y2, out = y0 + a1 y1 + r y2
        now = float(tap) + 2 * radius * np.cos(angle) * held[0] - radius**2 * held[1]
        wanted.append(now - (1 + radius) * held[0] + radius * held[1])
        held = [now, held[0]]
    assert np.allclose(high_passed(taps, RATE), wanted, atol=1e-4)


def test_echoes_of_one_sign_leave_nothing_at_zero_hertz() -> None:
    taps, _ = response(HALL, RATE, random())
    lines = np.abs(np.fft.rfft(taps, RATE))
    assert lines[0] < 0.01 * lines[200:].mean()


# --- what is heard


@pytest.mark.parametrize("seed", range(5))
def test_a_response_has_energy_one_and_a_clip_its_length(seed: int) -> None:
    heard = response(drawn_room(0.1, 0.6, 2.0, random(seed)), RATE, random(seed))
    assert heard.taps.dtype == np.float32
    assert np.square(heard.taps, dtype=np.float64).sum() == pytest.approx(1, rel=1e-5)
    clip = random(seed).standard_normal(60_000).astype(np.float32)
    made = reverberant(clip, heard)
    assert made.dtype == np.float32
    assert made.shape == clip.shape
    assert made[20_000:].std() == pytest.approx(1, rel=0.15)
    wanted = [
        float(clip[: at + heard.lead + 1][::-1][: len(heard.taps)] @ heard.taps[: at + heard.lead + 1])
        for at in (0, 99)
    ]
    assert np.allclose(made[[0, 99]], wanted, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 50, 1000])
def test_silence_stays_silent(count: int) -> None:
    made = reverberant(np.zeros(count, np.float32), response(HALL, RATE, random()))
    assert made.shape == (count,)
    assert not made.any()


def test_the_same_state_draws_the_same_room_and_the_same_response() -> None:
    assert drawn_room(0.1, 0.6, 2.0, random(4)) == drawn_room(0.1, 0.6, 2.0, random(4))
    assert drawn_room(0.1, 0.6, 2.0, random(4)) != drawn_room(0.1, 0.6, 2.0, random(5))
    one, two = (response(HALL, RATE, random(4)).taps for _ in range(2))
    assert np.array_equal(one, two)


@pytest.mark.parametrize("distance", [0.05, 0.5, 5.0])
def test_drawn_rooms_are_as_described(distance: float) -> None:
    rooms = [drawn_room(0.2, 0.5, distance, random(seed)) for seed in range(300)]
    for room in rooms:
        room.check()
        apart = float(np.linalg.norm(np.subtract(room.mouth, room.microphone)))
        assert min(NEAR, distance) * 0.99 <= apart <= distance * 1.01
        assert all(SIDE[0] <= side <= SIDE[1] for side in room.size[:2])
        assert HEIGHT[0] <= room.size[2] <= HEIGHT[1]
        for place in (room.mouth, room.microphone):
            assert all(AWAY - 1e-9 <= at <= side - AWAY + 1e-9 for at, side in zip(place, room.size))
    decays = [room.decay for room in rooms]
    assert 0.2 <= min(decays) < 0.22
    assert 0.48 < max(decays) <= 0.5
    heights = [room.mouth[2] - room.microphone[2] for room in rooms]
    assert abs(np.mean(heights)) < 0.15 * distance


@pytest.mark.parametrize(
    ("room", "said"),
    [
        (HALL._replace(size=(0.1, 5.0, 3.0)), "0.5 to 100 m"),
        (HALL._replace(decay=0.0), "0.01 to 10 s"),
        (HALL._replace(decay=float("nan")), "0.01 to 10 s"),
        (HALL._replace(mouth=(7.0, 1.0, 1.0)), "the mouth is at"),
        (HALL._replace(microphone=(1.0, -1.0, 1.0)), "the microphone is at"),
        (HALL._replace(mouth=HALL.microphone), "at one place"),
    ],
)
def test_rooms_that_cannot_be_are_refused(room: Room, said: str) -> None:
    with pytest.raises(Refusal, match=said):
        response(room, RATE, random())
