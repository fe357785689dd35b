"""``melisma check transcribe`` as it is typed; and trainings of which nothing can be heard."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from command.drill import picture, refused, typed
from laws.documented import speak

from melisma.checks import dry_run

DATA = ("data.train=train.jsonl", "data.valid=dev.jsonl")
SMALL = ("sound.bands=8", "model.channels=8", "model.hidden=8", "model.layers=1", "training.threads=1")


@pytest.fixture
def spoken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: twelve recordings of two people to train on, and twelve others."""
    speak(tmp_path)
    rows = [json.loads(line) for line in Path(tmp_path / "dev.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):
        shift(tmp_path / row["audio"], number)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shift(path: Path, number: int) -> None:
    """Makes a recording another one than that of its name in train: its samples of 16 bits lose their first ones."""
    content = path.read_bytes()
    size = len(content) - 44 - 2 * (number + 1)
    head = content[:4] + (36 + size).to_bytes(4, "little") + content[8:40] + size.to_bytes(4, "little")
    path.write_bytes(head + content[-size:])


def added(folder: Path, row: dict[str, Any], content: bytes | None = None) -> None:
    """One more line of the training manifest, and its file."""
    if content is not None:
        (folder / row["audio"]).write_bytes(content)
    with open(folder / "train.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")


def test_what_is_there_is_told_and_nothing_is_written(spoken: Path) -> None:
    before = picture(spoken)
    said = typed("check", "transcribe", *DATA, *SMALL, "dry_run=no")
    assert (said.code, said.err) == (0, "")
    assert said.lines[0] == "looked at 12 recordings of train, 12 recordings of valid"
    assert said.lines[3].split()[:4] == ["train", "0.1", "min", "12"]
    assert "2 speakers in train: s0 0.0 min (6), s1 0.0 min (6)" in said.lines
    assert " speakers in both parts " in said.out
    assert said.lines[-1].endswith("this data can be trained on")
    assert picture(spoken) == before


def test_a_dry_run_tells_what_the_training_takes(spoken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dry_run, "MOST", 3)
    before = picture(spoken)
    said = typed("check", "transcribe", *DATA, *SMALL, "training.epochs=3", "--json")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert told["recordings"] == {"train": 12, "valid": 12}
    assert told["coverage"]["recordings"] == 12
    assert told["sounds"]["train"]["rates"] == {"8000": 12}
    assert told["sounds"]["valid"]["speakers"]["s1"][0] == 6
    cost = told["cost"]
    assert cost["steps"] == 3 * cost["epoch_steps"]
    assert 0 < cost["step_seconds"] < cost["seconds"]
    assert cost["validation_seconds"] > 0
    assert cost["memory"] > 0
    assert picture(spoken) == before


def test_faults_are_told_with_their_lines_and_the_repaired_copy_trains_as_the_last_line_says(spoken: Path) -> None:
    added(spoken, {"audio": "page.wav", "text": "la", "speaker": "s0"}, b"<!DOCTYPE html>")
    added(spoken, {"audio": "gone.wav", "text": "la", "speaker": "s0"})
    said = typed("check", "transcribe", *DATA, *SMALL, "dry_run=no", "fix=new")
    assert said.code == 1
    assert "train.jsonl:13  page.wav is a web page (HTML)" in said.out
    assert "train.jsonl:14  no such file gone.wav" in said.out
    assert said.lines[-1].startswith("2 errors, ")
    assert said.lines[-1].endswith("training leaves these out")
    told, way = said.err.splitlines()
    assert "new has 12 recordings of train and 12 recordings of valid; 2 recordings left out" in told
    assert "(web pages: 1, missing files: 1), listed in new/removed.tsv" in told
    words = way.split("melisma train ")[1].split()
    assert words[:4] == ["transcribe", "RUN", "data.train=new/train.jsonl", "data.valid=new/valid.jsonl"]
    words[1] = "run"
    assert typed("train", *words, "training.steps=1").code == 0
    assert typed("check", "transcribe", *words[2:], "dry_run=no").code == 0


def test_what_cannot_be_repaired_is_said_after_what_was_found(spoken: Path) -> None:
    Path("dev.jsonl").write_text("{\n")
    said = typed("check", "transcribe", *DATA, *SMALL, "dry_run=no", "fix=new")
    assert said.code == 1
    assert " broken manifest " in said.out
    assert said.lines[-1].endswith("mend the errors before you train")
    assert "cannot be repaired before this is mended" in said.err
    assert not Path("new").exists()


def test_a_kaldi_folder_without_texts_is_told_the_file_that_it_wants(spoken: Path) -> None:
    Path("tables").mkdir()
    Path("tables/wav.scp").write_text(f"a {next(iter(spoken.rglob('*.wav')))}\n")
    says = "tables has no file text, whose lines say what is said, each behind a name of wav.scp"
    assert f"→ {says}" in typed("check", "transcribe", "data.train=tables", *SMALL, "dry_run=no").out
    assert f"said in it, such as tables/wav.scp, line 1: {says}" in refused(
        "train", "transcribe", "run", "data.train=tables", *SMALL
    )


def spelled_with_o(texts: str) -> None:
    """Transcripts of validation with a letter that is not in training."""
    Path("dev.jsonl").write_text(re.sub(f'"({texts})"', '"loo"', Path("dev.jsonl").read_text()))


def test_validation_that_no_model_could_write_is_an_error_once(spoken: Path) -> None:
    spelled_with_o("la|le|li")
    said = typed("check", "transcribe", *DATA, *SMALL, "dry_run=no")
    assert said.code == 1
    assert said.out.count("error ") == 1
    assert "12 transcripts of valid have symbols that never occur in train ('o')" in said.out
    assert "dev.jsonl, line 1: 'o' cannot be spelled: never in the training transcripts; nor can all else" in refused(
        "train", "transcribe", "run", *DATA, *SMALL
    )
    assert not Path("run").exists()


def test_what_no_model_could_write_is_measured_without_its_loss(spoken: Path) -> None:
    spelled_with_o("li")
    said = typed("check", "transcribe", *DATA, *SMALL, "dry_run=no")
    assert (said.code, said.out.count("error ")) == (0, 0)
    assert "4 transcripts of valid have symbols that never occur in train ('o')" in said.out
    note = (
        "4 recordings of 12 to measure on have what never was in the training transcripts ('o'), such as dev.jsonl, "
        "line 3: their errors count, but loss and perplexity leave them out, as no model of this training can spell them"
    )
    done = typed("train", "transcribe", "run", *DATA, *SMALL, "training.steps=2")
    assert done.code == 0
    assert done.err.index(note) < done.err.index("step 1")
    said = typed("evaluate", "run", "data=dev.jsonl", "--json")
    assert said.err.count(note) == 1
    found = json.loads(said.out)
    assert found["measures"]["cer"]["count"] == 12
    counts = {found["measures"][name]["count"] for name in ("perplexity", "character_perplexity")}
    assert counts == {8}
    alone = [line for line in Path("dev.jsonl").read_text().splitlines() if '"loo"' not in line]
    Path("known.jsonl").write_text("\n".join(alone) + "\n")
    known = json.loads(typed("evaluate", "run", "data=known.jsonl", "--json").out)["measures"]
    for name in ("perplexity", "character_perplexity"):
        assert found["measures"][name]["value"] == pytest.approx(known[name]["value"], rel=1e-5)
    Path("strange.jsonl").write_text("\n".join(set(Path("dev.jsonl").read_text().splitlines()) - set(alone)) + "\n")
    assert "'o' cannot be spelled" in refused("evaluate", "run", "data=strange.jsonl")


def test_all_that_is_wrong_is_told_beside_broken_rows_and_the_repaired_copy_trains(spoken: Path) -> None:
    spelled_with_o("li")
    added(spoken, {"audio": "train/0.wav", "text": 5})
    added(spoken, {"audio": "train/0.wav", "text": "la le li " * 40, "end": 0.2})
    said = typed("check", "transcribe", *DATA, *SMALL, "dry_run=no", "fix=new")
    assert said.code == 1
    for name in ("error    broken rows", "warning  too short to be said", "warning  symbols of valid"):
        assert name in said.out
    told, way = said.err.splitlines()
    assert "(broken rows: 1, too short for its transcript: 1)" in told
    words = way.split("melisma train ")[1].split()
    words[1] = "run"
    again = typed("check", "transcribe", *words[2:], "dry_run=no")
    assert again.code == 0
    before, after = ({line.split("  ")[0] for line in one.out.splitlines()} for one in (said, again))
    assert after - before <= {line for line in after if not line.startswith(("error", "warning"))}
    assert typed("train", *words, "training.steps=1").code == 0


def test_what_is_wrong_besides_broken_rows_is_told(spoken: Path) -> None:
    row = json.loads(Path("train.jsonl").read_text().splitlines()[0])
    Path("train.jsonl").write_text(json.dumps(row) + "\n" + json.dumps(row | {"text": 5}) + "\n")
    said = typed("check", "transcribe", DATA[0], *SMALL, "dry_run=no")
    assert said.out.count("error ") == 2
    assert "training refuses this: data.train has a single recording" in said.out


def test_that_nothing_is_written_is_said_once(spoken: Path) -> None:
    rows = [json.loads(line) | {"text": " "} for line in Path("train.jsonl").read_text().splitlines()]
    Path("train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert refused("train", "transcribe", "run", *DATA, *SMALL).endswith(
        "data.train: no recording is left to train on (12 recordings of 12 left out, as nothing is written for what is "
        "said in them, such as train.jsonl, line 1)"
    )


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("data.train=gone.jsonl",), ("no such file gone.jsonl",)),
        (("data.train=empty",), ("empty holds no sound",)),
        ((), ("there is no training data",)),
        ((*DATA, "fix=dev"), ("fix=dev exists",)),
    ],
)
def test_what_is_refused(spoken: Path, words: tuple[str, ...], parts: tuple[str, ...]) -> None:
    Path("empty").mkdir()
    before = picture(spoken)
    said = refused("check", "transcribe", *words)
    assert all(part in said for part in parts), said
    assert picture(spoken) == before


NOTHING = "no recording is left to "


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("data.train=empty",), ("empty holds no sound",)),
        (("data.train=gone.jsonl",), (f"data.train: {NOTHING}train on", "2 recordings of 2", "no such file gone0.wav")),
        (("data.train=bad.jsonl",), (f"data.train: {NOTHING}train on", "web page", "holds no samples")),
        (
            ("data.train=train.jsonl", "data.valid=bad.jsonl"),
            (f"data.valid: {NOTHING}validate on", "2 recordings of 2"),
        ),
        (("data.train=mute.jsonl",), (f"data.train: {NOTHING}train on", "nothing is written")),
    ],
)
def test_a_training_of_which_nothing_can_be_heard_is_refused_and_leaves_no_run(
    spoken: Path, words: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    Path("empty").mkdir()
    Path("empty/readme.txt").write_text("nothing here")
    Path("gone.jsonl").write_text("".join(json.dumps({"audio": f"gone{n}.wav", "text": "la"}) + "\n" for n in range(2)))
    Path("page.wav").write_bytes(b"<html>")
    Path("header.wav").write_bytes(Path("train/0.wav").read_bytes()[:40] + bytes(4))
    Path("bad.jsonl").write_text('{"audio": "page.wav", "text": "a"}\n{"audio": "header.wav", "text": "a"}\n')
    Path("mute.jsonl").write_text('{"audio": "train/0.wav"}\n')
    before = picture(spoken)
    said = refused("train", "transcribe", "run", *words, *SMALL)
    assert all(part in said for part in parts), said
    assert picture(spoken) == before


def test_a_training_leaves_damaged_recordings_out_and_names_them(spoken: Path) -> None:
    added(spoken, {"audio": "page.wav", "text": "la", "speaker": "s0"}, b"<html>")
    added(spoken, {"audio": "gone.wav", "text": "la", "speaker": "s0"})
    said = typed("train", "transcribe", "run", *DATA, *SMALL, "training.steps=1")
    assert said.code == 0, said.err
    assert "warning: 2 recordings of 14 left out: page.wav is a web page (HTML)" in said.err
    assert "no such file gone.wav" in said.err


def test_recordings_that_are_named_twice_are_no_pairs(spoken: Path) -> None:
    said = typed("check", "transcribe", *DATA, "data.train=./train.jsonl", "dry_run=no")
    assert "is given twice, so each of its recordings counts double" in said.out
    assert "pair" not in said.out
