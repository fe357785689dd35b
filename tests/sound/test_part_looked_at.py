"""A part of a file as it is looked at: the facts of its own samples, and refused where reading it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sound.made import RATE, noise, pcm, put, wav, written

from melisma.errors import Refusal
from melisma.sound.heard import look
from melisma.sound.wave import read

KINDS = [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("FLAC", "PCM_16")]


@pytest.mark.parametrize(("kind", "subtype"), KINDS)
@pytest.mark.parametrize(("begin", "end"), [(0.0, 0.5), (0.25, 1.75), (2.0, None), (0.0, None), (2.9, 3.04)])
def test_its_facts_are_those_of_a_file_that_holds_no_more(
    tmp_path: Path, kind: str, subtype: str, begin: float, end: float | None
) -> None:
    samples = noise(3 * RATE, level=0.5)
    samples[RATE // 3 : RATE] = 0.99
    path = put(tmp_path, "long", written(samples, RATE, kind, subtype))
    alone = put(tmp_path, "alone", written(read(path, None, begin, end).samples, RATE, kind, subtype))
    part, whole = look(path, begin, end), look(alone)
    assert part == replace(whole, path=path, declared=part.declared)
    assert part.declared == (whole.declared if (begin, end) == (0.0, None) else None)


def test_the_channel_is_that_of_the_part(tmp_path: Path) -> None:
    left = np.concatenate([noise(RATE, 1), np.zeros(RATE, np.float32)])
    path = put(tmp_path, "a.wav", written(np.stack([left, left[::-1]], 1)))
    assert [look(path, begin, begin + 1).channel for begin in (0, 1)] == [1, 2]


@pytest.mark.parametrize(("begin", "end"), [(3.0, None), (2.0, 3.5), (5.0, 6.0), (1.0, 1.0), (-1.0, None)])
def test_what_cannot_be_read_cannot_be_looked_at(tmp_path: Path, begin: float, end: float | None) -> None:
    for name, kind, subtype in (("a.wav", "WAV", "PCM_16"), ("b.ogg", "OGG", "VORBIS")):
        path = put(tmp_path, name, written(noise(3 * RATE), RATE, kind, subtype))
        with pytest.raises(Refusal) as looked:
            look(path, begin, end)
        with pytest.raises(Refusal) as heard:
            read(path, None, begin, end)
        assert str(looked.value) == str(heard.value)


def test_a_part_of_what_is_cut_off_says_so_and_is_not_called_short(tmp_path: Path) -> None:
    path = put(tmp_path, "a.wav", wav(pcm(noise(2 * RATE)), 6 * RATE))
    part = look(path, 0.5, 1.0)
    assert (part.truncated, part.declared, part.frames) == (True, None, RATE // 2)
    whole = put(tmp_path, "b.mp3", written(noise(2 * RATE), kind="MP3", subtype="MPEG_LAYER_III"))
    assert not look(whole, 0.5, 1.0).truncated
