"""A repaired copy: nothing given is touched, nothing is lost, and what is written is what training takes."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import lzma
import os
import random
from pathlib import Path

import pytest
from checks.drill import found, looked, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from melisma.checks import new_folder
from melisma.checks.repair import repaired, require_new
from melisma.checks.translate import look
from melisma.errors import Failure, Refusal
from melisma.files.columns import Pairs
from melisma.runs.disk import Disk
from melisma.settings.translate import DataSettings

GOOD = [(f"this is line {number} of the text", f"dies ist Zeile {number} des Textes") for number in range(60)]
VALID = [("never seen before", "nie zuvor gesehen"), ("another one", "noch eine")]
BAD = [
    ("", "leer"),
    GOOD[3],
    ("never  Seen before", "nie gesehen"),
    ("copied words", "copied words"),
    ("short words", "sehr " * 60),
    ("outer ", " au\u00dfen"),
    ("no\u00a0break", "nicht\u200btrennen"),
    ("fu\u0308nf", "five\u2028six"),
]
REASONS = {"blank side": 1, "duplicate": 1, "source is in valid": 1, "same on both sides": 1, "odd lengths": 1}


def rows(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]


def sums(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}


def test_what_is_left_out_is_listed_and_what_is_kept_is_clean(tmp_path: Path) -> None:
    train, valid = write(tmp_path, "train", GOOD + BAD), write(tmp_path, "valid", VALID)
    with open(train[1], "ab") as file:
        file.write(b"gr\xfcn\n")
    with open(train[0], "ab") as file:
        file.write(b"green\n")
    before = sums(tmp_path)
    folder = tmp_path / "new"
    told = repaired(looked(train, valid), folder)
    assert sums(tmp_path) == before
    assert told.removed == {**REASONS, "not UTF-8": 1}
    assert told.kept == {"train": len(GOOD) + 3, "valid": 2}
    listed = rows(folder / "removed.tsv")
    assert listed[0] == ["file", "line", "reason", "source", "target"]
    assert [int(row[1]) for row in listed[1:]] == [61, 62, 63, 64, 65, 69]
    assert {row[2] for row in listed[1:]} == set(told.removed)
    assert all(row[0] == train[0] for row in listed[1:])
    pairs = [(pair.source, pair.target) for pair in Pairs(told.corpora["train"][0].split(","))]
    assert pairs[:60] == GOOD
    assert pairs[60:] == [("outer", "außen"), ("no break", "nichttrennen"), ("fünf", "five six")]
    assert [(pair.source, pair.target) for pair in Pairs(told.corpora["valid"][0].split(","))] == VALID
    again = found(looked(told.corpora["train"][0].split(","), told.corpora["valid"][0].split(",")))
    assert set(again) <= {"little data", "little validation"}


CELL = st.text(st.sampled_from("ab ä\u00a0\u200b,\"'{}\\"), max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=12))
@pytest.mark.parametrize("name", ["t.tsv", "t.csv", "t.jsonl"])
def test_a_table_stays_a_table_and_keeps_its_other_columns(
    tmp_path_factory: pytest.TempPathFactory, name: str, texts: list[tuple[str, str]]
) -> None:
    tmp_path = tmp_path_factory.mktemp("table")
    path = tmp_path / name
    pairs = [("begin", "Anfang"), *texts]
    if name == "t.tsv":
        path.write_text("target\tid\tsource\n" + "".join(f"{b}\t{n}\t{a}\n" for n, (a, b) in enumerate(pairs)))
    elif name == "t.csv":
        with open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["target", "id", "source"], *([b, n, a] for n, (a, b) in enumerate(pairs))])
    else:
        path.write_text(
            "".join(json.dumps({"source": a, "id": n, "target": b}) + "\n" for n, (a, b) in enumerate(pairs))
        )
    told = repaired(looked((str(path),)), tmp_path / "new")
    (written,) = told.corpora["train"]
    assert Path(written).name == name
    kept = list(Pairs((written,)))
    assert len(kept) == told.kept["train"]
    assert told.kept["train"] + sum(told.removed.values()) == len(pairs)
    ids = _ids(Path(written))
    assert len(ids) == len(kept)
    for number, pair in zip(ids, kept):
        assert pair.source.split() == pairs[number][0].replace("\u200b", "").split()


def _ids(path: Path) -> list[int]:
    if path.suffix == ".jsonl":
        return [json.loads(line)["id"] for line in path.read_text().splitlines()]
    if path.suffix == ".tsv":
        return [int(row[1]) for row in rows(path)[1:]]
    with open(path, newline="", encoding="utf-8") as file:
        return [int(row[1]) for row in list(csv.reader(file))[1:]]


ODD = r'{ "id":1.50,"big" : 12345678901234567890123, "target":"\u00fcber  x","half":"\ud83d","e":1E5, "source" :"\u0041" }'


@pytest.mark.parametrize("around", ["{}", '{{"n":-0.0, "translation" : {} ,"m":[1.0 ,2]}}'])
def test_what_is_not_changed_in_a_line_of_json_stays_as_it_is_spelled(tmp_path: Path, around: str) -> None:
    path = tmp_path / "t.jsonl"
    changed = ODD.replace(r'"\u0041"', r'"a\u200bb"').replace("\u00fc", "u\\u0308")
    mended = changed.replace(r'"a\u200bb"', '"ab"').replace("u\\u0308", "\\u00fc")
    wide = '{"source":"ä","target":"e\u0308","id":2.50}'
    path.write_text("".join(around.format(line) + "\n" for line in (ODD, changed, wide)), encoding="utf-8")
    told = repaired(looked((str(path),)), tmp_path / "new")
    kept = Path(told.corpora["train"][0]).read_text(encoding="utf-8").splitlines()
    assert kept == [around.format(line) for line in (ODD, mended, wide.replace("e\u0308", "ë"))]


def test_what_training_refuses_in_a_line_of_json_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    odd = ('"n":NaN', '"source":"c"', '"n":' + 70 * "[" + 70 * "]", '"n":1')
    path.write_text("".join(f'{{"source":"a{n}","target":"b", {more}}}\n' for n, more in enumerate(odd)))
    told = repaired(looked((str(path),)), tmp_path / "new")
    assert (told.kept["train"], told.removed) == (1, {"broken row": 3})
    assert [pair.source for pair in Pairs(told.corpora["train"])] == ["a3"]


@pytest.mark.parametrize(("ending", "opened"), [("gz", gzip.open), ("xz", lzma.open)])
def test_what_was_packed_is_packed_again(tmp_path: Path, ending: str, opened: object) -> None:
    assert callable(opened)
    path = tmp_path / f"t.tsv.{ending}"
    with opened(path, "wt", encoding="utf-8") as file:
        file.writelines(f"{a}\t{b}\n" for a, b in GOOD)
    told = repaired(looked((str(path),)), tmp_path / "new")
    with opened(told.corpora["train"][0], "rt", encoding="utf-8") as file:
        assert file.read().splitlines() == [f"{a}\t{b}" for a, b in GOOD]


def test_files_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    train, valid = write(tmp_path / "one", "a", GOOD), write(tmp_path / "two", "a", VALID)
    told = repaired(looked(train, valid), tmp_path / "new")
    assert sorted(os.listdir(tmp_path / "new")) == ["a.de", "a.en", "removed.tsv", "valid-a.de", "valid-a.en"]
    assert [pair.source for pair in Pairs(told.corpora["valid"][0].split(","))] == [source for source, _ in VALID]


def test_copying_as_a_task_is_not_repaired_away(tmp_path: Path) -> None:
    told = repaired(looked(write(tmp_path, "a", [(text, text) for text, _ in GOOD])), tmp_path / "new")
    assert (told.kept["train"], told.removed) == (len(GOOD), {})


def test_the_end_of_a_longer_file_is_left_out_and_listed(tmp_path: Path) -> None:
    left, right = write(tmp_path, "a", GOOD)
    with open(left, "a", encoding="utf-8") as file:
        file.write("one more\nand one\n")
    told = repaired(looked((left, right)), tmp_path / "new")
    assert told.removed["no partner"] == 2
    assert told.kept["train"] + sum(told.removed.values()) == len(GOOD) + 2


def test_what_may_not_fit_before_that_end_is_left_out_too(tmp_path: Path) -> None:
    drawn = random.Random(1)
    lines = [
        (f"{number} " + "x" * size, f"{number} " + "y" * size)
        for number in range(300)
        if (size := drawn.randint(9, 90))
    ]
    left, right = write(tmp_path, "a", lines)
    kept = Path(right).read_text().splitlines(keepends=True)
    Path(right).write_text("".join(kept[:280] + kept[281:]))
    told = repaired(looked((left, right)), tmp_path / "new")
    assert 10 <= told.removed["no sure partner"] <= 25
    assert told.removed["no partner"] == 1
    pairs = [(pair.source, pair.target) for pair in Pairs(told.corpora["train"][0].split(","))]
    assert sum(source.split()[0] != target.split()[0] for source, target in pairs) <= 5


def test_the_list_of_what_was_left_out_keeps_its_name(tmp_path: Path) -> None:
    path = tmp_path / "removed.tsv"
    path.write_text("".join(f"{a}\t{b}\n" for a, b in GOOD))
    told = repaired(looked((str(path),)), tmp_path / "new")
    assert told.corpora["train"] == (str(tmp_path / "new" / "train-removed.tsv"),)
    assert rows(tmp_path / "new" / "removed.tsv") == [["file", "line", "reason", "source", "target"]]


def test_files_that_do_not_fit_are_not_repaired(tmp_path: Path) -> None:
    lines = [(f"{number} " + "x" * (7 * number % 83), f"{number} " + "y" * (7 * number % 83)) for number in range(300)]
    left, right = write(tmp_path, "a", lines)
    kept = Path(right).read_text().splitlines(keepends=True)
    Path(right).write_text("".join(kept[:100] + kept[101:]))
    with pytest.raises(Refusal, match="cannot be repaired: from around line"):
        repaired(looked((left, right)), tmp_path / "new")
    assert sorted(os.listdir(tmp_path)) == ["a.de", "a.en"]


@pytest.mark.parametrize("failing", ["create", "write", "sync", "rename", "make_folder"])
def test_a_disk_that_fails_leaves_nothing(tmp_path: Path, failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    train = write(tmp_path, "a", GOOD)
    told = looked(train)
    disk = Disk()
    monkeypatch.setattr(disk, failing, fail)
    monkeypatch.setattr(new_folder, "DISK", disk)
    with pytest.raises(Failure, match="no space left on device; nothing was changed"):
        repaired(told, tmp_path / "new")
    assert sorted(os.listdir(tmp_path)) == ["a.de", "a.en"]


def test_a_folder_that_is_there_or_nowhere_is_refused(tmp_path: Path) -> None:
    data = DataSettings(train=(write(tmp_path, "a", GOOD),))
    (tmp_path / "there").mkdir()
    with pytest.raises(Refusal, match="exists: the name of a new folder is wanted"):
        require_new(tmp_path / "there", data)
    with pytest.raises(Refusal, match="there is no folder"):
        require_new(tmp_path / "no" / "new", data)
    with pytest.raises(Refusal, match="needs no repair"):
        require_new(tmp_path / "new", DataSettings(train=(("made:dates.train",),)))
    require_new(tmp_path / "new", data)
    assert sorted(os.listdir(tmp_path)) == ["a.de", "a.en", "there"]


def test_a_file_that_shrinks_while_it_is_copied_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        Path(name).write_text("".join(f"{name} line number {number}\n" for number in range(50)))
    before = look(DataSettings(train=(("a", "b"),)))
    for name in ("a", "b"):
        Path(name).write_text("".join(f"{name} line number {number}\n" for number in range(20)))
    with pytest.raises(Refusal, match="a changed while it was copied"):
        repaired(before, Path("fixed"))
    assert not Path("fixed").exists()
