"""``melisma check trigger`` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from checks.test_takes_of_words import folder, take
from command.drill import picture, typed
from sound.made import RATE, noise, put, written

from melisma.checks import dry_run

DATA = ("data.positive=computer", "data.negative=other", "data.background=noise")
SMALL = ("sound.bands=8", "model.hidden=8", "model.layers=1", "training.threads=1", "scene.seconds=2")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder(tmp_path / "computer", *(take(seed) for seed in range(8)))
    folder(tmp_path / "other" / "pewter", *(take(seed) for seed in range(100, 104)))
    folder(tmp_path / "noise", noise(10 * RATE, 1))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(dry_run, "MOST", 3)
    return tmp_path


def test_what_is_there_is_told_and_what_training_takes(here: Path) -> None:
    before = picture(here)
    said = typed("check", "trigger", *DATA, *SMALL, "training.batch_tokens=500")
    assert said.code == 0, said.out
    assert said.lines[0] == "looked at 8 recordings of positive, 4 recordings of negative, 1 recording of background"
    assert "1 word in positive: computer (8 takes)" in said.lines
    assert "there are only 8 takes of 'computer'" in said.out
    assert "an hour are shown by 30.0 h without one" in said.out
    assert any(line.startswith("model ") and "parameters" in line for line in said.lines)
    assert any(line.startswith("memory ") for line in said.lines)
    assert picture(here) == before


def test_an_error_is_told_once_and_mended(here: Path) -> None:
    put(here, "other/pewter/same.wav", written(take(0)))
    said = typed("check", "trigger", *DATA, "dry_run=no", "fix=mended", "--json")
    assert said.code == 1
    told = json.loads(said.out)
    assert [one["name"] for one in told["findings"] if one["severity"] == "error"] == ["the word among other sound"]
    assert told["sounds"]["positive"]["words"] == {"computer": 8}
    assert "data.positive=mended/positive.jsonl data.negative=mended/negative.jsonl" in said.err
    assert "data.positive=computer" not in said.err
    mended = [word for word in said.err.split() if word.startswith("data.")]
    assert typed("check", "trigger", *mended, "dry_run=no").code == 0


def test_what_was_kept_and_labelled_is_given_twice_and_kept_in_a_mended_copy(here: Path) -> None:
    rows = [("computer/0.wav", "Computer"), ("other/pewter/0.wav", "pewter"), ("late.wav", None)]
    put(here, "late.wav", written(take(300)))
    (here / "fired.jsonl").write_text(
        "".join(json.dumps({"audio": audio, "text": text}) + "\n" for audio, text in rows)
    )
    fired = ("data.positive=fired.jsonl", "data.negative=fired.jsonl")
    said = typed("check", "trigger", *DATA, *fired, "dry_run=no", "fix=mended")
    assert said.code == 0, said.out
    assert said.lines[0].endswith("1 recording of background, 1 recording of unlabelled")
    assert "1 recording of what is given as positive and as negative waits for a text" in said.out
    assert "data.positive=mended/positive.jsonl data.positive=mended/unlabelled.jsonl" in said.err
    mended = [word for word in said.err.split() if word.startswith("data.")]
    again = typed("check", "trigger", *mended, "dry_run=no")
    assert (again.code, again.lines[0]) == (0, said.lines[0].replace("9 rec", "8 rec").replace("5 rec", "4 rec"))
