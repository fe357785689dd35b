"""Frames: what they are made of, and that a stream gives the bits of the whole."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.settings.sound import SoundSettings
from melisma.sound import features
from melisma.sound.definitions import definition, kaldi_mfcc, librosa_mel
from melisma.sound.features import BLOCK, KEPT, Definition, FeatureStream, frames

PLAIN = definition(SoundSettings())
SMALL = Definition(rate=1000, window=7, hop=3, fft=8, bands=2, low=0.0, high=500.0)
ALL = {
    "log_mel": PLAIN,
    "8 kHz": definition(SoundSettings(rate=8000, bands=23)),
    "22.05 kHz": definition(SoundSettings(rate=22_050, bands=80)),
    "44.1 kHz": definition(SoundSettings(rate=44_100, window=20, hop=7.3)),
    "48 kHz": definition(SoundSettings(rate=48_000, kind="mfcc")),
    "no overlap": definition(SoundSettings(window=10, hop=10, bands=20)),
    "lifted high": definition(SoundSettings(preemphasis=0.97)),
    "pcen": definition(SoundSettings(pcen=True)),
    "kaldi": kaldi_mfcc(),
    "decibels": librosa_mel(16_000, 512, 160, 40, window=400),
    "small": SMALL,
}


def noise(count: int, seed: int = 0, height: float = 0.1) -> np.ndarray:
    return (height * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)


def bits(found: np.ndarray) -> bytes:
    assert found.dtype == np.float32
    return found.tobytes()


def streamed(asked: Definition, samples: np.ndarray, cuts: list[int]) -> np.ndarray:
    stream, parts, at = FeatureStream(asked), [], 0
    for cut in (*cuts, len(samples)):
        parts.append(stream.feed(samples[at : max(at, cut)]))
        at = max(at, cut)
        assert stream.given == sum(map(len, parts)) == asked.count(at)
    parts.append(stream.finish())
    return np.concatenate(parts)


def by_hand(asked: Definition, samples: np.ndarray, frame: int) -> list[float]:
    """One frame of htk bands in float64, as the definition says it."""
    n = np.arange(asked.window)
    cut = asked.scale * samples[frame * asked.hop :][: asked.window].astype(float)
    cut = cut - cut.mean() * asked.zero_mean
    cut = cut - asked.preemphasis * np.array([cut[0], *cut[:-1]])
    if asked.taper == "hann":
        cut = cut * (0.5 - 0.5 * np.cos(2 * np.pi * n / asked.window))
    else:
        cut = cut * (0.54 - 0.46 * np.cos(2 * np.pi * n / (asked.window - 1)))
    energy = [abs(sum(cut * np.exp(-2j * np.pi * k * n / asked.fft))) ** 2 for k in range(asked.fft // 2 + 1)]
    highest, lowest = (2595 * np.log10(1 + end / 700) for end in (asked.high, asked.low))
    found = []
    for band in range(asked.bands):
        mels = [lowest + (highest - lowest) * (band + side) / (asked.bands + 1) for side in range(3)]
        left, middle, right = (700 * (10 ** (mel / 2595) - 1) for mel in mels)
        total = 0.0
        for k, of in enumerate(energy):
            hertz = k * asked.rate / asked.fft
            if left < hertz < right:
                total += of * (
                    (hertz - left) / (middle - left) if hertz <= middle else (right - hertz) / (right - middle)
                )
        found.append(np.log(max(total, asked.floor)))
    return found


@pytest.mark.parametrize(
    "asked",
    [
        PLAIN,
        ALL["8 kHz"],
        ALL["44.1 kHz"],
        ALL["lifted high"],
        SMALL,
        replace(SMALL, scale=100.0),
        replace(SMALL, taper="hamming", preemphasis=0.9, zero_mean=True, scale=0.1),
    ],
)
def test_a_frame_is_what_the_definition_says(asked: Definition) -> None:
    samples = noise(asked.window + 3 * asked.hop)
    found = frames(asked, samples)
    for frame in (0, 3):
        assert found[frame] == pytest.approx(by_hand(asked, samples, frame), abs=2e-5)


def test_what_is_below_the_floor_is_raised_to_it_and_no_more_is_changed() -> None:
    asked = replace(SMALL, floor=0.05)
    samples = noise(200)
    found = frames(asked, samples)
    floor = np.float32(np.log(np.float32(0.05)))
    assert 0.1 < (found == floor).mean() < 0.9
    assert found == pytest.approx(np.maximum(frames(SMALL, samples), floor), abs=1e-6)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("step", [1, 2, 7, 79, 1280, 4999])
def test_however_it_is_cut_a_stream_gives_the_bits_of_the_whole(name: str, step: int) -> None:
    asked = ALL[name]
    count = asked.window + (70 if step > 50 else 3) * asked.hop + 1
    samples = noise(count)
    whole = frames(asked, samples)
    assert len(whole) == (71 if step > 50 else 4)
    assert bits(streamed(asked, samples, [*range(0, count, step)])) == bits(whole)


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(ALL)),
    count=st.integers(0, 12_000),
    cuts=st.lists(st.integers(0, 12_000), max_size=12).map(sorted),
)
def test_any_cutting_gives_the_bits_of_the_whole(name: str, count: int, cuts: list[int]) -> None:
    samples = noise(count, seed=count)
    cuts = [min(cut, count) for cut in cuts]
    assert bits(streamed(ALL[name], samples, cuts)) == bits(frames(ALL[name], samples))


@pytest.mark.parametrize("name", [name for name in ALL if name != "pcen"])
def test_a_frame_depends_on_its_own_samples_alone(name: str) -> None:
    asked = ALL[name]
    samples = noise(asked.window + (2 * BLOCK + 3) * asked.hop)
    whole = frames(asked, samples)
    for frame in (0, 1, BLOCK - 1, BLOCK, 2 * BLOCK + 3):
        begin, end = frame * asked.hop, frame * asked.hop + asked.window
        others = noise(len(samples), seed=1, height=30.0)
        others[begin:end] = samples[begin:end]
        assert bits(frames(asked, others)[frame]) == bits(whole[frame])


@pytest.mark.parametrize("name", ALL)
def test_a_frame_is_said_with_its_last_sample(name: str) -> None:
    asked = ALL[name]
    stream, samples = FeatureStream(asked), noise(asked.window + asked.hop)
    assert stream.feed(samples[: asked.window - 1]).shape == (0, asked.features)
    assert len(stream.feed(samples[asked.window - 1 : asked.window])) == 1
    assert len(stream.feed(samples[asked.window : -1])) == 0
    assert len(stream.feed(samples[-1:])) == 1
    assert stream.finish().shape == (0, asked.features)
    with pytest.raises(ValueError, match="ended"):
        stream.feed(samples)


@pytest.mark.parametrize("count", [0, 1, 399, 400, 559, 560, 16_000])
def test_there_are_as_many_frames_as_fit(count: int) -> None:
    fits = sum(begin + 400 <= count for begin in range(0, count, 160))
    assert PLAIN.count(count) == fits
    assert frames(PLAIN, noise(count)).shape == (fits, 40)


def test_a_frame_is_loudest_where_its_middle_is() -> None:
    assert PLAIN.latency == 25.0
    click = np.zeros(16_000, np.float32)
    click[8000] = 1.0
    loudest = int(frames(PLAIN, click).mean(1).argmax())
    assert abs(160 * loudest + 200 - 8000) <= 80


def test_a_tone_lies_in_its_band() -> None:
    for hertz in (200.0, 1000.0, 3000.0, 7000.0):
        tone = (0.5 * np.sin(2 * np.pi * hertz * np.arange(4000) / 16_000)).astype(np.float32)
        mels = 2595 * np.log10(1 + np.array([20.0, hertz, 8000.0]) / 700)
        place = (mels[1] - mels[0]) / (mels[2] - mels[0]) * 41 - 1
        assert abs(frames(PLAIN, tone).mean(0).argmax() - place) <= 0.75


def test_silence_is_the_floor_and_loudness_an_offset() -> None:
    assert (frames(PLAIN, np.zeros(4000, np.float32)) == np.float32(np.log(np.float32(1e-8)))).all()
    samples = noise(4000)
    assert frames(PLAIN, 10 * samples) - frames(PLAIN, samples) == pytest.approx(2 * np.log(10), abs=1e-4)
    steady = np.full(4000, 0.7, np.float32)
    level = replace(PLAIN, zero_mean=True)
    assert frames(level, samples + steady) == pytest.approx(frames(level, samples), abs=0.05)
    assert np.abs(frames(PLAIN, samples + steady)[:, 0] - frames(PLAIN, samples)[:, 0]).max() > 1


def test_many_frames_are_few_numbers_of_any_kind() -> None:
    for asked in ALL.values():
        found = frames(asked, noise(asked.window))
        assert found.shape == (1, asked.features)
        assert np.isfinite(found).all()
    assert ALL["48 kHz"].features == 13


def test_streams_side_by_side_and_threads_know_nothing_of_each_other() -> None:
    sounds = [noise(20_000, seed=seed, height=10.0**-seed) for seed in range(4)]
    alone = [bits(frames(PLAIN, samples)) for samples in sounds]
    streams, parts = [FeatureStream(PLAIN) for _ in sounds], [[] for _ in sounds]
    for at in range(0, 20_000, 1111):
        for stream, samples, part in zip(streams, sounds, parts, strict=True):
            part.append(stream.feed(samples[at : at + 1111]))
    assert [bits(np.concatenate(part)) for part in parts] == alone
    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(lambda samples: bits(frames(PLAIN, samples)), sounds)] == alone
        assert pool.submit(features._block, PLAIN).result() is not features._block(PLAIN)
    for number in range(1, KEPT + 2):
        frames(replace(SMALL, floor=1e-8 / number), sounds[0][:100])
    assert bits(frames(PLAIN, sounds[0])) == alone[0]


def test_samples_are_taken_as_they_lie() -> None:
    samples = noise(3000)
    expected = bits(frames(PLAIN, samples))
    assert bits(frames(PLAIN, np.repeat(samples, 2)[::2])) == expected
    assert bits(frames(PLAIN, samples.astype(np.float64))) == expected
    frozen = samples.copy()
    frozen.setflags(write=False)
    assert bits(frames(PLAIN, frozen)) == expected
    stream, chunk = FeatureStream(PLAIN), samples[:100].copy()
    first = stream.feed(chunk)
    chunk[:] = 9.0  # a caller's buffer is used again
    assert bits(np.concatenate((first, stream.feed(samples[100:])))) == expected


@pytest.mark.parametrize(
    ("samples", "sentence"),
    [
        (np.zeros((100, 2), np.float32), r"shape \(100, 2\).*one channel"),
        (np.zeros(100, np.int16), "int16.*floats"),
        (np.array([0.0, 1.0, np.nan], np.float32), "sample 502 of the sound is nan"),
        (np.array([0.0, -np.inf], np.float32), "sample 501 of the sound is -inf"),
        (np.array([3e6], np.float32), "sample 500 of the sound is 3e"),
        (np.array([0.5, 1e300]), "sample 501 of the sound is inf"),
    ],
)
def test_what_is_no_sound_is_refused_and_leaves_the_stream_as_it_was(samples: np.ndarray, sentence: str) -> None:
    stream = FeatureStream(PLAIN)
    before = stream.feed(noise(500))
    with pytest.raises(Refusal, match=sentence):
        stream.feed(samples)
    after = stream.feed(noise(2000, seed=1))
    assert bits(np.concatenate((before, after))) == bits(
        frames(PLAIN, np.concatenate((noise(500), noise(2000, seed=1))))
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"high": 8001.0}, "between 20 and 8001 Hz.*at most 8000"),
        ({"low": 8000.0}, "low below high"),
        ({"low": -1.0}, "low of frames is -1: wants 0"),
        ({"rate": 0}, "rate of frames is 0"),
        ({"window": 159}, "hop of frames is 160 samples and steps over some between windows of 159"),
        ({"hop": 0}, "hop of frames is 0"),
        ({"fft": 399}, "fft of frames is 399"),
        ({"fft": 401}, "even"),
        ({"fft": 4_000_000, "bands": 4096}, "fft of frames is 4000000: wants 4096 or less for a window of 400"),
        ({"window": 40_000, "fft": 1 << 18, "bands": 65}, r"times bands is 17,039,360: wants 16,777,216 or less"),
        ({"bands": 128}, r"1 of 128 bands of frames, number 4 first, .* 31.25 Hz.*fewer bands, or a longer fft"),
        ({"bands": 2.0}, "bands of frames is 2.0: wants a whole number"),
        ({"window": True}, "window of frames is True"),
        ({"floor": 0.0}, "floor of frames is 0"),
        ({"floor": float("nan")}, "floor of frames is nan"),
        ({"preemphasis": 1.0}, "preemphasis of frames is 1"),
        ({"mel": "bark"}, "mel of frames is 'bark': wants htk, kaldi or slaney"),
        ({"kind": "mfcc"}, "coefficients of frames is 0: wants 1 to 40"),
        ({"kind": "mfcc", "coefficients": 41}, "coefficients of frames is 41"),
        ({"coefficients": 13}, "wants 0, as kind is log_mel"),
        ({"lifter": 22.0}, "lifter"),
        ({"logarithm": "decibel", "pcen": ALL["pcen"].pcen}, "pcen"),
        ({"pcen": 0.5}, "pcen of frames is 0.5: wants the numbers of PCEN, or none"),
    ],
)
def test_what_contradicts_itself_is_refused(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(Refusal, match=sentence):
        replace(PLAIN, **change)


@pytest.mark.parametrize("name", ALL)
def test_a_definition_is_read_as_it_was_written(name: str) -> None:
    written = json.loads(json.dumps(ALL[name].to_json()))
    assert Definition.from_json(written) == ALL[name]
    for wrong in ([], {}, {**written, "format": 2}, {**written, "more": 1}, {**written, "rate": "16000"}):
        with pytest.raises(Refusal, match=r"definition of frames|rate of frames"):
            Definition.from_json(wrong)
    with pytest.raises(Refusal, match="pcen"):
        Definition.from_json({**written, "pcen": {"smoothing": 1}})


def test_what_differs_between_definitions_is_named() -> None:
    assert PLAIN.difference(definition(SoundSettings())) == ""
    assert PLAIN.difference(definition(SoundSettings(hop=5))) == "hop is 160 and 80"
