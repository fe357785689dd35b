"""``melisma show`` as it is typed: the state in words, aligned numbers, and everything as JSON."""

from __future__ import annotations

import json
import shutil
from itertools import count
from pathlib import Path

import pytest
from command.drill import TINY, Screen, picture, refused, sentence, typed

import melisma
from melisma.runs.disk import DISK
from melisma.runs.lock import Lock

HEADINGS = ["Run", "Scores in validation", "Data", "Settings", "Sizes", "Versions and machine"]


class Terminal(Screen):
    tty = True


@pytest.fixture
def run(tiny, tmp_path) -> Path:
    """A run that may be changed, beside its data."""
    shutil.copytree(tiny, tmp_path / "all")
    return tmp_path / "all" / "tiny"


def state(run: Path | str) -> str:
    lines = typed("show", str(run)).lines
    return next(line for line in lines if line.startswith("  state ")).removeprefix("  state").strip()


def test_what_matters_stands_in_a_reader_s_order_under_headings(tiny) -> None:
    said = typed("show", "tiny")
    assert (said.code, said.err) == (0, "")
    assert [line for line in said.lines if line and not line.startswith(" ")] == HEADINGS
    told = {line.strip().partition("  ")[0]: line for line in said.lines}
    assert told["state"].endswith(" finished")
    assert told["steps"].endswith(" 12 of 12")
    assert told["training took"].endswith(" s")
    assert " step " in told["best"]
    for name in ("unit", "cell", "attention", "hidden", "encoder_layers", "dropout", "rate", "beam"):
        assert any(line.strip().partition(" ")[0].endswith("." + name) for line in said.lines), name
    assert told["model.hidden"].split()[1:] == ["16", "chosen;", "the", "recipe", "has", "512"]
    assert told["parameters"].endswith(f"{json.loads((tiny / 'tiny/run.json').read_text())['parameters']:,}")
    assert "  folder         whole: every saved byte is as it was written" in said.lines
    assert any(line.startswith("  a.en ") and line.split()[1:3] == ["train", "72"] for line in said.lines)
    assert max(len(word) for line in said.lines for word in line.split()) < 64, "digests are shortened"
    assert typed("show", "tiny", screen=Terminal).out == said.out
    assert said.out.replace("\n", "").isprintable()


def test_the_scores_are_a_table_whose_points_align(tiny) -> None:
    lines = typed("show", "tiny").lines
    first = next(place for place, line in enumerate(lines) if line.split()[:2] == ["step", "after"])
    assert lines[first].split("  ")[-1].strip() == "exact, %"
    rows = lines[first + 1 : first + 4]
    assert [row.split()[0] for row in rows] == ["4", "8", "12"]
    assert len({tuple(place for place, sign in enumerate(row) if sign == ".") for row in rows}) == 1
    assert rows[-1].endswith("latest")
    assert sum("best" in row for row in rows) == 1


def test_json_holds_everything_and_nothing_shortened(tiny) -> None:
    said = typed("show", "tiny", "--json")
    told = json.loads(said.out)
    record = json.loads((tiny / "tiny" / "run.json").read_text())
    assert list(told)[:4] == ["run", "recipe", "task", "about"]
    assert told["state"] | {"seconds": None} == {
        "is": "finished",
        "folder": "whole",
        "remarks": [],
        "trained_by": None,
        "step": 12,
        "logged": 12,
        "steps": 12,
        "epoch": told["state"]["epoch"],
        "epochs": None,
        "seconds": None,
    }
    assert told["state"]["seconds"] > 0
    assert [one["step"] for one in told["scores"]["validations"]] == [4, 8, 12]
    logged = [json.loads(line) for line in (tiny / "tiny" / "metrics.jsonl").read_text().splitlines()]
    assert told["scores"]["validations"][1]["scores"] == [line["valid"] for line in logged if "valid" in line][1]
    assert told["scores"]["latest"]["scores"] == logged[-1]["valid"]
    assert (tiny / "tiny" / told["scores"]["best"]["folder"] / "model.safetensors").stat().st_size == told["sizes"][
        "model_bytes"
    ]
    assert [one["sha256"] for one in told["data"]["files"]] == [one["sha256"] for one in record["data"].values()]
    assert [one["use"] for one in told["data"]["files"]] == ["train", "train"]
    assert told["data"]["pairs"] == {"train": 69, "valid": 3}
    assert told["data"]["cut_off"] is True
    settings = {f"{group}.{name}": one for group, inside in record["settings"].items() for name, one in inside.items()}
    assert told["settings"] == settings
    assert told["changed"]["model.hidden"] == {"value": 16, "recipe": 512, "default": 512}
    assert set(told["changed"]) >= {word.partition("=")[0] for word in TINY} - {"training.threads"}
    assert told["sizes"]["parameters"] == record["parameters"]
    files = [path for path in (tiny / "tiny").rglob("*") if path.is_file()]
    assert told["sizes"]["disk_bytes"] == sum(path.stat().st_size for path in files)
    assert all(isinstance(side, int) for sides in told["sizes"]["shapes"].values() for side in sides)


def test_a_training_that_was_stopped_says_how_it_goes_on(tiny, tmp_path) -> None:
    settings = dict(word.split("=", 1) for word in (*TINY, "training.steps=1200"))
    run, calls = tmp_path / "a run", count()
    list(melisma.train("translate", run, settings, data={"train": ("a.en", "a.de")}, stopped=lambda: next(calls) == 2))
    assert state(run) == f"stopped at step 2 of 1,200; melisma resume '{run}' goes on"
    assert json.loads(typed("show", str(run), "--json").out)["state"]["is"] == "stopped"
    assert "stopped at step 2 of 1,200; melisma resume RUN goes on" in (run / "README.md").read_text()
    shutil.rmtree(run / "steps")
    for name in ("latest", "best"):
        (run / name).unlink(missing_ok=True)
    (run / "metrics.jsonl").write_text("")
    assert "nothing is saved yet" in state(run)


def test_a_run_that_is_being_trained_says_so_and_by_whom(run) -> None:
    lock = Lock.take(run, DISK)
    before = picture(run)
    try:
        told = state(run)
        assert json.loads(typed("show", str(run), "--json").out)["state"]["is"] == "training"
    finally:
        lock.release()
    assert told.startswith("being trained right now, by process ")
    assert told.endswith(": step 12 of 12")
    assert state(run) == "finished"
    assert picture(run) == before


def test_what_was_not_saved_is_not_told_as_if_it_were(run) -> None:
    step, lines = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1]), (run / "metrics.jsonl").read_text()
    lines = "".join(line for line in lines.splitlines(keepends=True) if json.loads(line)["step"] < 12)
    beyond = [{"step": 17, "epoch": 9, "loss": 7.0, "seconds": 900.0}, step | {"step": 18, "epoch": 9}]
    (run / "metrics.jsonl").write_text(lines + "".join(json.dumps(line) + "\n" for line in beyond))
    said, told = typed("show", str(run)), json.loads(typed("show", str(run), "--json").out)
    assert "  steps          12 of 12; its log goes to step 18, which was not saved" in said.lines
    assert (told["state"]["step"], told["state"]["logged"], told["state"]["steps"]) == (12, 18, 12)
    assert told["state"]["epoch"] < 9
    assert told["state"]["seconds"] < 900
    assert [one["step"] for one in told["scores"]["validations"]] == [4, 8]
    lock = Lock.take(run, DISK)
    try:
        assert json.loads(typed("show", str(run), "--json").out)["state"]["step"] == 18, "it goes on from there"
    finally:
        lock.release()
    shutil.rmtree(run / "steps")
    for pointer in run.glob("best*"):
        pointer.unlink()
    (run / "latest").unlink()
    told = json.loads(typed("show", str(run), "--json").out)
    assert (told["state"]["is"], told["state"]["step"], told["state"]["logged"]) == ("begun", 0, 18)
    assert told["scores"]["validations"] == []


@pytest.mark.parametrize("name", ["run.json", "steps/000012/manifest.json"])
def test_a_run_of_a_newer_version_is_not_damaged(run, name) -> None:
    (run / name).write_text(json.dumps(json.loads((run / name).read_text()) | {"format": 2}))
    before = picture(run)
    said = typed("show", str(run))
    assert said.code == 1
    assert "made by a newer version" in sentence(said.err)
    assert "update melisma" in said.out
    assert "damaged" not in said.out + said.err
    assert "again into another folder" not in said.out + said.err
    assert json.loads(typed("show", str(run), "--json").out)["state"]["is"] == "newer"
    assert "this one reads 1; update melisma" in refused("resume", str(run), "training.steps=14")
    assert picture(run) == before


def test_a_damaged_run_says_what_to_do(run) -> None:
    (run / "codec.json").write_text("")
    said = typed("show", str(run))
    assert said.code == 1
    assert "put back a copy that you kept, or train again into another folder" in sentence(said.err)
    assert "codec.json" in sentence(said.err)
    assert any(line.startswith("  remark ") for line in said.lines)
    told = json.loads(typed("show", str(run), "--json").out)
    assert (told["state"]["is"], told["settings"]) == ("damaged", {})


def test_a_repairable_run_says_what_sets_it_right(run) -> None:
    (run / "latest").write_text("000099\n")
    said = typed("show", str(run))
    assert said.code == 0
    assert f"repairable: melisma resume {run} sets it right" in said.out
    assert state(run) == "finished"  # by the step that resuming takes


def test_what_is_no_run_is_refused(tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    assert "it has no run.json" in refused("show", str(tmp_path / "empty"))
    assert "is a file; the folder of a run is wanted" in refused("show", str(tmp_path / "file"))
