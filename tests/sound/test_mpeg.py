"""MP3 and Ogg: all that is there is read, whatever the header says or lacks, and what is not read is said."""

from __future__ import annotations

import os
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound.made import RATE, noise, put, tone, written

from melisma.sound.mpeg import frames
from melisma.sound.ogg import pages
from melisma.sound.opening import Stored
from melisma.sound.wave import look, read

TAG = b"ID3\x03\0\0\0\0\x10\0" + bytes(16 << 7)
APE = b"APETAGEX" + struct.pack("<IIII", 2000, 4000, 1, 0x80000000) + bytes(4000)


def mp3(folder: Path, rate: int = 16000, channels: int = 1) -> bytes:
    """Three seconds whose loudness changes, with a variable bit rate."""
    loudness = np.repeat(np.random.default_rng(1).random(12) ** 3, rate // 4)
    samples = np.stack([noise(3 * rate, channel) * loudness for channel in range(channels)], 1)
    path = folder / "made.mp3"
    soundfile.write(path, samples, rate, bitrate_mode="VARIABLE")
    return path.read_bytes()


def first_frame(content: bytes) -> int:
    """Bytes of the header without sound that a file begins with."""
    return content.find(content[:2], 4)


@pytest.mark.parametrize(("rate", "channels"), [(16000, 1), (16000, 2), (44100, 1), (44100, 2), (8000, 1)])
def test_without_a_header_all_frames_are_read(tmp_path: Path, rate: int, channels: int) -> None:
    content = mp3(tmp_path, rate, channels)
    whole = read(put(tmp_path, "a.mp3", content)).samples
    bare = content[first_frame(content) :]
    assert soundfile.info(put(tmp_path, "bare.mp3", bare)).frames != len(whole)  # what the decoder alone makes of it
    for name, found in (("bare.mp3", bare), ("tagged.mp3", TAG + bare), ("ape.mp3", bare + APE)):
        path = put(tmp_path, name, found)
        heard = read(path).samples
        shift = len(heard) - len(whole)
        assert 0 < shift < 4 * 1152  # the coder's delay, which only the header tells, and the padding of the last frame
        begins = [at for at in range(shift + 1) if np.abs(heard[at : at + 2000] - whole[:2000]).max() < 1e-3]
        assert len(begins) == 1
        np.testing.assert_allclose(heard[begins[0] :][: len(whole)], whole, atol=1e-3)
        assert (look(path).declared, look(path).truncated) == (None, False)


def test_joined_files_are_read_to_their_end(tmp_path: Path) -> None:
    content = mp3(tmp_path)
    one = read(put(tmp_path, "a.mp3", content)).samples
    two = read(put(tmp_path, "b.mp3", content + content)).samples
    assert len(two) >= 2 * len(one)
    np.testing.assert_allclose(two[: len(one)], one, atol=1e-6)
    assert len(read(put(tmp_path, "c.mp3", content + TAG + content)).samples) == len(two)


@pytest.mark.parametrize("tag", [b"", TAG])
def test_a_cut_is_told_from_the_count_of_frames(tmp_path: Path, tag: bytes) -> None:
    content = tag + mp3(tmp_path)
    whole = look(put(tmp_path, "a.mp3", content))
    assert (whole.truncated, whole.declared) == (False, 48000)
    cut = look(put(tmp_path, "a.mp3", content[: len(content) // 2]))
    assert (cut.truncated, cut.declared) == (True, 48000)
    assert 0 < cut.frames < 48000
    zeros = look(put(tmp_path, "a.mp3", content[: len(content) // 2] + bytes(9000)))
    assert zeros.truncated
    assert 0 <= zeros.frames - cut.frames <= 576  # a frame that was cut through is filled up by the zeros


def test_of_damage_nobody_speaks_but_who_is_asked(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    content = mp3(tmp_path)
    half = len(content) // 2
    path = put(tmp_path, "a.mp3", content[:half] + bytes(900) + content[half + 900 :])
    with ThreadPoolExecutor(4) as threads:
        assert len({one.frames for one in threads.map(look, [path] * 8)}) == 1
    os.write(2, b"what is written afterwards is there\n")
    assert capfd.readouterr().err == "what is written afterwards is there\n"


def test_nothing_but_mp3_is_taken_for_mp3(tmp_path: Path) -> None:
    flac = written(noise(20000), RATE, "FLAC")
    drawn = np.random.default_rng(0).bytes(60_000)
    for number, content in enumerate((flac, flac[:60] + mp3(tmp_path), b"\xff\xfb" * 4000, drawn)):
        with Stored(put(tmp_path, f"{number}", content)) as stored:
            assert frames(stored) is None


def test_frames_are_counted_as_a_reference_does(tmp_path: Path) -> None:
    content = mp3(tmp_path)
    with Stored(put(tmp_path, "a.mp3", content)) as stored:
        found = frames(stored)
    assert found is not None
    at, count = first_frame(content), 0
    while at < len(content):  # MPEG-2, layer III, 16 kHz: 72 bytes for each kbit/s of 1000/16000
        kilobits = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)[content[at + 2] >> 4]
        at += 72 * kilobits * 1000 // 16000 + (content[at + 2] >> 1 & 1)
        count += 1
    assert (found.samples, found.end) == (count * 576, len(content))


def test_a_tag_may_have_a_footer_and_another_tag_behind_it(tmp_path: Path) -> None:
    content = mp3(tmp_path)
    footed = b"ID3\x04\0\x10\0\0\0\x10" + bytes(16) + b"3DI\x04\0\x10\0\0\0\x10"
    long = b"ID3\x03\0\0\0\x06\0\0" + bytes(6 << 14)  # longer than what is searched for a frame
    with Stored(put(tmp_path, "a.mp3", footed + long + content)) as stored:
        found = frames(stored)
    assert found is not None
    assert found.end == len(footed + long + content)


def test_a_header_that_other_coders_write_is_no_sound(tmp_path: Path) -> None:
    content = mp3(tmp_path)
    bare = content[first_frame(content) :]
    length = first_frame(bare)
    header = (bare[:4] + bytes(32) + b"VBRI").ljust(length, b"\0")
    with Stored(put(tmp_path, "a.mp3", header + bare)) as stored, Stored(put(tmp_path, "b.mp3", bare)) as plain:
        found, wanted = frames(stored), frames(plain)
    assert found is not None
    assert wanted is not None
    assert (found.begin, found.samples) == (length, wanted.samples)


@pytest.mark.parametrize("behind", [b"\0\0\0\1", b"\0\0\0\0"])
def test_a_frame_too_short_for_a_count_that_begins_like_a_header_is_sound(tmp_path: Path, behind: bytes) -> None:
    head = b"\xff\xf3\x14\xc0"  # MPEG-2, 24 kHz, 8 kbit/s, mono: 24 bytes
    mark = (head + bytes(9) + b"Xing" + behind).ljust(24, b"\0")
    with Stored(put(tmp_path, "a.mp3", mark + 9 * head.ljust(24, b"\0"))) as stored:
        found = frames(stored)
    assert found is not None
    assert (found.begin, found.promised, found.samples) == (0, None, 10 * 576)


def page(flags: int, serial: int) -> bytes:
    """A page of an Ogg file, with one byte in it."""
    return b"OggS\0" + struct.pack("<BqIII", flags, 0, serial, 0, 0) + b"\1\1x"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (page(2, 1) + page(2, 2) + page(0, 1) + page(4, 1) + page(4, 2), (True, 1)),  # side by side
        (page(2, 1) + page(0, 1) + page(2, 2) + page(4, 2), (False, 2)),  # the end of the first is not there
        (page(2, 1) + page(4, 1) + page(2, 2) + page(4, 2), (True, 2)),
    ],
)
def test_streams_side_by_side_are_one_and_the_end_of_the_first_counts(
    tmp_path: Path, content: bytes, told: tuple[bool, int]
) -> None:
    with Stored(put(tmp_path, "a.ogg", content)) as stored:
        assert pages(stored) == told


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_of_recordings_that_follow_each_other_it_is_said_which_is_read(tmp_path: Path, subtype: str) -> None:
    one = written(tone(RATE, 440), RATE, "OGG", subtype)
    alone, both = look(put(tmp_path, "a.ogg", one)), look(put(tmp_path, "b.ogg", one + one))
    assert (alone.streams, both.streams, both.frames) == (1, 2, alone.frames)
    assert both.warnings() == [f"{tmp_path}/b.ogg holds 2 recordings, one after the other; only the first is read"]
