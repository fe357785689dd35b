"""``melisma evaluate`` as it is typed: what was measured on what, and how much of that the model had met before."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from command.drill import PAIRS, typed, write_pairs

import melisma
from melisma.api import familiar
from melisma.command import evaluate
from melisma.evaluation.evaluate import Familiar
from melisma.runs.read import seal
from melisma.settings.read import build
from melisma.settings.translate import TranslateSettings
from melisma.tasks.translate import read

QUICK = ("beam=1", "maximum=2")
STRANGE = [(f"seven {number}", "sieben") for number in range(20)]


@pytest.fixture
def all_of(tiny, tmp_path, monkeypatch) -> Path:
    """The working directory: the run ``tiny`` and its data, all of which may be changed."""
    shutil.copytree(tiny, tmp_path / "all")
    monkeypatch.chdir(tmp_path / "all")
    return tmp_path / "all"


def met(folder: Path, pairs: Sequence[tuple[str, str]], name: str = "b") -> tuple[Familiar, str]:
    """What is known of a corpus of these pairs, and what is said of it."""
    write_pairs(folder, list(pairs), name)
    found = melisma.evaluate("tiny", (f"{name}.en", f"{name}.de"), beam=1, maximum=1)
    assert len(found.notes) <= 1
    return found.familiar[0], "".join(found.notes)


def divided(folder: Path) -> tuple[list[str], list[str]]:
    """The sources that the run was trained on, and those that were cut off to validate it."""
    told = json.loads((folder / "tiny" / "run.json").read_text())["settings"]
    data = told["data"] | {"train": [["a.en", "a.de"]]}
    corpus = read(build(TranslateSettings, told | {"data": data}))
    return [pair.source for pair in corpus.train], [pair.source for pair in corpus.valid]


def test_run_step_data_and_search_stand_beside_the_scores(tiny) -> None:
    write = typed("evaluate", "tiny", "data=a.en,a.de", *QUICK, "length_penalty=1")
    assert write.lines[:3] == [
        "run     tiny, step 12",
        "data    a.en,a.de (72 pairs)",
        "search  beam=1 length_penalty=1.0 maximum=2",
    ]


def test_numbers_align_by_their_points_and_percent_is_said(tiny) -> None:
    lines = typed("evaluate", "tiny", "data=a.en,a.de", *QUICK).lines
    rows = [line for line in lines if "|" in line]
    assert len(rows) == 7
    points = sorted(tuple(place for place, sign in enumerate(row.split("|")[0]) if sign == ".")[:3] for row in rows)
    assert all(one == points[-1][: len(one)] for one in points), points
    assert {len(one) for one in points} == {1, 3}, "a value alone, or with both ends of its interval"
    assert "–: whatever pairs are drawn score the same, which says nothing of others" in lines
    assert [row.split("  ")[0] for row in rows if " % " in row] == ["TER", "exact"]
    tables = "\n".join(lines).split("\n\n")[2:]
    assert [table.splitlines()[0].split("  ")[1].strip() for table in tables] == ["BLEU", "exact, %"]
    for table in tables:
        assert len({len(line) for line in table.splitlines()}) == 1, "the last column is a number, so all end alike"


def test_one_answer_is_one(tiny, tmp_path) -> None:
    write_pairs(tmp_path, STRANGE[:1])
    said = typed("evaluate", "tiny", f"data={tmp_path / 'a.en'},{tmp_path / 'a.de'}", *QUICK)
    assert said.err.startswith("melisma: 1 answer in ")
    assert "(1 pair)" in said.out


def test_json_holds_what_was_measured_as_values(all_of) -> None:
    write_pairs(all_of, [*STRANGE[:3], ("", "x")], "b")
    said = typed("evaluate", "tiny", "data=a.en,a.de", "data=b.en,b.de", *QUICK, "--json")
    told = json.loads(said.out)
    assert (told["run"], told["step"], told["pairs"]) == ("tiny", 12, 75)
    assert (told["search"]["beam"], told["search"]["maximum"], told["search"]["exact"]) == (1, 2, False)
    assert told["data"] == [
        {"corpus": ["a.en", "a.de"], "pairs": 72, "trained": 69, "chose": 3, "same_files": True, "unknown": ""},
        {"corpus": ["b.en", "b.de"], "pairs": 3, "trained": 0, "chose": 0, "same_files": False, "unknown": ""},
    ]
    assert told["measures"]["exact"]["unit"] == "%"
    assert told["measures"]["bleu"]["unit"] == ""
    assert [note for note in told["notes"] if "dropped" in note] == told["dropped"]
    assert len(told["dropped"]) == 1
    assert said.err.count("dropped 1 pair with one blank side") == 1


def test_sources_that_were_trained_on_are_counted_in_files_of_any_name(all_of) -> None:
    trained, chosen = divided(all_of)
    assert (len(trained), len(chosen)) == (69, 3)
    pairs = [(f"  {source.upper()}", "x") for source in trained[:5]] + [(source, "y") for source in chosen[:2]]
    known, said = met(all_of, [*pairs, *STRANGE])
    assert (known.pairs, known.trained, known.chose, known.same_files) == (27, 5, 2, False)
    assert said.startswith("warning: 5 of 27 sources were trained on and 2 chose the best step, of those in b.en,b.de;")
    assert met(all_of, STRANGE) == (Familiar(("b.en", "b.de"), 20, 0, 0), "")


def test_what_chose_the_best_step_is_called_out(all_of) -> None:
    _, chosen = divided(all_of)
    known, said = met(all_of, [(source, "x") for source in chosen])
    assert (known.trained, known.chose) == (0, 3)
    assert said == "warning: the pairs of b.en,b.de chose the best step; scores on them are a little too good"
    known, said = met(all_of, [*((source, "x") for source in chosen[:1]), *STRANGE])
    assert said.startswith("warning: 1 of 21 sources chose the best step, of those in b.en,b.de")


def test_the_training_files_themselves_are_told_with_their_counts(all_of) -> None:
    known, said = met(all_of, PAIRS, "a")
    assert known.same_files
    assert said.startswith(
        "warning: the model has learned from a.en,a.de itself (69 of 72 sources were trained on and 3 chose"
    )


def test_without_the_training_files_only_the_same_files_are_known(all_of) -> None:
    for side in ("en", "de"):
        (all_of / f"a.{side}").rename(all_of / f"c.{side}")
    known, said = met(all_of, PAIRS[:9])
    assert (known.trained, known.chose, known.unknown, said) == (None, None, "", "")
    known, said = met(all_of, PAIRS, "c")
    assert (known.trained, known.same_files) == (None, True)
    assert said.startswith("warning: the model has learned from c.en,c.de itself; ")


@pytest.mark.parametrize("change", [lambda text: text + "more\n", lambda text: text.replace("one", "eno")])
def test_files_that_changed_since_are_not_taken_for_the_training_data(all_of, change) -> None:
    for side in ("en", "de"):
        (all_of / f"a.{side}").write_text(change((all_of / f"a.{side}").read_text()))
    (all_of / "a.de").touch()
    known, said = met(all_of, PAIRS[:9])
    assert (known.trained, said) == (None, "")


@pytest.mark.parametrize("bound", ["LINES", "BYTES"])
def test_data_too_large_to_be_read_again_is_said(all_of, monkeypatch, bound: str) -> None:
    monkeypatch.setattr(familiar, bound, 143)
    known, said = met(all_of, PAIRS[:9])
    assert known.trained is None
    assert said.startswith(
        "whether the model has learned from sources in b.en,b.de was not looked at: its training data is too large "
        "to be read again here (144 lines, "
    )
    monkeypatch.setattr(familiar, bound, 10**9)
    assert met(all_of, PAIRS[:9])[0].trained is not None


def test_made_data_is_met_too(all_of, monkeypatch) -> None:
    made = {"dates.train": PAIRS, "dates.valid": STRANGE[:4], "dates.test": [*PAIRS[:2], *STRANGE[3:9]]}
    makers = {name: (lambda pairs=pairs: iter(pairs)) for name, pairs in made.items()}
    monkeypatch.setattr("melisma.files.made.MADE", makers)
    path = all_of / "tiny" / "run.json"
    told = json.loads(path.read_text())
    told["settings"]["data"] |= {"train": [["made:dates.train"]], "valid": [["made:dates.valid"]]}
    told["data"] = {}
    path.write_text(json.dumps(seal(told, (all_of / "tiny" / "codec.json").read_bytes())))
    found = melisma.evaluate("tiny", ["made:dates.test"], beam=1, maximum=1)
    assert [(one.trained, one.chose, one.pairs) for one in found.familiar] == [(2, 1, 8)]
    assert found.notes[0].startswith("warning: 2 of 8 sources were trained on and 1 chose the best step")


def test_a_page_is_drawn_of_two_runs_and_over_nothing(all_of: Path) -> None:
    shutil.copytree("tiny", "other")
    asked = ("evaluate", "tiny", "data=a.en,a.de", *QUICK)
    said = typed(*asked, "report=both.html", "against=other")
    assert said.code == 0, said.err
    assert "the page is both.html" in said.err
    page = Path("both.html").read_text()
    assert "other" in page
    assert "<script" not in page
    assert str(all_of) not in page
    for words, reason in (
        (
            ("report=both.html",),
            "report=both.html is there already: a new file NAME.html in a folder that is there is wanted",
        ),
        (("report=page.pdf",), "a new file NAME.html"),
        (("report=no/page.html",), "a new file NAME.html"),
        (("report=x.html", "report=y.html"), "report is given 2 times: one is wanted"),
        (("report=x.html", "against=missing"), "missing does not exist"),
    ):
        refused = typed(*asked, *words)
        assert (refused.code, reason in refused.err) == (2, True), refused.err
    assert Path("both.html").read_text() == page


def test_another_run_is_told_beside_it_without_a_page(all_of: Path) -> None:
    shutil.copytree("tiny", "other")
    asked = ("evaluate", "tiny", "data=a.en,a.de", *QUICK, "against=other")
    said = typed(*asked)
    assert said.code == 0, said.err
    alone = typed(*asked[:-1]).lines
    assert said.lines[: len(alone)] == alone
    more = [line for line in said.lines[len(alone) :] if line]
    assert more[0] == "against     other, step 12"
    assert more[1] == "difference  tiny less other, on the same pairs"
    assert more[2].split("  ")[0] == "measure"
    rows = {line.split("  ")[0]: line for line in more[3:]}
    assert list(rows) == [line.split("  ")[0] for line in alone if "|" in line]
    assert rows["chrF2"].rstrip().endswith("is none")
    told = json.loads(typed(*asked, "--json").out)
    assert told["against"]["run"] == "other"
    assert told["against"]["measures"] == told["measures"]
    assert told["against"]["differences"]["chrf"] == {
        "value": 0.0,
        "low": None,
        "high": None,
        "more_than_chance": False,
    }
    assert "chrF2" not in told["against"]["differences"]
    assert told["measures"]["bleu"]["low"] is None
    assert "exact: tiny and other score the same on the same pairs." in told["against"]["sentences"]


def test_a_run_of_another_task_is_no_comparison(all_of: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {"tiny": "translate", "other": "trigger"}
    monkeypatch.setattr(evaluate, "read_run", lambda run: SimpleNamespace(task=seen[run]))
    said = typed("evaluate", "tiny", "data=a.en,a.de", "against=other")
    assert (said.code, "against=other is a run of trigger, tiny one of translate" in said.err) == (2, True)
