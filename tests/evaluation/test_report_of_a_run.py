"""The page of a real run: what it tells is what is known, and nothing on it says where anything lies."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from command.drill import DATA, PAIRS, TINY, typed, write_pairs

from melisma.api import report as reports
from melisma.api.compared import names_of
from melisma.api.measure import evaluate
from melisma.api.model import load
from melisma.api.report import gathered, report, write_pages, write_report
from melisma.errors import Refusal
from melisma.evaluation import shown
from melisma.evaluation.evaluate import Evaluation
from melisma.measures.by_length import Bucket
from melisma.measures.error_rate import word_error_rate
from melisma.measures.exact import exact
from melisma.measures.units import between, figure
from melisma.runs.write import claim
from melisma.tasks.translate import examples

DATA_OF = "a.en,a.de"


@pytest.fixture
def found(tiny: Path) -> Evaluation:
    return evaluate("tiny", DATA_OF)


@pytest.fixture
def writable(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the run, as the working directory's ``tiny``, that may be written to."""
    shutil.copytree(tiny / "tiny", tmp_path / "tiny", symlinks=True)
    for name in ("a.en", "a.de"):
        shutil.copy(tiny / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "tiny"


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<body>")[2]).split())


def test_the_page_tells_what_the_evaluation_found(tiny: Path, found: Evaluation) -> None:
    page = words(report("tiny", DATA_OF, found))
    for name, measure in found.measures.items():
        assert f"{figure(name, measure.value)} {between(name, measure.ends)}" in page
    for part in ("Training", "Scores", "Examples", "What it looked at", "Settings", "Data", "Sizes"):
        assert part in page
    assert "nearest neighbour" in page
    assert "the model has learned from a.en,a.de itself" in page
    assert "Measured on a.en,a.de, at step 12, with search.beam=5" in page


def test_no_folder_is_on_the_page(tiny: Path) -> None:
    data = f"{tiny}/a.en,{tiny}/a.de"
    page = report(str(tiny / "tiny"), data, evaluate(str(tiny / "tiny"), data))
    assert str(tiny) not in page
    assert tiny.name not in words(page).split()
    assert "../" not in page


def test_the_same_answers_make_the_same_page(tiny: Path, found: Evaluation) -> None:
    first = report("tiny", DATA_OF, found)
    assert report(load("tiny"), DATA_OF, found) == first


def test_all_settings_are_told_and_the_chosen_ones_marked(tiny: Path) -> None:
    table = gathered(Path("tiny")).settings
    assert table is not None
    names = [row[0] for row in table.rows]
    assert {"model.hidden", "training.rate", "search.beam"} <= set(names)
    assert not {"data.train", "data.valid"} & set(names)
    chosen = {names[number] for number in table.marked}
    assert {word.partition("=")[0] for word in TINY} - {"text.unit"} <= chosen | {"training.threads"}
    assert table.marked == {number for number, row in enumerate(table.rows) if row[1] != row[2]}
    assert any(row[2] != row[3] for row in table.rows)


def test_two_runs_are_set_beside_each_other(tiny: Path, found: Evaluation) -> None:
    page = words(report("tiny", DATA_OF, found, evaluate("tiny", DATA_OF, beam=1)))
    assert "tiny (again)" in page
    assert "on the same pairs" in page


def test_two_runs_on_different_pairs_are_refused(tiny: Path, found: Evaluation) -> None:
    (tiny / "b.en").write_text("one\n")
    (tiny / "b.de").write_text("eins\n")
    try:
        with pytest.raises(Refusal, match="different pairs"):
            report("tiny", DATA_OF, found, evaluate("tiny", "b.en,b.de"))
    finally:
        (tiny / "b.en").unlink()
        (tiny / "b.de").unlink()


def test_where_the_training_data_is_gone_nothing_is_looked_up(writable: Path) -> None:
    found = evaluate("tiny", DATA_OF)
    write_pairs(writable.parent, PAIRS[:20], "other")
    for name in ("a.en", "a.de"):
        (writable.parent / name).unlink()
    found = evaluate("tiny", "other.en,other.de")
    page = words(report("tiny", "other.en,other.de", found))
    assert "the training data is not where it was" in page
    assert "nearest neighbour" not in page
    assert "copying the source" in page


def test_a_training_ends_with_its_page(writable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "MEASURED", 3)
    pairs, _ = examples(load("tiny").settings, [("a.en", "a.de")])
    with claim(writable).begin() as writer:
        write_report(writer, pairs, pairs[:5], "cpu", lambda: False)
    page = words((writable / "report.html").read_text(encoding="utf-8"))
    assert "finished" in page
    assert "a spread of 3 of the 5 validation pairs" in page
    assert "All of them" in page


def test_a_training_that_was_stopped_has_a_page_without_scores(writable: Path) -> None:
    pairs, _ = examples(load("tiny").settings, [("a.en", "a.de")])
    with claim(writable).begin() as writer:
        write_report(writer, pairs, pairs[:5], "cpu", lambda: True)
    page = (writable / "report.html").read_text(encoding="utf-8")
    assert 'id="scores"' not in page
    assert 'id="training"' in page


def test_while_a_training_goes_on_there_is_a_page_of_its_course(writable: Path) -> None:
    (writable / "README.md").unlink()
    with claim(writable).begin() as writer:
        write_pages(writer)
    page = words((writable / "report.html").read_text(encoding="utf-8"))
    assert "in training when this page was written" in page
    assert (writable / "README.md").exists()


def test_a_page_that_cannot_be_made_stops_no_training(writable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise Refusal("no")

    monkeypatch.setattr(reports, "gathered", fails)
    (writable / "report.html").unlink()
    with claim(writable).begin() as writer:
        write_report(writer, [], [], "cpu", lambda: False)
        write_pages(writer)
    assert not (writable / "report.html").exists()


def test_where_lines_were_dropped_is_told_without_folders(writable: Path) -> None:
    data = f"{writable.parent}/b.en,{writable.parent}/b.de"
    (writable.parent / "b.en").write_text("one\n\ntwo\n")
    (writable.parent / "b.de").write_text("eins\nzwei\nzwei\n")
    page = report("tiny", data, evaluate("tiny", data))
    assert "dropped 1 pair with one blank side" in page
    assert str(writable.parent) not in page


def test_an_answer_that_differs_beyond_what_is_shown_is_not_called_right() -> None:
    long = "word " * 200
    answers = [SimpleNamespace(text=long + end) for end in ("end", "else")]
    found = Evaluation({}, {}, answers, 0.0)
    (group,) = shown.examples(shown.Measured("run", found, ("a", "b"), (long + "end", long + "end")))
    assert sorted((one.right, one.answer == one.reference) for one in group.examples) == [(False, True), (True, True)]


def test_names_of_runs_tell_them_apart() -> None:
    assert names_of("x/one", "y/two") == ("one", "two")
    assert names_of("x/one", "y/one") == ("x/one", "y/one")
    assert names_of("x/one", "x/one") == ("one", "one (again)")


def test_what_was_dropped_is_told_without_folders() -> None:
    said = "dropped 2 pairs with one blank side (/home/me/a.en line 3)"
    assert reports._without_folders(said, [("/home/me/a.en", "/home/me/a.de")]) == (
        "dropped 2 pairs with one blank side (a.en line 3)"
    )


def test_a_model_without_attention_has_no_maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pairs(tmp_path)
    monkeypatch.chdir(tmp_path)
    steps = ("training.steps=2", "training.validate_every=2")
    said = typed("train", "translate", "fixed", DATA, *TINY, "model.attention=none", *steps)
    assert said.code == 0, said.err
    assert "What it looked at" not in report("fixed", DATA_OF, evaluate("fixed", DATA_OF))


def test_charts_of_shares_end_at_all_and_what_has_no_interval_has_none() -> None:
    answers = [SimpleNamespace(text="a")] * 4
    buckets = {"exact": [Bucket(1, 2, exact(["a"], ["a"])), Bucket(3, 4, exact(["a"], ["b"]))]}
    measures = {"exact": exact(["a"] * 4, ["a"] * 4), "wer": word_error_rate(["b"] * 4, ["a"] * 4)}
    made = shown.Measured("run", Evaluation(measures, buckets, answers, 0.0), ("s",) * 4, ("a",) * 4)
    told = shown.scores(made)
    assert told.table.rows[1] == ("WER, %", ("100.00", "–"))
    assert "–: whatever pairs are drawn score the same" in told.remarks[-1]
    bars = {figure.title: figure.data for figure in told.figures}
    assert bars["exact, % (more is better)"]["most"] == 100
    (lines,) = shown.by_length(made)
    assert (lines.data["ends"], lines.data["most"]) == ((0, 100), 100)
    assert "low" not in shown._bars("wer", [("run", measures)]).data["bars"][0]
