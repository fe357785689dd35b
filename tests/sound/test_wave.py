"""Reading: the same samples from any kind of file, whole or in blocks, all or a part, in bounded memory."""

from __future__ import annotations

import builtins
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sound.made import RATE, noise, pcm, put, tone, wav, written

from melisma.errors import Refusal
from melisma.sound.decoding import AT_ONCE, Decoder
from melisma.sound.following import Following
from melisma.sound.resample import resampled
from melisma.sound.wave import Parts, blocks, look, read

EXACT = [
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "PCM_32"),
    ("WAV", "FLOAT"),
    ("WAVEX", "PCM_16"),
    ("RF64", "PCM_16"),
]
EXACT += [
    ("W64", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("CAF", "PCM_16"),
    ("AU", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("FLAC", "PCM_24"),
]
LOSSY = [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("WAV", "MS_ADPCM"), ("WAV", "ULAW")]
NAMES = [f"{kind}-{subtype}" for kind, subtype in EXACT + LOSSY]


@pytest.mark.parametrize(("kind", "subtype"), EXACT)
def test_what_was_written_is_read(tmp_path: Path, kind: str, subtype: str) -> None:
    samples = noise(2 * AT_ONCE + 77)
    wave = read(put(tmp_path, "a", written(samples, RATE, kind, subtype)))
    assert wave.rate == RATE
    assert wave.samples.dtype == np.float32
    assert np.array_equal(wave.samples, samples)


def test_the_same_sound_has_the_same_digest_in_any_file(tmp_path: Path) -> None:
    samples = noise(999)
    samples[:9] = 0
    found = {
        look(put(tmp_path, kind + subtype, written(samples, RATE, kind, subtype))).sha256 for kind, subtype in EXACT
    }
    found.add(look(put(tmp_path, "stereo", written(np.stack([samples] * 2, 1)))).sha256)
    zeros = np.where(samples == 0, np.float32(-0.0), samples)
    assert np.signbit(zeros[samples == 0]).any()
    found.add(look(put(tmp_path, "signed", written(zeros, RATE, "WAV", "FLOAT"))).sha256)
    assert len(found) == 1
    assert look(put(tmp_path, "other", written(samples[:-1]))).sha256 not in found


@pytest.mark.parametrize(("kind", "subtype"), EXACT + LOSSY, ids=NAMES)
@pytest.mark.parametrize("rate", [None, 16000])
def test_blocks_are_the_whole_to_the_bit(tmp_path: Path, kind: str, subtype: str, rate: int | None) -> None:
    path = put(tmp_path, "a", written(tone(2 * AT_ONCE + 77, 440), RATE, kind, subtype))
    whole = read(path, rate)
    assert np.array_equal(whole.samples, resampled(read(path).samples, RATE, whole.rate))
    for seconds in (0.1, 1.37, 60):
        parts = [*blocks(path, rate, seconds=seconds)]
        assert np.array_equal(np.concatenate(parts), whole.samples)
        assert {len(part) for part in parts[:-1]} <= {round(seconds * whole.rate)}
        assert 0 < len(parts[-1]) <= round(seconds * whole.rate)


@pytest.mark.parametrize(("kind", "subtype"), EXACT + LOSSY, ids=NAMES)
def test_a_part_is_the_samples_of_the_whole(tmp_path: Path, kind: str, subtype: str) -> None:
    path = put(tmp_path, "a", written(tone(2 * AT_ONCE + 77, 440), RATE, kind, subtype))
    whole = read(path).samples
    for begin, end in ((0, 1), (1 / RATE, 2 / RATE), (2.0001, 2.5), (3.9, 4.05), (1, None)):
        last = len(whole) if end is None else round(end * RATE)
        assert np.array_equal(read(path, None, begin, end).samples, whole[round(begin * RATE) : last])


def test_a_part_at_another_rate_is_resampled_alone(tmp_path: Path) -> None:
    samples = noise(8000)
    path = put(tmp_path, "a.flac", written(samples, RATE, "FLAC"))
    assert np.array_equal(read(path, 16000, 0.25, 0.75).samples, resampled(samples[2000:6000], RATE, 16000))


def test_a_click_stays_where_it_is_in_any_codec(tmp_path: Path) -> None:
    samples = np.zeros(16000, np.float32)
    samples[8000] = 0.9
    for kind, subtype in (*EXACT, ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")):
        heard = read(put(tmp_path, "a", written(samples, 16000, kind, subtype)), 8000)
        assert abs(int(np.abs(heard.samples).argmax()) - 4000) <= 1, kind
        assert len(heard.samples) == 8000, kind


# --- parts that are not there -----------------------------------------------------------------------------------------

PARTS = [(-0.1, 1), (0.5, 0.5), (0.5, 0.2), (float("nan"), None), (0, float("inf")), (1e308, None), (0, 1e306)]


@pytest.mark.parametrize(("begin", "end"), PARTS)
def test_a_part_that_cannot_be_is_refused(tmp_path: Path, begin: float, end: float | None) -> None:
    path = put(tmp_path, "a.wav", written(noise(RATE)))
    with pytest.raises(Refusal, match=r"a\.wav: the part from .* has to begin at 0 s or later, and to end after that"):
        read(path, None, begin, end)
    with pytest.raises(Refusal, match=r"a\.wav: the part from"):
        look(path, begin, end)


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
@pytest.mark.parametrize(("begin", "end"), [(0, 1.2), (0.5, 3.0), (1.0, None), (7, 8)])
def test_a_part_behind_the_end_is_refused(tmp_path: Path, kind: str, begin: float, end: float | None) -> None:
    path = put(tmp_path, "a", written(noise(RATE), RATE, kind, None))
    with pytest.raises(Refusal, match=r"a ends at 1\.0\d\d s, and the part from .* is asked for"):
        read(path, None, begin, end)


def test_a_time_that_was_rounded_up_ends_at_the_end(tmp_path: Path) -> None:
    path = put(tmp_path, "a.wav", written(noise(RATE)))
    assert len(read(path, None, 0.5, 1.04).samples) == RATE // 2


def test_the_end_of_a_file_of_unknown_length_is_found_by_decoding(tmp_path: Path) -> None:
    content = bytearray(written(noise(RATE), RATE, "FLAC"))
    content[21:26] = bytes((content[21] & 0xF0, 0, 0, 0, 0))  # the count of samples: 0 means unknown
    path = put(tmp_path, "a.flac", bytes(content))
    assert np.array_equal(read(path).samples, noise(RATE))
    assert np.array_equal(read(path, None, 0.5, 0.75).samples, noise(RATE)[4000:6000])
    assert look(path).declared is None
    with pytest.raises(Refusal, match=r"ends at 1\.000 s, and the part from 0\.500 s to 1\.500 s"):
        read(path, None, 0.5, 1.5)


# --- size -------------------------------------------------------------------------------------------------------------


def test_an_hour_takes_no_more_memory_than_a_minute(tmp_path: Path) -> None:
    peaks = []
    for minutes in (1, 20):
        path = tmp_path / f"{minutes}.wav"
        size = minutes * 60 * RATE * 2
        path.write_bytes(wav(b"", size))
        with path.open("r+b") as file:  # a hole of the file system, which is read as zeros
            file.truncate(44 + size)
        tracemalloc.start()
        assert sum(map(len, blocks(path))) == minutes * 60 * RATE
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 100_000
    assert peaks[1] < 4_000_000


@pytest.mark.parametrize("count", [0, 1, 80])
def test_almost_nothing_is_read_as_that(tmp_path: Path, count: int) -> None:
    path = put(tmp_path, "a.wav", written(noise(count)))
    assert len(read(path).samples) == count
    assert len(read(path, 16000).samples) == 2 * count
    assert sum(map(len, blocks(path))) == count
    assert look(path).frames == count


# --- names ------------------------------------------------------------------------------------------------------------


def test_a_file_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    samples = noise(500)
    for name in ("noext", "a.mp3", "a.raw", "a.txt", "ä\udcff.wav", "a b.flac"):
        assert np.array_equal(read(put(tmp_path, name, wav(pcm(samples)))).samples, samples), name


def test_without_the_packages_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path, "a.wav", written(noise(100)))
    usual = builtins.__import__
    for lacking in ("soundfile", "soxr"):

        def without(name: str, *rest: Any, lacking: str = lacking, **others: Any) -> Any:
            if name == lacking:
                raise ImportError(name)
            return usual(name, *rest, **others)

        monkeypatch.setattr(builtins, "__import__", without)
        with pytest.raises(Refusal, match=rf"{lacking}, which is not installed: pip install melisma\[sound\]"):
            read(path, 16000)


PARTS = [(0.1, 0.5), (0.5, 2.0), (2.5, 2.6), (2.55, 4.0), (1.0, 1.5), (4.2, None), (0.0, None), (0.3, 0.9)]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("kind", "subtype"), [("WAV", "PCM_16"), *LOSSY[:4]])
def test_parts_one_after_the_other_are_each_what_it_is_alone(
    tmp_path: Path, kind: str, subtype: str, channels: int
) -> None:
    sound = np.concatenate([tone(RATE, 300 + 100 * place, level=0.3) for place in range(5)]) + noise(5 * RATE, 3, 0.01)
    samples = sound if channels == 1 else np.stack([sound, np.roll(sound, 1000) * np.linspace(2, 0, len(sound))], 1)
    path = put(tmp_path, "a", written(samples.astype(np.float32), RATE, kind, subtype))
    with Parts() as parts, Following() as following:
        for begin, end in PARTS:
            found = np.concatenate([*parts.blocks(path, 11025, begin, end)])
            assert np.array_equal(found, read(path, 11025, begin, end).samples), (begin, end)
            assert look(path, begin, end, following) == look(path, begin, end)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_packed_file_is_decoded_once_for_parts_that_follow_each_other(
    tmp_path: Path, channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, plain = 0, Decoder._decoded

    def counted(self: Decoder, size: int) -> Any:
        nonlocal count
        found = plain(self, size)
        count += len(found[0])
        return found

    monkeypatch.setattr(Decoder, "_decoded", counted)
    samples = noise(5 * RATE) if channels == 1 else np.stack([noise(5 * RATE), noise(5 * RATE, 2)], 1)
    path = put(tmp_path, "a.ogg", written(samples, RATE, "OGG", "VORBIS"))
    with Parts() as parts:
        for begin in range(20):
            list(parts.blocks(path, RATE, begin / 4, (begin + 1) / 4))
    assert 0 < count <= channels * 5 * RATE
    count = 0
    with Following() as following:
        for begin in range(20):
            look(path, begin / 4, (begin + 1) / 4, following)
    assert 0 < count <= 5 * RATE
