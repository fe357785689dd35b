"""``melisma check`` as it is typed: what it finds, what it says, what it leaves alone."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from command.drill import DATA, PAIRS, TINY, picture, refused, typed, write_pairs

from melisma.checks import dry_run

QUICK = (DATA, *TINY, "dry_run=no")
GIVEN = tuple(word for word in QUICK if not word.startswith("data."))  # where validation data is given


def test_data_without_errors_ends_with_0_and_nothing_is_written(here: Path) -> None:
    before = picture(here)
    said = typed("check", "translate", *QUICK)
    assert (said.code, said.err) == (0, "")
    assert said.lines[0] == "looked at 72 pairs of train"
    assert said.lines[-1].startswith("0 errors, 1 warning, ")
    assert said.lines[-1].endswith("this data can be trained on")
    assert "step " not in said.out
    assert picture(here) == before


def test_a_dry_run_tells_what_the_training_takes_and_writes_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dry_run, "MOST", 14)
    before = picture(here)
    said = typed("check", "translate", DATA, *TINY, "training.epochs=3", "--json")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    cost = told["cost"]
    assert cost["steps"] == 3 * cost["epoch_steps"]
    assert cost["parameters"] > 0
    assert cost["timed_steps"] >= 12
    assert 0 < cost["step_seconds"] < cost["epoch_seconds"] < cost["seconds"]
    assert cost["validation_seconds"] > 0
    assert told["coverage"]["pairs"] == 69  # without the twentieth that is cut off for validation
    assert picture(here) == before


def test_all_faults_are_told_at_once_with_their_lines(here: Path) -> None:
    with open("a.de", "ab") as file:
        file.write(b"gr\xfcn\n\n")
    with open("a.en", "ab") as file:
        file.write("green\nblank\x07\n2\u00a0km\n".encode())
    said = typed("check", "translate", *QUICK)
    assert said.code == 1
    assert "a.de:73  'gr\\xfcn'" in said.out
    for name in ("not UTF-8", "unequal files", "blank sides", "control characters"):
        assert f" {name} " in said.out
    assert said.lines[-1].startswith("2 errors, ")
    assert said.lines[-1].endswith("mend the errors before you train")


def test_json_tells_everything(here: Path) -> None:
    write_pairs(here, [*PAIRS, ("", "leer"), PAIRS[0]])
    write_pairs(here, PAIRS[:9], "v")
    said = typed("check", "translate", DATA, *GIVEN, "data.valid=v.en,v.de", "--json")
    told = json.loads(said.out)
    found = {one["name"]: one for one in told["findings"]}
    assert (told["pairs"], told["errors"], told["cost"], told["repaired"]) == (
        {"train": 74, "valid": 9},
        False,
        None,
        None,
    )
    assert found["duplicates"]["places"] == [{"file": "a.en", "line": 74, "text": " | ".join(PAIRS[0]), "why": ""}]
    assert (found["overlap of sources"]["count"], found["overlap of sources"]["share"]) == (9, 1.0)
    assert found["blank sides"]["severity"] == "warning"
    assert [one["side"] for one in told["coverage"]["sides"]] == ["source", "target"]


def test_a_repaired_copy_can_be_trained_on_as_the_last_line_says(here: Path) -> None:
    write_pairs(here, [*PAIRS, ("", "leer"), PAIRS[0], ("copy me", "copy me")])
    before = picture(here)
    said = typed("check", "translate", *QUICK, "fix=new data")
    assert said.code == 0
    told, way = said.err.splitlines()
    assert (
        "new data has 72 pairs of train; 3 lines left out (blank side: 1, duplicate: 1, same on both sides: 1)" in told
    )
    assert "melisma train translate RUN 'data.train=new data/a.en,new data/a.de' text.unit=characters " in way
    assert {name: one for name, one in picture(here).items() if not name.startswith("new data")} == before
    assert sorted(os.listdir("new data")) == ["a.de", "a.en", "removed.tsv"]
    again = typed("check", "translate", "data.train=new data/a.en,new data/a.de", *TINY, "dry_run=no", "--json")
    names = {one["name"] for one in json.loads(again.out)["findings"]}
    assert names <= {"little data", "unseen words"}


def test_what_cannot_be_repaired_is_said_after_what_was_found(here: Path) -> None:
    (here / "a.de").write_bytes("eins\n".encode("utf-16"))
    said = typed("check", "translate", *QUICK, "fix=new")
    assert said.code == 1
    assert "UTF-16" in said.out
    assert "cannot be repaired before this is mended" in said.err
    assert not (here / "new").exists()


@pytest.mark.parametrize(
    ("name", "row", "why"),
    [
        ("t.tsv", "\teins\n", "blank side: 30"),
        ("t.jsonl", '{"english": "one", "german": "eins"}\n', "broken row: 30"),
        ("t.csv", 'source,target\n"one" more,"eins"\n', "broken row: 30"),
    ],
)
def test_no_copy_is_written_of_which_nothing_would_be_left(here: Path, name: str, row: str, why: str) -> None:
    header, _, body = row.rpartition("\n")[0].rpartition("\n")
    Path(name).write_text(f"{header}\n" * bool(header) + f"{body}\n" * 30)
    said = typed("check", "translate", f"data.train={name}", *TINY, "dry_run=no", "fix=new")
    assert said.code == 1
    assert f"no copy was written, as none of the training pairs would be left ({why})" in said.err
    assert "to train on it" not in said.err
    assert not Path("new").exists()
    assert "mend these rows" not in said.out


def test_a_copy_with_pairs_to_validate_on_alone_is_not_written(here: Path) -> None:
    Path("t.tsv").write_text("\teins\n" * 3)
    said = typed("check", "translate", "data.train=t.tsv", "data.valid=a.en,a.de", *GIVEN, "fix=new")
    assert "none of the training pairs would be left (blank side: 3)" in said.err
    assert not Path("new").exists()


def test_a_copy_without_a_pair_to_validate_on_is_not_recommended_for_that(here: Path) -> None:
    Path("v.tsv").write_text("\teins\n" * 3)
    said = typed("check", "translate", DATA, "data.valid=v.tsv", *GIVEN, "fix=new")
    assert "new has 72 pairs of train and 0 pairs of valid; 3 lines left out (blank side: 3)" in said.err
    assert "melisma train translate RUN data.train=new/a.en,new/a.de text.unit" in said.err
    assert "new/v.tsv" not in said.err


def test_one_pair_is_one_pair_and_a_row_of_one_column_has_one(here: Path) -> None:
    Path("t.tsv").write_text("one\teins\n" + "two, zwei\n" * 2)
    said = typed("check", "translate", "data.train=t.tsv", *TINY, "dry_run=no", "fix=new")
    assert "t.tsv:2  1 column, 2 wanted\n         t.tsv:3\n" in said.out
    assert "new has 1 pair of train; 2 lines left out (broken row: 2)" in said.err


def test_what_is_wrong_with_a_row_is_said_to_its_end(here: Path) -> None:
    Path("t.jsonl").write_text('{"source": "one", "target": "eins"}\n{"english": "one", "german": "eins"}\n')
    out = typed("check", "translate", "data.train=t.jsonl", *TINY, "dry_run=no").out
    assert "t.jsonl:2  no key 'source', only 'english', 'german'; say which one holds the source: data.source=" in out
    assert "mend these rows; fix=FOLDER leaves them out" in out


def test_a_header_that_is_read_as_a_pair_is_told_with_the_settings_that_name_it(here: Path) -> None:
    body = "".join("\t".join(pair) + "\n" for pair in PAIRS)
    Path("t.tsv").write_text("\nEnglish sentence\tGerman\n" + body)
    said = typed("check", "translate", "data.train=t.tsv", *TINY, "dry_run=no")
    assert said.code == 0
    assert "warning  header as a pair" in said.out
    assert "t.tsv:2  'English sentence | German'" in said.out
    named = ("data.source=English sentence", "data.target=German")
    assert "→ nothing if it is one; if not, name them: data.source='English sentence' data.target=German" in said.out
    again = typed("check", "translate", "data.train=t.tsv", *named, *TINY, "dry_run=no")
    assert "looked at 73 pairs" in again.out
    assert "header as a pair" not in again.out


def test_what_training_refuses_and_no_check_knows_is_an_error(here: Path) -> None:
    (here / "t.tsv").write_text("source\tsource\ttarget\n" + "a\tb\tc\n" * 3)
    said = typed("check", "translate", "data.train=t.tsv", *TINY, "dry_run=no")
    assert said.code == 1
    assert "training refuses this: t.tsv, line 1: the column 'source' occurs twice" in said.out


def test_one_file_for_both_sides_is_told_and_the_home_folder_is_found(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(here))
    said = typed("check", "translate", "data.train=~/a.en,~/a.en", *TINY, "dry_run=no")
    assert said.code == 0
    assert "both sides are one file" in said.out
    assert " same sides  " in said.out


def test_the_dates_that_are_made_here_are_without_errors(here: Path) -> None:
    said = typed("check", "dates", "data.train=made:dates.valid", "dry_run=no")
    assert said.code == 0, said.out
    assert "1,000 pairs of train" in said.out


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("translate",), ("there is no training data",)),
        (("translate", "data.train=no.en,a.de"), ("no such file no.en",)),
        (("translate", DATA, "data.valid=a.en"), ("a single file must be a table",)),
        (("translate", DATA, "dry_run=maybe"), ("dry_run='maybe'", "wanted is yes or no")),
        (("translate", DATA, "fix="), ("names no folder",)),
        (("translate", DATA, "fix=a", "fix=b"), ("fix is given 2 times",)),
        (("translate", DATA, "fix=a.en"), ("fix=a.en exists",)),
        (("translate", DATA, "fix=no/new"), ("there is no folder",)),
        (("dates", "fix=new"), ("made by melisma and needs no repair",)),
        (("translate", DATA, "training.epoch=1"), ("did you mean training.epochs=1?",)),
        (("trnslate", DATA), ("did you mean translate?",)),
        (("translate", "data.train=made:dates.nothing"), ("there is no such corpus",)),
    ],
)
def test_what_is_refused(here: Path, words: tuple[str, ...], parts: tuple[str, ...]) -> None:
    before = picture(here)
    said = refused("check", *words)
    assert all(part in said for part in parts), said
    assert picture(here) == before
