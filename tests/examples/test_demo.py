"""The demo, from the first sentence to the last, on few dates and few steps."""

from __future__ import annotations

import shutil
import unicodedata
from itertools import chain, repeat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from examples.drill import EXAMPLES, opened

from melisma.files import dates

FILE = EXAMPLES / "demo.py"
SMALL = {
    "data.train": "few.tsv",
    "data.valid": "few.tsv",
    "model.embedding": 8,
    "model.hidden": 16,
    "model.encoder_hidden": 8,
    "training.batch_tokens": 300,
    "training.steps": 4,
    "training.warmup": 2,
    "search.maximum": 12,
}


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program as a module, its working directory new, its test dates few."""
    made = opened(FILE)
    monkeypatch.chdir(tmp_path)
    rows = "".join(f"{text}\t{iso}\n" for text, iso in dates.pairs("train", 30))
    (tmp_path / "few.tsv").write_text(rows, encoding="utf-8")
    monkeypatch.setattr(made, "TEST", "few.tsv")
    return made


def picture_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_it_trains_answers_measures_draws_compares_and_then_uses_what_is_there(
    demo: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    assert demo.main(Path("runs"), SMALL) == 0
    said = capsys.readouterr().out
    assert said.count("Trained in ") == 2
    for text, iso in dates.examples():
        assert text in said
        assert iso in said
    assert said.count("% exactly right") == 3
    assert (runs / "dates/attention.png").read_bytes().startswith(b"\x89PNG")
    before = picture_of(runs)

    assert demo.main(Path("runs"), SMALL) == 0
    again = capsys.readouterr().out
    assert again.count("is there already and is used") == 2
    assert "Trained in" not in again
    assert "more steps" not in again
    assert picture_of(runs).keys() == before.keys()
    assert again.split("\n  with attention")[1] == said.split("\n  with attention")[1]


def test_a_training_that_was_stopped_goes_on(demo: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken = chain([False, False], repeat(True))
    steps = list(demo.melisma.train("dates", "runs/dates", SMALL, stopped=lambda: next(taken)))
    assert steps[-1].step == 2
    demo.trained(Path("runs/dates"), SMALL)
    assert "after 2 more steps" in capsys.readouterr().out


def test_what_is_in_the_way_is_said_and_left_alone(demo: Any, capsys: pytest.CaptureFixture[str]) -> None:
    Path("runs/dates").mkdir(parents=True)
    Path("runs/dates/thesis.txt").write_text("mine", encoding="utf-8")
    assert demo.main(Path("runs"), SMALL) == 2
    assert "thesis.txt" in capsys.readouterr().err
    shutil.rmtree("runs/dates")
    small = SMALL | {"data.train": "few.tsv", "data.valid": "few.tsv", "text.unit": "characters"}
    list(demo.melisma.train("translate", "runs/dates", small))
    assert demo.main(Path("runs"), SMALL) == 2
    assert "recipe translate, not dates" in capsys.readouterr().err


def test_right_and_wrong_answers_are_marked_as_such(demo: Any, capsys: pytest.CaptureFixture[str]) -> None:
    days = [iso for _, iso in dates.examples()]
    given = [days[0], "1066-10-14", *days[2:]]
    demo.ask(lambda texts: [SimpleNamespace(text=answer) for answer in given])
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert len(lines) == len(days)
    assert lines.pop(1).endswith(f"1066-10-14  wrong, it is {days.pop(1)}")
    assert all(line.endswith(f"{day}  right") for line, day in zip(lines, days))


def test_columns_stand_under_each_other_in_every_script(demo: Any) -> None:
    samples = [("3 May", "a"), ("五月三日", "b"), ("مايو", "c"), ("e\u0301", "d"), ("ｗ", "e"), ("", "f")]
    lines = demo.table(samples)
    for (text, mark), line in zip(samples, lines):
        before = line.removesuffix(mark)
        assert before != line
        assert shown_width(before) == len("五月三日") * 2 + 2
        assert text in before
        assert ("\u2068" in before) == (mark == "c")


def shown_width(text: str) -> int:
    """The columns of a terminal that a text takes, said once more, for these samples alone."""
    plain = unicodedata.normalize("NFC", text).replace("\u2068", "").replace("\u2069", "")
    return sum(2 if "\u3000" < character < "\ua000" or "\uff01" <= character <= "\uff60" else 1 for character in plain)
