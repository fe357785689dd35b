"""Frames that the settings ask for, and those of Kaldi and librosa, whose numbers are pinned."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from melisma.errors import Refusal
from melisma.settings.sound import SoundSettings
from melisma.sound.definitions import definition, kaldi_fbank, kaldi_mfcc, librosa_frames, librosa_mel
from melisma.sound.features import frames
from melisma.sound.mel import SCALES, triangles, without_bins

PINNED = json.loads((Path(__file__).parent / "frames.json").read_text(encoding="utf-8"))


def made(count: int = 1600) -> np.ndarray:
    """A tone that rises, a louder one that fades, noise of a linear congruence, an offset, and silence at the end."""
    n = np.arange(count)
    noise, state = [], 1
    for _ in range(count):
        state = (1103515245 * state + 12345) % 2**31
        noise.append(state / 2**30 - 1)
    rising, fading = np.sin(2 * np.pi * (0.01 * n + 0.1 * n * n / count)), np.exp(-n / 300) * np.sin(0.9 * n)
    found = 0.2 * rising + 0.4 * fading + 0.01 * np.array(noise) + 0.02
    found[n >= count * 3 // 4] = 0.0
    return found.astype(np.float32)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("kaldi fbank 16000 23", kaldi_fbank()),
        ("kaldi fbank 8000 40 energy", replace(kaldi_fbank(8000, 40), energy=True)),
        ("kaldi mfcc 16000", kaldi_mfcc(energy=False)),
        ("kaldi mfcc 16000 energy", kaldi_mfcc()),
    ],
)
def test_kaldis_frames(name: str, asked: object) -> None:
    pinned = np.array(PINNED[name])
    found = frames(asked, made())[: len(pinned)]
    assert found.shape == pinned.shape
    assert found == pytest.approx(pinned, abs=5e-4)


@pytest.mark.parametrize(
    ("name", "asked", "coefficients"),
    [
        ("librosa mel 16000 512 160 400 40", librosa_mel(16_000, 512, 160, 40, window=400), 0),
        ("librosa mel 22050 2048 512 2048 128", librosa_mel(), 0),
        ("librosa mfcc 16000 512 160 401 40", librosa_mel(16_000, 512, 160, 40, window=401), 13),
    ],
)
def test_librosas_frames(name: str, asked: object, coefficients: int) -> None:
    pinned = np.array(PINNED[name])
    found = librosa_frames(asked, made(), coefficients=coefficients)
    assert found.shape == pinned.shape
    assert found == pytest.approx(pinned, abs=5e-4)


def test_librosas_frames_look_at_the_whole_and_ours_do_not() -> None:
    asked = librosa_mel(16_000, 512, 160, 40)
    quiet = librosa_frames(asked, made() * np.float32(1e-3), top=None)
    assert quiet.min() == pytest.approx(-100.0)
    assert np.ptp(librosa_frames(asked, made())) == pytest.approx(80.0, abs=1e-3)
    assert librosa_frames(asked, made()[:0]).shape == (1, 40)


def test_the_highest_band_may_be_counted_from_half_the_rate() -> None:
    assert kaldi_fbank(high=-400.0).high == 7600.0
    assert kaldi_fbank(high=3800.0).high == 3800.0


@pytest.mark.parametrize(
    ("rate", "window", "hop", "fft"),
    [
        (8000, 200, 80, 256),
        (16_000, 400, 160, 512),
        (22_050, 551, 221, 1024),
        (44_100, 1103, 441, 2048),
        (48_000, 1200, 480, 2048),
    ],
)
def test_milliseconds_become_whole_samples(rate: int, window: int, hop: int, fft: int) -> None:
    asked = definition(SoundSettings(rate=rate))
    assert (asked.window, asked.hop, asked.fft, asked.high) == (window, hop, fft, rate / 2)
    assert asked.features == 40
    assert definition(SoundSettings(rate=rate, kind="mfcc", high=3500.0)).features == 13


def test_the_transform_is_lengthened_where_bands_would_be_empty() -> None:
    assert definition(SoundSettings(bands=80)).fft == 512
    assert definition(SoundSettings(bands=128)).fft == 1024
    assert definition(SoundSettings(bands=128, low=0)).fft == 1024
    with pytest.raises(Refusal, match="bands of frames"):
        definition(SoundSettings(bands=512, window=5, hop=5))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"rate": 16_000, "high": 9000.0}, "high is 9000 Hz and samples at rate=16000 reach 8000 Hz"),
        ({"rate": 16_000, "low": 8000.0}, "low is 8000 Hz and the highest band ends at 8000 Hz"),
        ({"low": 300.0, "high": 200.0}, "low is 300 Hz"),
        ({"hop": 30.0}, "hop=30 steps over what lies between windows of 25 ms"),
        ({"kind": "mfcc", "coefficients": 41}, "coefficients is 41 and bands=40"),
        ({"kind": "mfcc", "pcen": True}, "pcen takes the place"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence):
        SoundSettings(**change).check()


def test_where_no_rate_is_asked_for_that_of_the_recordings_counts_and_contradicts() -> None:
    assert definition(SoundSettings(), 8000).rate == 8000
    assert definition(SoundSettings(rate=11_025), 8000).rate == 11_025
    with pytest.raises(Refusal, match="samples at rate=8000 reach 4000 Hz"):
        definition(SoundSettings(high=5000.0), 8000)


def test_settings_that_agree_are_lawful_and_those_of_another_kind_idle() -> None:
    for lawful in (SoundSettings(), SoundSettings(kind="mfcc", coefficients=40), SoundSettings(hop=25.0, pcen=True)):
        lawful.check()
        definition(lawful)
    idle = SoundSettings().idle()
    assert all(absent for absent, _, _ in idle.values())
    assert not SoundSettings(kind="mfcc").idle()["coefficients"][0]
    assert not SoundSettings(pcen=True).idle()["adaptation"][0]
    with pytest.raises(Refusal, match="one sample"):
        definition(SoundSettings(rate=1000, window=1, hop=1))


@pytest.mark.parametrize("scale", SCALES)
def test_bands_without_bins_are_the_columns_of_zeros(scale: str) -> None:
    random = np.random.default_rng(0)
    for _ in range(40):
        low, high = sorted(random.choice([*range(0, 4001, 125)], 2, replace=False).tolist())
        asked = SCALES[scale], 8000, 2 * int(random.integers(4, 130)), int(random.integers(1, 60)), (low, high)
        assert without_bins(*asked).tolist() == np.flatnonzero(~triangles(*asked).any(axis=0)).tolist()
