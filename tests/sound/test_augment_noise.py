"""Noise behind speech, and the recordings that it comes from."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.sound import background
from melisma.sound.background import FADE, Background, looped
from melisma.sound.level import decibels, level
from melisma.sound.noise import hiss, noisy

RATE = 8000


def white(count: int, seed: int = 0, height: float = 0.1) -> np.ndarray:
    return (height * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)


def spoken(quiet: int = 4000) -> np.ndarray:
    """Half a second of sound between two stretches of quiet."""
    voice = 0.5 * np.sin(2 * np.pi * 200 * np.arange(4000) / RATE)
    return np.concatenate((np.zeros(quiet), voice, np.zeros(quiet))).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(st.floats(-10, 40), st.integers(0, 100), st.floats(1e-4, 10))
def test_the_distance_is_reached_where_somebody_speaks(apart: float, quiet: int, loud: float) -> None:
    clip = spoken(160 * quiet)  # whole frames
    added = noisy(clip, white(len(clip), height=loud), RATE, apart).astype(np.float64) - clip
    reached = decibels(0.5 / np.sqrt(2)) - decibels(float(added.std()))
    assert reached == pytest.approx(apart, abs=0.01)


def test_silence_stays_silent_and_silent_noise_adds_nothing() -> None:
    nothing = np.zeros(500, np.float32)
    assert noisy(nothing, white(500), RATE, 0) is nothing
    clip = spoken()
    assert noisy(clip, np.zeros(len(clip), np.float32), RATE, 0) is clip
    assert len(noisy(nothing[:0], nothing[:0], RATE, 0)) == 0
    assert noisy(clip[:1], white(1), RATE, 0).shape == (1,)


def test_noise_of_another_length_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="499 samples of noise"):
        noisy(white(500), white(499), RATE, 0)


def test_hiss_is_between_white_and_brown() -> None:
    slopes = []
    for seed in range(30):
        noise = hiss(1 << 14, np.random.default_rng(seed))
        assert np.mean(np.square(noise)) == pytest.approx(1, rel=1e-3)
        power = np.abs(np.fft.rfft(noise))[1:] ** 2
        bins = np.arange(1, len(power) + 1)
        low, high = power[(bins > 400) & (bins < 800)].mean(), power[(bins > 3200) & (bins < 6400)].mean()
        slopes.append(np.log2(high / low) / 3)
    assert -2.1 < min(slopes) < -1.7
    assert -0.3 < max(slopes) < 0.1


# --- recordings


def write(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    soundfile.write(path, samples, rate, subtype="FLOAT" if path.suffix == ".wav" else None)
    return path


def found_in(window: np.ndarray, recording: np.ndarray) -> bool:
    places = np.flatnonzero(np.abs(recording[: len(recording) - len(window) + 1] - window[0]) < 1e-6)
    return any(np.allclose(recording[at : at + len(window)], window, atol=1e-6) for at in places)


def test_windows_come_from_all_of_all_recordings(tmp_path: Path) -> None:
    first, second = white(4000, 1), white(2000, 2)
    write(tmp_path / "a.wav", first)
    write(tmp_path / "deep" / "b.wav", second)
    (tmp_path / "notes.txt").write_text("not a sound")
    heard = Background.of([tmp_path], RATE)
    assert (heard.seconds, len(heard.recordings), heard.left_out) == (0.75, 2, ())
    random = np.random.default_rng(0)
    windows = [heard.window(500, random) for _ in range(400)]
    places = [int(np.argmin(np.abs(first[:3501] - window[0]))) for window in windows if found_in(window, first)]
    assert all(found_in(window, first) or found_in(window, second) for window in windows)
    assert 150 < len(places) < 250
    assert min(places) < 100
    assert max(places) > 3400


def test_sounds_are_found_by_any_ending_and_what_is_hidden_is_passed_by(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", white(2000, 1))
    for name in ("b.wave", "yes/c.AIFC", "d.snd", ".e.wav", ".git/f.wav", "__MACOSX/g.wav", "h.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes((tmp_path / "a.wav").read_bytes())
    assert len(Background.of([tmp_path], RATE).recordings) == 4


def test_a_window_may_be_a_whole_recording_and_end_with_it(tmp_path: Path) -> None:
    clip = write(tmp_path / "a.wav", white(3000, 1))
    heard = Background.of([clip], RATE)
    assert np.array_equal(heard.window(3000, np.random.default_rng(0)), heard.recordings[0][0])
    begins = {float(heard.window(2999, np.random.default_rng(seed))[0]) for seed in range(20)}
    assert begins == {float(heard.recordings[0][0][0]), float(heard.recordings[0][0][1])}


def test_the_same_state_draws_the_same_window(tmp_path: Path) -> None:
    heard = Background.of([write(tmp_path / "a.wav", white(9000, 1))], RATE)
    one, two = (heard.window(700, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(one, two)


@given(st.integers(1, 3000), st.integers(0, 8000), st.data())
@settings(max_examples=40, deadline=None)
def test_a_short_recording_begins_again(length: int, count: int, data: st.DataObject) -> None:
    recording = white(length)
    begin = data.draw(st.integers(0, length - 1))
    made = looped(recording, begin, count, RATE)
    assert made.shape == (count,)
    fade = min(round(FADE * RATE), length // 2)
    places = begin + np.arange(count)
    if begin + count <= length:
        assert np.array_equal(made, recording[places])
        return
    within = places % (length - fade)
    plain = within >= fade
    assert np.array_equal(made[plain], recording[within[plain]])


def test_where_it_begins_again_it_is_neither_louder_nor_softer_and_does_not_jump() -> None:
    fade = round(FADE * RATE)
    made = np.stack([looped(white(2000, seed), 0, 4000, RATE) for seed in range(300)])
    power = (made**2).mean(0).reshape(-1, 100).mean(1)
    assert np.allclose(power, 0.01, rtol=0.05)
    smooth = np.sin(np.arange(2000) / 50).astype(np.float32)
    turned = looped(smooth, 0, 4000, RATE)
    assert np.abs(np.diff(turned)).max() < 2 / 50 + 2 * np.pi / fade


def test_only_so_much_is_kept_and_the_longest_give_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "PIECE", 1.0)
    write(tmp_path / "long.wav", white(20 * RATE, 1))
    for i in range(3):
        write(tmp_path / f"short{i}.wav", white(RATE, i + 2))
    heard = Background.of([tmp_path], RATE, seconds=8)
    assert heard.seconds <= 8
    assert sorted(map(len, heard.recordings)) == [1, 1, 1, 5]
    assert heard.left_out == ()
    again, other = (Background.of([tmp_path], RATE, seed, 8) for seed in (0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(heard.recordings[0], again.recordings[0]))
    assert not all(np.array_equal(a, b) for a, b in zip(heard.recordings[0], other.recordings[0]))
    few = Background.of([tmp_path], RATE, seconds=2)
    assert (len(few.recordings), len(few.left_out)) == (2, 2)
    assert "found no room in 2 s" in few.left_out[0]


def test_every_piece_of_a_long_recording_is_as_likely_to_be_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(background, "PIECE", 1.0)
    pieces = [np.full(RATE, 0.1 * (i + 1), np.float32) for i in range(6)]
    (tmp_path / "a.wav").touch()
    monkeypatch.setattr(background, "blocks", lambda path, rate, seconds: iter(pieces))
    counts = Counter[int]()
    for seed in range(300):
        heard = Background.of([tmp_path / "a.wav"], RATE, seed, seconds=2)
        kept = [round(float(piece[0]) * 10) for piece in heard.recordings[0]]
        assert kept == sorted(kept)
        counts.update(kept)
    assert all(70 < counts[i] < 130 for i in range(1, 7))


def test_padding_is_cut_and_what_is_silent_short_or_damaged_is_left_out_and_named(tmp_path: Path) -> None:
    sound = white(4000, 1)
    write(tmp_path / "padded.wav", np.concatenate((np.zeros(3000), sound, np.zeros(5000))))
    write(tmp_path / "silent.wav", np.zeros(5000))
    write(tmp_path / "short.wav", white(1000))
    (tmp_path / "damaged.flac").write_bytes(b"fLaC" + bytes(100))
    heard = Background.of([tmp_path], RATE)
    assert [len(pieces) for pieces in heard.recordings] == [1]
    assert np.allclose(heard.recordings[0][0], sound, atol=1e-7)
    assert [next(name for name in ("silent", "short", "damaged") if f"{name}." in why) for why in heard.left_out] == [
        "damaged",
        "short",
        "silent",
    ]


def test_what_is_not_there_or_holds_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="does not exist"):
        Background.of([tmp_path / "none.wav"], RATE)
    with pytest.raises(Refusal, match="there is no sound file"):
        Background.of([tmp_path], RATE)
    with pytest.raises(Refusal, match="an empty list holds no background"):
        Background.of([], RATE)
    with pytest.raises(Refusal, match=r"holds no background sound: .*silent"):
        Background.of([write(tmp_path / "a.wav", np.zeros(9000))], RATE)


def test_another_rate_is_resampled(tmp_path: Path) -> None:
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(32000) / 16000)
    heard = Background.of([write(tmp_path / "a.wav", tone, 16000)], RATE)
    window = heard.window(8000, np.random.default_rng(0))
    assert np.argmax(np.abs(np.fft.rfft(window * np.hanning(8000)))) == 440
    assert level(window, RATE) == pytest.approx(0.3 / np.sqrt(2), rel=0.01)
