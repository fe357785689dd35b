"""Subtitles as typed: of a file at once and as it is heard, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command.drill import typed
from laws.documented import speak

import melisma

SMALL = {"sound.bands": 8, "model.channels": 8, "model.hidden": 8, "model.layers": 1, "sound.rate": 8000}


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that says at least something."""
    folder = tmp_path_factory.mktemp("subtitled")
    speak(folder)
    given = {"data.train": [str(folder / "train.jsonl")], "data.valid_size": 0, "data.validation_measure": "loss"}
    more = {"training.steps": 1, "training.epochs": None, "model.blank_bias": 0.0}
    list(melisma.train("transcribe", folder / "run", given | SMALL | more))
    return folder


def test_subtitles_of_a_file_are_those_of_its_stream(spoken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(spoken)
    told = json.loads(typed("predict", "run", "lecture.mp3", "--json").out)
    words = [word["text"] for said in told["utterances"] for word in said["words"]]
    assert len(told["utterances"]) == 2
    assert words
    srt = typed("predict", "run", "lecture.mp3", "format=srt")
    assert (srt.code, srt.lines[0]) == (0, "1")
    shown = [line for line in srt.lines if line and not line.isdigit() and " --> " not in line]
    assert "".join("".join(shown).split()) == "".join(words)
    vtt = typed("predict", "run", "lecture.mp3", "format=vtt")
    assert vtt.lines[:2] == ["WEBVTT", ""]
    assert [line for line in vtt.lines[2:] if line and " --> " not in line] == shown
    for kind, once in (("srt", srt), ("vtt", vtt)):
        assert typed("listen", "run", "lecture.mp3", f"format={kind}").out.rstrip("\n") == once.out.rstrip("\n")
    plain = typed("predict", "run", "lecture.mp3", "format=txt")
    assert plain.out == typed("predict", "run", "lecture.mp3").out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("predict", "run", "lecture.mp3", "format=ass"), "format='ass' is none that subtitles have"),
        (
            ("predict", "run", "lecture.mp3", "take1.wav", "format=srt"),
            "format=srt with 2 inputs: wanted is one recording",
        ),
        (("predict", "run", "lecture.mp3", "format=vtt", "--json"), "format=vtt with --json"),
        (("predict", "run", "lecture.mp3", "format=vtt", "format=srt"), "format is given 2 times (vtt, srt)"),
        (("listen", "run", "lecture.mp3", "format=vtt", "--json"), "format=vtt and --json: wanted is one of both"),
        (("predict", "run", "take1.wav", "attention=0.7"), "this model has none (model.decoder=none)"),
        (("predict", "run", "take1.wav", "corpus=no.txt", "word_language=1"), "no.txt"),
    ],
)
def test_what_cannot_be_is_refused(
    spoken: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(spoken)
    said = typed(*words)
    assert (said.code, said.out) == (2, "")
    assert says in said.err
