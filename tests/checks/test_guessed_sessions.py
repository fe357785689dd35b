"""Average linkage against its definition, and sessions where it is known what was recorded together."""

from __future__ import annotations

from itertools import count

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sound.made import RATE, Samples, noise, tone

from melisma.sound import sessions as module
from melisma.sound.clusters import clusters, linkage
from melisma.sound.sessions import sessions


def plain(distances: NDArray[np.float64], most: float) -> list[frozenset[int]]:
    """The two nearest clusters joined again and again, by the mean of all distances between them."""
    groups = [frozenset({one}) for one in range(len(distances))]
    while len(groups) > 1:
        apart = {
            (one, other): np.mean([distances[a, b] for a in one for b in other])
            for number, one in enumerate(groups)
            for other in groups[:number]
        }
        one, other = min(apart, key=lambda pair: apart[pair])
        if apart[one, other] > most:
            break
        groups = [group for group in groups if group not in (one, other)] + [one | other]
    return groups


@settings(max_examples=40)
@given(st.integers(1, 9), st.integers(0, 1000), st.floats(0.1, 2.5))
def test_it_joins_what_is_nearest_on_the_average(count: int, seed: int, most: float) -> None:
    points = np.random.default_rng(seed).standard_normal((count, 2))
    distances = np.sqrt(((points[:, None] - points[None]) ** 2).sum(2))
    joins = linkage(distances.astype(np.float32))
    assert len(joins) == count - 1
    numbers = clusters(joins, count, most)
    groups = {frozenset(np.flatnonzero(numbers == number).tolist()) for number in numbers.tolist()}
    assert groups == set(plain(distances, most))
    firsts = [int(np.flatnonzero(numbers == number)[0]) for number in range(len(groups))]
    assert firsts == sorted(firsts)


ROOMS = {"hum": (lambda n, s: tone(n, 100, level=0.01) + noise(n, s, 0.001)), "hiss": (lambda n, s: noise(n, s, 0.01))}
VOICES = {"low": 110.0, "high": 230.0}
VOWELS = {"a": (700, 1200), "i": (300, 2300), "u": (350, 800), "e": (500, 1900)}


def take(room: str, voice: str, vowel: str, seed: int) -> Samples:
    """A vowel of half a second with quiet around it: harmonics of a pitch, each as loud as the formants allow."""
    count, pitch = RATE // 2, VOICES[voice] * (1 + 0.02 * np.random.default_rng(seed).standard_normal())
    harmonics = [number * pitch for number in range(1, int(3000 / pitch))]
    gains = [sum(1 / (1 + ((hertz - formant) / 120) ** 2) for formant in VOWELS[vowel]) for hertz in harmonics]
    said = np.sum([gain * tone(count, hertz, level=0.1) for hertz, gain in zip(harmonics, gains)], axis=0)
    quiet = np.zeros(RATE // 5)
    wave = np.concatenate((quiet, said, quiet)) + ROOMS[room](count + 2 * len(quiet), seed)
    found: Samples = wave.astype(np.float32)
    return found


def takes(places: list[tuple[str, str]]) -> tuple[list[Samples], list[str], list[int]]:
    """Twelve takes of each room and voice, of four vowels -> waves, texts, where each comes from."""
    made = [
        (take(room, voice, vowel, 100 * number + again), vowel, number)
        for number, (room, voice) in enumerate(places)
        for again, vowel in enumerate([*VOWELS] * 6)
    ]
    return [one for one, _, _ in made], [one for _, one, _ in made], [one for _, _, one in made]


def test_one_voice_in_one_room_is_one_session() -> None:
    waves, texts, _ = takes([("hum", "low")])
    assert set(sessions(waves, texts, RATE).tolist()) == {0}


@pytest.mark.parametrize(
    "places",
    [
        [("hum", "low"), ("hiss", "low")],
        [("hum", "low"), ("hum", "high")],
        [("hum", "low"), ("hiss", "low"), ("hum", "high"), ("hiss", "high")],
    ],
    ids=["rooms", "voices", "both"],
)
def test_rooms_and_voices_are_told_apart_whatever_is_said(places: list[tuple[str, str]]) -> None:
    waves, texts, known = takes(places)
    numbers = sessions(waves, texts, RATE).tolist()
    assert len(set(zip(numbers, known))) == len(set(numbers)) == len(places)


def test_of_each_recording_so_many_seconds_are_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    waves, texts, _ = takes([("hum", "low"), ("hiss", "low")])
    monkeypatch.setattr(module, "HEARD", 0.9)
    wanted = sessions(waves, texts, RATE).tolist()
    longer = [np.concatenate((wave, noise(3 * RATE, n, 0.3 * (n % 2)))) for n, wave in enumerate(waves)]
    assert sessions(longer, texts, RATE).tolist() == wanted


def test_a_recording_without_a_pitch_is_no_session_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    waves, texts, _ = takes([("hum", "low")])
    found, asked = module._pitch, count()
    monkeypatch.setattr(module, "_pitch", lambda *given: np.nan if next(asked) % 5 == 0 else found(*given))
    assert set(sessions(waves, texts, RATE).tolist()) == {0}


def test_order_is_irrelevant_and_anything_can_be_compared() -> None:
    waves, texts, _ = takes([("hum", "low"), ("hiss", "high")])
    waves += [np.zeros(0, np.float32), np.zeros(9, np.float32), np.zeros(RATE, np.float32)]
    texts += ["a", "a", "b"]
    numbers = sessions(waves, texts, RATE)
    order = np.random.default_rng(0).permutation(len(waves))
    again = sessions([waves[place] for place in order], [texts[place] for place in order], RATE)
    assert len(set(zip(numbers[order].tolist(), again.tolist()))) == len(set(numbers.tolist()))
