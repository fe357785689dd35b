"""Files that break loaders, each made small: what is there is read and said, or refused in one sentence with its name."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound.made import RATE, Samples, noise, pcm, put, tone, wav, written

from melisma.errors import Refusal
from melisma.sound.decoding import Decoder
from melisma.sound.wave import SoundFacts, blocks, look, read

SAMPLES = noise(4000)
DATA = pcm(SAMPLES)
SAYS_NOTHING = "says that it holds nothing, and"


def heard(tmp_path: Path, content: bytes) -> SoundFacts:
    return look(put(tmp_path, "a.wav", content))


def facts(tmp_path: Path, content: bytes) -> SoundFacts | None:
    """What is heard of a file; None where it is refused by its name."""
    try:
        return heard(tmp_path, content)
    except Refusal as refusal:
        if "a.wav" in str(refusal):
            return None
        raise


# --- lengths that are wrong ------------------------------------------------------------------------------------------

KINDS = [
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "MS_ADPCM"),
    ("WAVEX", "FLOAT"),
    ("RF64", "PCM_16"),
    ("W64", "PCM_16"),
]
KINDS += [
    ("AIFF", "PCM_16"),
    ("AIFF", "FLOAT"),
    ("AU", "PCM_16"),
    ("CAF", "PCM_16"),
    ("CAF", "ALAC_16"),
    ("FLAC", "PCM_16"),
]
KINDS += [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")]


@pytest.mark.parametrize(("kind", "subtype"), KINDS, ids=[f"{kind}-{subtype}" for kind, subtype in KINDS])
def test_a_file_that_is_cut_off_anywhere_is_never_taken_for_whole(tmp_path: Path, kind: str, subtype: str) -> None:
    content = written(noise(9000), RATE, kind, subtype)
    whole = heard(tmp_path, content)
    assert not whole.truncated
    assert whole.frames >= 9000
    assert whole.warnings() == []
    cuts = np.random.default_rng(0).integers(1, len(content), 12)
    for cut in (*cuts.tolist(), len(content) - 1):
        found = facts(tmp_path, content[:cut])
        if found is None:
            continue
        assert found.truncated or found.frames == whole.frames
        if found.truncated:
            assert found.frames <= whole.frames
            assert "a.wav is cut off" in found.warnings()[0]
            assert len(read(found.path).samples) == found.frames


def test_a_truncated_wav_says_how_much_is_there(tmp_path: Path) -> None:
    found = heard(tmp_path, wav(DATA[:5001], len(DATA)))
    assert (found.frames, found.declared, found.truncated) == (2500, 4000, True)
    assert found.warnings()[0].endswith("a.wav is cut off: 0.312 of 0.500 s are there")
    assert np.array_equal(read(found.path).samples, SAMPLES[:2500])
    with Decoder(found.path) as decoder:
        assert (decoder.truncated, decoder.length, decoder.promised) == (True, 2500, 4000)
    with pytest.raises(Refusal, match=r"ends at 0\.312 s, and the part from 0\.000 s to 0\.500 s"):
        read(found.path, None, 0, 0.5)


FORMS: dict[str, Callable[[], bytes]] = {
    "16 bits": lambda: written(SAMPLES),
    "24 bits": lambda: written(SAMPLES, subtype="PCM_24"),
    "float": lambda: written(SAMPLES, subtype="FLOAT"),
    "extensible": lambda: written(SAMPLES, kind="WAVEX"),
    "mu-law": lambda: written(SAMPLES, subtype="ULAW"),
    "blocks": lambda: written(SAMPLES, subtype="MS_ADPCM"),
    "stereo": lambda: written(np.stack([SAMPLES] * 2, 1)),
    "a chunk before": lambda: wav(DATA, before=b"JUNK" + struct.pack("<I", 4000) + b"\0" * 4000),
    "64 bits": lambda: written(SAMPLES, kind="RF64"),
}


@pytest.mark.parametrize("form", FORMS)
def test_samples_behind_a_length_of_zero_are_read_and_it_is_said(tmp_path: Path, form: str) -> None:
    content = bytearray(FORMS[form]())
    wanted = read(put(tmp_path, "whole.wav", bytes(content))).samples
    at = content.find(b"data") + 4
    if content[:4] == b"RF64":
        at = content.find(b"ds64") + 16
        content[at + 4 : at + 8] = b"\0" * 4
    content[at : at + 4] = b"\0" * 4
    found = heard(tmp_path, bytes(content))
    assert (found.recovered, found.truncated) == (True, False)
    assert SAYS_NOTHING in found.warnings()[0]
    assert np.array_equal(read(found.path).samples[: len(wanted)], wanted)
    assert found.frames <= len(wanted) + 64  # what stands behind the samples is taken for some


def test_a_header_alone_is_empty_and_nothing_is_made_of_what_follows(tmp_path: Path) -> None:
    tail = b"LIST" + struct.pack("<I", 400) + b"INFO" + b"\1" * 396
    for content in (wav(b""), wav(tail, 0), wav(tail + b"id3 " + struct.pack("<I", 3) + b"ID3\0", 0)):
        found = heard(tmp_path, content)
        assert (found.frames, found.recovered, found.truncated) == (0, False, False)
        assert found.warnings() == [f"{tmp_path}/a.wav holds no samples"]
        assert len(read(found.path, 16000).samples) == 0


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0xFFFFFFFF - 36, 0x7FFFF000, 0x80000000, 0x7FFFFFFF])
def test_lengths_of_those_who_write_into_pipes_mean_nothing(tmp_path: Path, size: int) -> None:
    found = heard(tmp_path, wav(DATA, size))
    assert (found.frames, found.declared, found.truncated, found.warnings()) == (4000, None, False, [])


def test_a_length_that_went_round_four_gibibytes_is_put_right(tmp_path: Path) -> None:
    size = (1 << 32) + 8000
    path = put(tmp_path, "a.wav", wav(b"", 8000))
    with open(path, "r+b") as file:
        file.truncate(44 + size - 8000)
        file.seek(0, os.SEEK_END)
        file.write(DATA)
    with Decoder(path) as decoder:
        assert (decoder.length, decoder.promised) == (size // 2, None)
    end = size / 2 / RATE
    assert np.array_equal(read(path, None, end - 0.5).samples, SAMPLES)


def test_a_chunk_of_odd_length_is_stepped_over_padded_or_not(tmp_path: Path) -> None:
    for padding in (b"\0", b""):
        before = b"LIST" + struct.pack("<I", 5) + b"INFOx" + padding
        found = heard(tmp_path, wav(DATA[:7000], len(DATA), before=before))
        assert (found.declared, found.frames, found.truncated) == (4000, 3500, True)
    found = heard(tmp_path, wav(DATA, before=b"LIST" + struct.pack("<I", 5) + b"INFOx\0"))
    assert np.array_equal(read(found.path).samples, SAMPLES)


# --- damage -----------------------------------------------------------------------------------------------------------


def test_a_damaged_flac_is_given_to_where_it_breaks_and_refused_there(tmp_path: Path) -> None:
    samples = noise(40000)
    content = written(samples, RATE, "FLAC")
    half = len(content) // 2
    damaged = content[:half] + bytes(200) + content[half + 200 :]
    for name, found in (("zeroed.flac", damaged), ("cut.flac", content[:half])):
        path = put(tmp_path, name, found)
        said: list[Samples] = []
        told = rf"{name} is damaged or cut off: after [12]\.\d\d\d s of {40000 / RATE:.3f} s it cannot be decoded \("
        with pytest.raises(Refusal, match=told) as caught:
            said.extend(blocks(path, seconds=0.01))
        given = np.concatenate(said)
        broken = float(str(caught.value).split("after ")[1].split(" s ")[0])
        assert 0 <= broken - len(given) / RATE < 0.02
        assert np.array_equal(given, samples[: len(given)])
        with pytest.raises(Refusal, match="is damaged"):
            look(path)
        with pytest.raises(Refusal, match="is damaged"):
            read(path)


def test_a_part_before_the_damage_can_be_read(tmp_path: Path) -> None:
    content = written(noise(40000), RATE, "FLAC")
    path = put(tmp_path, "a.flac", content[: len(content) // 2])
    assert np.array_equal(read(path, None, 0.5, 1.5).samples, noise(40000)[4000:12000])
    with pytest.raises(Refusal, match=r"a\.flac is damaged"):
        read(path, None, 3.5, 4)


def test_a_hole_that_shifts_what_follows_is_refused(tmp_path: Path) -> None:
    content = written(noise(80000), RATE, "OGG", "VORBIS")
    half = len(content) // 2
    path = put(tmp_path, "a.ogg", content[:half] + bytes(3000) + content[half + 3000 :])
    with pytest.raises(Refusal, match=r"a\.ogg is damaged: of 10\.000 s, \d\.\d\d\d s can be decoded, and the times"):
        look(path)


def test_what_follows_a_whole_recording_is_no_damage(tmp_path: Path) -> None:
    for kind in ("FLAC", "MP3", "WAV", "OGG"):
        content = written(noise(20000), RATE, kind, None)
        whole = read(put(tmp_path, "whole", content)).samples
        for tail in (b"TAG" + bytes(125), bytes(3000)):
            assert np.array_equal(read(put(tmp_path, f"a.{kind}", content + tail)).samples, whole), kind


def test_any_bytes_give_facts_or_a_refusal_with_the_name(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0)
    for kind, subtype in KINDS:
        content = written(noise(2000), RATE, kind, subtype)
        for most in (60, len(content)):
            damaged = bytearray(content)
            for place in drawn.integers(0, min(most, len(content)), 5):
                damaged[place] = drawn.integers(256)
            found = facts(tmp_path, bytes(damaged))
            assert found is None or found.frames >= 0


# --- what is no sound -------------------------------------------------------------------------------------------------

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
STRANGERS = {
    "a.flac": (LFS, "is a Git LFS pointer, not the sound itself: get it with: git lfs pull"),
    "a.wav": (b"\n\n<!DOCTYPE html>\n<html><head>", "is a web page (HTML), not a sound"),
    "b.wav": (b"\xef\xbb\xbf<HTML>", "is a web page (HTML), not a sound"),
    "a.mp3": (b'{"message": "Not Found"}', "is JSON, not a sound"),
    "c.wav": (b"", "is empty (0 bytes)"),
    "d.wav": (b"hello, I am text", "is no sound that can be read: it is text ('hello, I am text')"),
    "e.wav": (b"\x93\x07\x01\x02" * 9, "is no sound that can be read: no kind of sound file is known that begins so"),
    "a.m4a": (
        b"\0\0\0\x20ftypM4A \0\0",
        "is MPEG-4 (m4a, mp4), which is not read: convert it, for example with: ffmpeg -i",
    ),
    "a.webm": (b"\x1a\x45\xdf\xa3\x01\0", "is WebM or Matroska, which is not read"),
    "a.wav.gz": (b"\x1f\x8b\x08\0\0\0\0\0", "is packed with gzip: unpack it with: gunzip"),
    "f.wav": (wav(DATA, rate=0), "says that it has 0 samples a second: its header is damaged"),
    "g.wav": (wav(DATA, rate=3), "says that it has 3 samples a second: its header is damaged"),
    "h.wav": (wav(DATA, rate=0x80000000), "says that it has 2,147,483,648 samples a second"),
    "i.wav": (wav(DATA, channels=0), "is no sound that can be read: Channel count is zero"),
    "j.wav": (wav(DATA)[:30], "is no sound that can be read"),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_what_is_no_sound_is_called_what_it_is(tmp_path: Path, name: str) -> None:
    content, sentence = STRANGERS[name]
    path = put(tmp_path, name, content)
    for ask in (look, read):
        with pytest.raises(Refusal) as caught:
            ask(path)
        assert str(caught.value).startswith(f"{path} {sentence}")


def test_what_is_no_file_is_called_what_it_is(tmp_path: Path) -> None:
    put(tmp_path, "take1.flac", b"x")
    os.mkfifo(tmp_path / "pipe.wav")
    for path, sentence in (
        ("", "an empty file name was given"),
        (f"{tmp_path}", f"{tmp_path} is a folder"),
        (f"{tmp_path}/take1.wav", rf"no such file {tmp_path}/take1\.wav, did you mean {tmp_path}/take1\.flac\?"),
        (f"{tmp_path}/no/take1.wav", f"no such file .*: there is no folder {tmp_path}/no"),
        (f"{tmp_path}/zzz", f"no such file {tmp_path}/zzz; name a sound file that exists"),
        (f"{tmp_path}/pipe.wav", "is a stream or device"),
        ("a\0b", "holds a NUL character"),
    ):
        with pytest.raises(Refusal, match=sentence):
            read(path)


# --- samples ----------------------------------------------------------------------------------------------------------


def test_eight_bits_are_unsigned_and_silence_is_their_middle(tmp_path: Path) -> None:
    path = put(tmp_path, "a.wav", wav(bytes((0, 128, 255)), bits=8))
    np.testing.assert_allclose(read(path).samples, [-1, 0, 127 / 128], atol=1e-7)


def test_twenty_four_bits_are_scaled_to_one(tmp_path: Path) -> None:
    path = put(tmp_path, "a.wav", wav(b"\x00\x00\x80\xff\xff\x7f\x00\x00\x40", bits=24))
    np.testing.assert_allclose(read(path).samples, [-1, 1 - 2**-23, 0.5])


def test_floats_beyond_full_scale_are_left_as_they_are(tmp_path: Path) -> None:
    samples = np.array([0.5, 2.5, 2.5, -1.75, 1.0] * 10, np.float32)
    path = put(tmp_path, "a.wav", written(samples, subtype="FLOAT"))
    assert np.array_equal(read(path).samples, samples)
    found = look(path)
    assert (found.peak, found.clipped) == (2.5, 0)
    assert found.warnings()[0].endswith("goes beyond full scale (to 2.5); it is left as it is")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e6])
def test_samples_that_are_no_numbers_are_counted_and_refused(tmp_path: Path, bad: float) -> None:
    samples = noise(20000).copy()
    samples[:100] = 0
    samples[[17000, 19000]] = bad
    path = put(tmp_path, "a.wav", written(samples, subtype="FLOAT"))
    found = look(path)
    assert (found.unlawful, found.unlawful_at) == (2, 17000 / RATE)
    assert np.isfinite([found.peak, found.rms, found.offset]).all()
    assert found.peak < 1
    assert found.silent == np.count_nonzero(samples == 0) / 20000
    words = "(NaN, infinite or beyond 100,000)"
    assert f"holds 2 samples that are no numbers of sound {words}, the first at 2.125 s" in found.warnings()[0]
    with pytest.raises(Refusal, match=re.escape(f"a.wav holds a sample that is no number of sound {words} at 2.125 s")):
        read(path)
    with pytest.raises(Refusal, match=r"at 2\.125 s"):
        read(path, None, 1.0, 2.2)
    assert np.array_equal(read(path, None, 0, 2.125).samples, samples[:17000])


def test_of_channels_in_antiphase_one_is_used(tmp_path: Path) -> None:
    path = put(tmp_path, "a.wav", written(np.stack([SAMPLES * 0.5, -SAMPLES], 1), subtype="FLOAT"))
    assert np.array_equal(read(path).samples, -SAMPLES)
    found = look(path)
    assert found.channel == 2
    assert found.warnings()[0].endswith("has 2 channels that do not agree; channel 2, the loudest, is used")


def test_a_dead_channel_costs_nothing(tmp_path: Path) -> None:
    for dead in (np.zeros_like(SAMPLES), np.full_like(SAMPLES, 0.5)):  # silent, and with nothing but an offset
        for place in (0, 1):
            channels = [SAMPLES, SAMPLES]
            channels[place] = dead
            path = put(tmp_path, "a.wav", written(np.stack(channels, 1)))
            assert np.array_equal(read(path).samples, SAMPLES)
            assert look(path).channel == 2 - place


def test_the_channel_is_chosen_for_the_part_that_is_asked_for(tmp_path: Path) -> None:
    nothing = np.zeros(4000, np.float32)
    left, right = np.concatenate((SAMPLES, nothing)), np.concatenate((nothing, SAMPLES))
    path = put(tmp_path, "a.flac", written(np.stack((left, right), 1), RATE, "FLAC"))
    assert np.array_equal(read(path, None, 0, 0.5).samples, SAMPLES)
    assert np.array_equal(read(path, None, 0.5, 1).samples, SAMPLES)


def test_a_channel_that_is_half_as_loud_takes_nothing_from_the_louder(tmp_path: Path) -> None:
    path = put(tmp_path, "a.wav", written(np.stack([SAMPLES, 0.5 * SAMPLES], 1), subtype="FLOAT"))
    assert np.array_equal(read(path).samples, SAMPLES)  # of their mean 56 % of the energy would be left


@pytest.mark.filterwarnings("error")
def test_infinities_in_two_channels_are_counted_and_warned_of_by_nobody_else(tmp_path: Path) -> None:
    channels = np.stack([SAMPLES, SAMPLES], 1)
    channels[7] = np.inf, -np.inf
    path = put(tmp_path, "a.wav", written(channels, subtype="FLOAT"))
    assert (look(path).unlawful, look(path).channel) == (1, None)
    with pytest.raises(Refusal, match="no number of sound"):
        read(path)


def test_channels_that_agree_are_averaged(tmp_path: Path) -> None:
    noises = 0.01 * np.random.default_rng(1).standard_normal((4000, 2))
    channels = (tone(4000, 300)[:, None] + noises).astype(np.float32)
    path = put(tmp_path, "a.wav", written(channels, subtype="FLOAT"))
    np.testing.assert_allclose(read(path).samples, channels.mean(1), atol=1e-7)
    assert look(path).channel is None


def test_a_channel_of_which_a_sample_is_no_number_is_left(tmp_path: Path) -> None:
    loud = (4 * SAMPLES).copy()
    loud[7] = np.nan
    path = put(tmp_path, "a.wav", written(np.stack([loud, SAMPLES], 1), subtype="FLOAT"))
    assert np.array_equal(read(path).samples, SAMPLES)
    assert (look(path).channel, look(path).unlawful) == (2, 0)


def test_an_offset_clipping_and_silence_are_said(tmp_path: Path) -> None:
    offset = look(put(tmp_path, "a.wav", written(SAMPLES + np.float32(0.25))))
    assert offset.offset == pytest.approx(0.25, abs=0.01)
    assert "has an offset: its mean is +0.2" in offset.warnings()[0]
    clipped = look(put(tmp_path, "a.wav", written((8 * tone(8000, 50)).clip(-1, 1))))
    assert 0.5 < clipped.clipped < 0.95
    assert "is clipped" in clipped.warnings()[0]
    silence = look(put(tmp_path, "a.wav", written(np.zeros(100))))
    assert (silence.silent, silence.rms, silence.peak) == (1, 0, 0)
    assert silence.warnings()[0].endswith("is digital silence: all of it is zero")


def test_facts_do_not_depend_on_how_the_file_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = (20 * noise(3000)).clip(-1, 1)
    samples[500:700] = 0
    path = put(tmp_path, "a.wav", written(samples))
    whole = look(path)
    at_scale = np.abs(whole_sides := np.sign(samples) * (np.abs(samples) >= 0.99))
    runs = (whole_sides[1:] == whole_sides[:-1]) & (at_scale[1:] > 0)
    beside = np.concatenate(([False], runs)) | np.concatenate((runs, [False]))
    assert whole.clipped == beside.sum() / 3000
    for at_once in (1, 7, 1000):
        monkeypatch.setattr("melisma.sound.decoding.AT_ONCE", at_once)
        found = look(path)
        assert (found.clipped, found.silent, found.peak, found.sha256) == (
            whole.clipped,
            whole.silent,
            whole.peak,
            whole.sha256,
        )
        assert found.rms == pytest.approx(whole.rms)


def test_soundfile_writes_the_kinds_that_are_tried() -> None:
    assert all(soundfile.check_format(kind, subtype) for kind, subtype in KINDS)
