"""Kaldi's tables: recordings, texts, segments and speakers are joined by their names, and no command is ever run."""

from __future__ import annotations

from pathlib import Path

import pytest

from melisma.errors import Refusal
from melisma.files.kaldi import without_texts
from melisma.files.manifest import Clip, clips, read_clips


def put(folder: Path, **tables: str) -> str:
    for name, content in tables.items():
        (folder / name.replace("_", ".")).write_text(content, encoding="utf-8")
    return str(folder)


def refused(corpus: list[str], folder: Path) -> str:
    with pytest.raises(Refusal) as caught:
        clips(corpus)
    return str(caught.value).replace(f"{folder}/", "")


def test_recordings_are_joined_with_their_texts(tmp_path: Path) -> None:
    corpus = put(tmp_path, wav_scp="u2 b.wav\nu1  in/a b.wav \n\nu3 /c.flac\n", text="u1 one  two\nu3\n")
    where = f"{tmp_path}/wav.scp, line"
    wanted = [
        Clip(f"{tmp_path}/b.wav", None, 0.0, None, None, f"{where} 1"),
        Clip(f"{tmp_path}/in/a b.wav", "one  two", 0.0, None, None, f"{where} 2"),
        Clip("/c.flac", "", 0.0, None, None, f"{where} 4"),
    ]
    assert clips([corpus]) == wanted
    assert clips([f"{corpus}/wav.scp", f"{corpus}/text"]) == wanted
    assert clips([f"{corpus}/text", f"{corpus}/wav.scp"]) == wanted
    assert clips([f"{corpus}/wav.scp"]) == wanted


def test_segments_and_speakers_beside_are_taken(tmp_path: Path) -> None:
    corpus = put(
        tmp_path,
        wav_scp="r1 a.wav\nr2 b.wav\n",
        segments="u1 r1 0.5 1.25\nu2 r1 2 3\nu3 r2 1 -1\n",
        text="u1 one\nu2 two\nu3 three\n",
        utt2spk="u1 anna\nu3 ben\n",
    )
    found = [(Path(clip.audio).name, clip.text, clip.begin, clip.end, clip.speaker) for clip in clips([corpus])]
    assert found == [
        ("a.wav", "one", 0.5, 1.25, "anna"),
        ("a.wav", "two", 2, 3, None),
        ("b.wav", "three", 1, None, "ben"),
    ]
    assert clips([corpus])[1].where == f"{tmp_path}/segments, line 2"


def test_a_folder_without_texts_has_none(tmp_path: Path) -> None:
    assert [clip.text for clip in clips([put(tmp_path, wav_scp="u1 a.wav\n")])] == [None]


def test_a_missing_table_of_texts_is_named(tmp_path: Path) -> None:
    (tmp_path / "wav.scp").write_text("a a.wav\n")
    where = f"{tmp_path / 'wav.scp'}, line 1"
    assert without_texts(where).startswith(f"{tmp_path} has no file text, ")
    assert without_texts(str(tmp_path / "a.wav")) == ""
    (tmp_path / "text").write_text("a la\n")
    assert without_texts(where) == ""


def test_texts_without_sound_are_counted_and_named(tmp_path: Path) -> None:
    found, report = read_clips([[put(tmp_path, wav_scp="u1 a.wav\nu2 b.wav\n", text="u0 x\nu1 one\n")]])
    assert [clip.text for clip in found] == ["one", None]
    assert [sentence.replace(f"{tmp_path}/", "") for sentence in report.warnings()] == [
        "1 clip without a text (wav.scp, line 2)",
        "1 text to which no sound belongs (text, line 1)",
    ]
    assert sorted(Path(name).name for name in report.signatures) == ["text", "wav.scp"]


@pytest.mark.parametrize("command", ["touch {0}/made |", "sph2pipe -f wav a.sph|", "| touch {0}/made"])
def test_a_command_is_refused_and_never_run(tmp_path: Path, command: str) -> None:
    corpus = put(tmp_path, wav_scp=f"u0 a.wav\nu1 {command.format(tmp_path)}\n", text="u1 x\n")
    said = refused([corpus], tmp_path)
    assert said.startswith("wav.scp, line 2: ")
    assert said.endswith("is a command, and none is run; run it yourself and name the file it makes")
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"wav_scp": "u1\n"}, "wav.scp, line 1: no sound file is named"),
        ({"wav_scp": "u1 a.wav\nu1 b.wav\n"}, "wav.scp, line 2: 'u1' is there twice, first in line 1"),
        ({"wav_scp": "u1 raw.ark:1234\n"}, "wav.scp, line 1: 'raw.ark:1234' is a place in an archive of Kaldi's"),
        ({"wav_scp": "u1 http://a/b.wav\n"}, "wav.scp, line 1: 'http://a/b.wav' is an address"),
        ({"wav_scp": ""}, "wav.scp is empty"),
        (
            {"wav_scp": "u1 a.wav\n", "text": "U1 x\nU2 y\n"},
            "text, line 1: there is no 'U1' in wav.scp, nor any other of",
        ),
        ({"wav_scp": "u1 a.wav\n", "text": "u1 x\nu1 y\n"}, "text, line 2: 'u1' is there twice"),
        ({"wav_scp": "r a.wav\n", "segments": "u1 r 1\n"}, "segments, line 1: 3 words found, 4 are wanted"),
        ({"wav_scp": "r a.wav\n", "segments": "u1 s 1 2\n"}, "segments, line 1: there is no recording 's' in wav.scp"),
        ({"wav_scp": "r a.wav\n", "segments": "u1 r 1 x\n"}, "segments, line 1: 'end' is 'x', a number of seconds"),
        ({"wav_scp": "r a.wav\n", "segments": "u1 r 2 1\n"}, "segments, line 1: the clip is from 2 to 1 s"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, tables: dict[str, str], sentence: str) -> None:
    assert refused([put(tmp_path, **tables)], tmp_path).startswith(sentence)
