"""A repaired copy of manifests: nothing given is touched, nothing is lost, and what is kept is what training takes."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checks.clips import chosen, covered, looked, manifest, sound
from sound.made import put, written

from melisma.checks import new_folder
from melisma.checks.repair_recordings import repaired, require_new
from melisma.errors import Failure, Refusal
from melisma.files.manifest import Columns, clips
from melisma.runs.disk import Disk
from melisma.tasks.transcribe import TASK

REASONS = {
    "missing files": 1,
    "web pages": 1,
    "no transcript": 2,
    "digital silence": 1,
    "duplicate": 1,
    "sound is in valid": 1,
    "too short for its transcript": 1,
}


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def sums(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}


def broken(folder: Path) -> tuple[str, str]:
    """Manifests of both parts with one of each fault."""
    put(folder, "page.wav", b"<html>")
    put(folder, "zeros.wav", written(np.zeros(4000)))
    good = [{"audio": sound(folder, f"{n}.wav", 0.5, n), "text": "lä li", "take": n} for n in range(6)]
    train = [
        *good,
        {"audio": "gone.wav", "text": "la"},
        {"audio": "page.wav", "text": "la"},
        {"audio": "zeros.wav", "text": "la"},
        {"audio": sound(folder, "a.wav", seed=20)},
        {"audio": "a.wav", "text": " "},
        {"audio": "3.wav", "text": "la"},
        {"audio": sound(folder, "short.wav", 0.1, 21), "text": "la li " * 9},
        {"audio": sound(folder, "both.wav", seed=22), "text": "la"},
    ]
    valid = [{"audio": "both.wav", "text": "la"}, {"audio": sound(folder, "v.wav", seed=23), "text": "Zoë"}]
    valid += [{"audio": sound(folder, "w.wav", seed=24), "text": "li"}]
    return manifest(folder, train), manifest(folder, valid, "valid.jsonl")


def test_what_is_left_out_is_listed_and_what_is_kept_is_what_training_takes(tmp_path: Path) -> None:
    train, valid = broken(tmp_path)
    before = sums(tmp_path)
    told = repaired(looked(train, valid), covered(train, valid), chosen(train, valid).data, tmp_path / "new")
    assert sums(tmp_path) == before
    assert told.removed == REASONS
    assert told.kept == {"train": 6, "valid": 3}
    assert told.thing == "recording"
    new = tmp_path / "new"
    assert told.corpora == {part: (str(new / f"{part}.jsonl"),) for part in ("train", "valid")}
    assert sorted(os.listdir(new)) == ["removed.tsv", "train.jsonl", "valid.jsonl"]
    listed = [line.split("\t") for line in (new / "removed.tsv").read_text().splitlines()]
    assert listed[0] == ["file", "line", "reason", "audio", "text"]
    assert [(row[0], int(row[1])) for row in listed[1:]] == [(train, n) for n in range(7, 15)]
    again = chosen(str(new / "train.jsonl"), str(new / "valid.jsonl"))
    corpus = TASK.read(again)
    assert [one.text for one in corpus.train] == ["lä li"] * 6
    assert not any("left out" in note for note in corpus.notes)
    prepared = TASK.prepare(TASK.learn(corpus.train, again), corpus.train, again)
    assert len(prepared.encoded) == 6
    assert not any(one.severity == "error" for one in looked(*(str(new / f"{p}.jsonl") for p in told.kept)).findings)


def test_validation_that_training_refuses_is_left_out(tmp_path: Path) -> None:
    train = manifest(tmp_path, [{"audio": sound(tmp_path, f"{n}.wav", seed=n), "text": "la"} for n in range(4)])
    rows = [{"audio": sound(tmp_path, "v.wav", seed=8), "text": "Zoë"}]
    rows += [{"audio": sound(tmp_path, "w.wav", 0.1, 9), "text": "la" * 20}]
    valid = manifest(tmp_path, rows, "valid.jsonl")
    told = repaired(looked(train, valid), covered(train, valid), chosen(train, valid).data, tmp_path / "new")
    assert told.removed == {"symbols never in train": 1, "too short for its transcript": 1}
    assert list(told.corpora) == ["train"]


def test_files_beside_the_copy_are_named_as_seen_from_it_and_others_by_their_whole_path(tmp_path: Path) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        sound(tmp_path / name, "a.wav", seed=len(name))
    rows = [{"audio": str(tmp_path / name / "a.wav"), "text": "x"} for name in ("here", "there")]
    train = manifest(tmp_path / "here", rows)
    repaired(looked(train), None, chosen(train).data, tmp_path / "here" / "new")
    names = [row["audio"] for row in lines(tmp_path / "here" / "new" / "train.jsonl")]
    assert names == ["../a.wav", str(tmp_path / "there" / "a.wav")]
    (tmp_path / "here").rename(tmp_path / "moved")
    found = clips([str(tmp_path / "moved" / "new" / "train.jsonl")])
    assert os.path.samefile(found[0].audio, tmp_path / "moved" / "a.wav")


def test_all_that_a_clip_is_told_is_told_again(tmp_path: Path) -> None:
    sound(tmp_path, "a.wav", 1.0)
    rows = [
        {"file": "a.wav", "said": "x", "who": "anna", "start": 0.1, "end": 0.4},
        {"file": "a.wav", "said": "y", "who": None, "duration": 0.25},
    ]
    train = manifest(tmp_path, rows)
    more = {"data.audio": "file", "data.text": "said", "data.speaker": "who"}
    repaired(looked(train, **more), None, chosen(train, **more).data, tmp_path / "new")
    columns = Columns("file", "said", speaker="who")
    before, after = clips([train], columns), clips([str(tmp_path / "new" / "train.jsonl")], columns)
    for one, other in zip(before, after, strict=True):
        assert os.path.samefile(one.audio, other.audio)
        assert (one.text, one.begin, one.end, one.speaker) == (other.text, other.begin, other.end, other.speaker)


def test_guessed_sessions_are_a_column_that_training_can_split_by(tmp_path: Path) -> None:
    train = manifest(tmp_path, [{"audio": sound(tmp_path, f"{n}.wav", 0.3, n), "text": "x"} for n in range(6)])
    settings = {"data.valid_size": 0}
    told = covered(train, **settings)
    repaired(looked(train), told, chosen(train).data, tmp_path / "new")
    rows = lines(tmp_path / "new" / "train.jsonl")
    assert {f"{train}, line {n + 1}": int(row["session"]) for n, row in enumerate(rows)} == told.sessions
    again = chosen(str(tmp_path / "new" / "train.jsonl"), **{"data.speaker": "session"} | settings)
    assert [one.speaker for one in TASK.read(again).train] == [row["session"] for row in rows]


def test_nothing_is_written_of_which_nothing_would_be_left(tmp_path: Path) -> None:
    train = manifest(tmp_path, [{"audio": "gone.wav", "text": "x"}, {"audio": sound(tmp_path, "a.wav")}])
    with pytest.raises(Refusal, match=r"none .* would be left \(missing files: 1, no transcript: 1\)"):
        repaired(looked(train), None, chosen(train).data, tmp_path / "new")
    (tmp_path / "bad.jsonl").write_text("{")
    valid = str(tmp_path / "bad.jsonl")
    good = manifest(tmp_path, [{"audio": "a.wav", "text": "x"}], "good.jsonl")
    with pytest.raises(Refusal, match=r"cannot be repaired before this is mended: .*bad\.jsonl, line 1"):
        repaired(looked(good, valid), None, chosen(good, valid).data, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("failing", ["create", "write", "sync", "rename", "make_folder"])
def test_a_disk_that_fails_leaves_nothing(tmp_path: Path, failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    train = manifest(tmp_path, [{"audio": sound(tmp_path, "a.wav"), "text": "x"}])
    told, disk = looked(train), Disk()
    monkeypatch.setattr(disk, failing, fail)
    monkeypatch.setattr(new_folder, "DISK", disk)
    with pytest.raises(Failure, match="no space left on device; nothing was changed"):
        repaired(told, None, chosen(train).data, tmp_path / "new")
    assert sorted(os.listdir(tmp_path)) == ["a.wav", "train.jsonl"]


def test_a_file_whose_name_no_manifest_can_hold_is_left_out_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    (folder / "la").mkdir(parents=True)
    sound(folder / "la", "a.wav", seed=1)
    put(folder / "la", "c2\udcff.wav", (folder / "la" / "a.wav").read_bytes()[:-8])
    told = repaired(looked(str(folder)), None, chosen(str(folder)).data, tmp_path / "new")
    assert (told.kept, told.removed) == ({"train": 1}, {"a name that is no UTF-8": 1})
    assert [os.path.basename(row["audio"]) for row in lines(tmp_path / "new" / "train.jsonl")] == ["a.wav"]
    assert "\\udcff.wav\tla" in (tmp_path / "new" / "removed.tsv").read_text(encoding="utf-8").splitlines()[1]


def test_a_folder_that_is_there_or_nowhere_is_refused(tmp_path: Path) -> None:
    data = chosen(manifest(tmp_path, [])).data
    (tmp_path / "there").mkdir()
    with pytest.raises(Refusal, match="exists: the name of a new folder is wanted"):
        require_new(tmp_path / "there", data)
    with pytest.raises(Refusal, match="there is no folder"):
        require_new(tmp_path / "no" / "new", data)
    require_new(tmp_path / "new", data)
    assert sorted(os.listdir(tmp_path)) == ["there", "train.jsonl"]
