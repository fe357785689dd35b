"""Folders of sound: a text beside each, or a folder a word; what is no sound is passed by or named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from melisma.below import DEEPEST
from melisma.errors import Refusal
from melisma.files.manifest import clips, read_clips


def put(folder: Path, *names: str, **texts: str) -> str:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return str(folder)


def found(folder: str) -> list[tuple[str, str | None]]:
    return [(os.path.relpath(clip.audio, folder), clip.text) for clip in clips([folder])]


def test_a_text_stands_beside_each_sound(tmp_path: Path) -> None:
    folder = put(tmp_path, "b.wav", "a.FLAC", "c.mp3", "d.opus", a=" one \n\n two\n", b="", d="\ufeffé\r\n")
    assert found(folder) == [("a.FLAC", "one two"), ("b.wav", ""), ("c.mp3", None), ("d.opus", "é")]


def test_the_folders_of_a_folder_are_words(tmp_path: Path) -> None:
    folder = put(tmp_path, "yes/2.wav", "yes/1.wav", "no way/1.ogg", "top.wav", "yes/deep/3.wav", "readme.txt")
    assert found(folder) == [
        ("no way/1.ogg", "no way"),
        ("top.wav", None),
        ("yes/1.wav", "yes"),
        ("yes/2.wav", "yes"),
        ("yes/deep/3.wav", None),
    ]


def test_where_texts_stand_beside_folders_are_no_words(tmp_path: Path) -> None:
    folder = put(tmp_path, "anna/1.wav", "anna/2.wav")
    (tmp_path / "anna" / "1.txt").write_text("hello")
    assert found(folder) == [("anna/1.wav", "hello"), ("anna/2.wav", None)]


def test_what_is_hidden_or_no_sound_is_passed_by(tmp_path: Path) -> None:
    names = (".a.wav", "._a.wav", "__MACOSX/a.wav", ".git/a.wav", "a.jpg", "a.wav.part", "yes/Thumbs.db")
    assert found(put(tmp_path, "a.wav", *names)) == [("a.wav", None)]


def test_folders_are_looked_into_so_deep_and_no_deeper(tmp_path: Path) -> None:
    deepest = "/".join(["a"] * DEEPEST)
    assert found(put(tmp_path, f"{deepest}/b.wav", f"{deepest}/a/c.wav")) == [(f"{deepest}/b.wav", None)]


def test_links_are_followed_but_not_in_a_circle(tmp_path: Path) -> None:
    put(tmp_path, "kept/a.wav", "in/b.wav")
    (tmp_path / "in" / "yes").symlink_to(tmp_path / "kept")
    (tmp_path / "in" / "again").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    assert found(str(tmp_path / "in")) == [("b.wav", None), ("yes/a.wav", "yes")]


def test_one_sound_is_a_corpus_of_its_own(tmp_path: Path) -> None:
    put(tmp_path, "a.wav", "b.wav", a="hello\n")
    assert [(clip.text, clip.where) for clip in clips([f"{tmp_path}/a.wav"])] == [("hello", f"{tmp_path}/a.wav")]
    assert clips([f"{tmp_path}/b.wav"])[0].text is None


def test_what_does_not_fit_is_counted_and_named(tmp_path: Path) -> None:
    folder = put(tmp_path, "a.wav", "b.wav", "c.m4a", a="x", lonely="y", README="z")
    _, report = read_clips([[folder]])
    assert [sentence.replace(f"{folder}/", "") for sentence in report.warnings()] == [
        "1 clip without a text (b.wav)",
        "1 text to which no sound belongs (lonely.txt)",
        "1 sound of a kind that is not read (c.m4a)",
    ]


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ((), " holds no sound (0 files in all; .wav .flac .ogg .opus .mp3 and others are looked for)"),
        (
            ("a.txt", "b/c.png"),
            " holds no sound (2 files in all; .wav .flac .ogg .opus .mp3 and others are looked for)",
        ),
        (("clips.tsv",), "others are looked for); it holds 'clips.tsv': name that, if it is a manifest"),
        (("a.m4a", "b.m4a"), " holds no sound that is read, only 2 files of other kinds ({0}/a.m4a, …); convert them"),
    ],
)
def test_a_folder_without_sound_is_refused_by_its_name(tmp_path: Path, names: tuple[str, ...], sentence: str) -> None:
    folder = put(tmp_path, *names)
    with pytest.raises(Refusal) as caught:
        clips([folder])
    assert str(caught.value).startswith(f"{folder} holds no sound")
    assert sentence.format(folder) in str(caught.value)


def test_a_text_that_is_none_is_refused_with_its_line(tmp_path: Path) -> None:
    folder = put(tmp_path, "a.wav")
    (tmp_path / "a.txt").write_bytes(b"fine\n\xe9\n")
    with pytest.raises(Refusal, match=r"a\.txt, line 2, byte 1 .* is not UTF-8"):
        clips([folder])
