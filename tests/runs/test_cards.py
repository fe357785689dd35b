"""What a run's facts and its card say: the course from a log of any length, and text that Markdown would obey."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.runs import card, facts, sections
from melisma.runs.facts import Facts, facts_unchecked
from melisma.runs.layout import LOG
from melisma.runs.write import RunWriter, create
from melisma.tasks import SETTINGS, task

NASTY = "a|b`c<img src=x>\n# d [e](http://f) *g* _h_ &amp; \\| \x1b[2J www.i.org"


def new(folder: Path, **more: Any) -> RunWriter:
    record = {"task": "translate", "recipe": "translate", "settings": {}} | more
    return create(folder / "run", record, {"unit": "characters"}, keep=2, room=0)


def save(writer: RunWriter, step: int, *, done: bool = False) -> None:
    weights = {"output.weight": np.zeros((2, 3), np.float32)}
    writer.save_step(step, weights, {}, {"learner": {}, "course": {"done": done}}, ["best"])


def test_the_course_is_what_the_log_tells(tmp_path: Path) -> None:
    lines = [{"step": step, "valid": {"loss": step / 2}} if step % 2 else {"step": step} for step in range(1, 13)]
    text = "".join(json.dumps(line) + "\n" for line in lines) + "broken\n" + json.dumps({"step": 99})
    (tmp_path / LOG).write_text(text)
    found = facts._course(tmp_path, {"steps": 20}, {}, facts._Saved(12, None, {}))
    assert (found.reached, found.planned, found.done) == (12, 20, False)
    assert [(one.step, one.scores) for one in found.validations] == [(n, {"loss": n / 2}) for n in range(1, 13, 2)]


def test_the_latest_validations_are_shown_and_the_best_beside_them(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sections, "SHOWN", 3)
    with new(tmp_path) as writer:
        for step in range(1, 7):
            writer.log({"step": step, "valid": {"exact": 50 / step, "loss": float(step)}, "seconds": step})
        writer.save_step(1, {"w": np.zeros(2, np.float32)}, {}, {"course": {}}, ["best"])
        writer.save_step(6, {"w": np.zeros(2, np.float32)}, {}, {"course": {"done": True}})
    scores = next(one for one in sections.sections(facts_unchecked(tmp_path / "run")) if "Scores" in one.title)
    assert scores.head == ("step", "after", "exact, %", "loss, nats", "")
    assert [(row[0], row[2], row[-1]) for row in scores.table] == [
        ("1", "50.00", "best"),
        ("4", "12.50", ""),
        ("5", "10.00", ""),
        ("6", "8.33", "latest"),
    ]
    assert ("best", "step 1: exact 50.00 %, loss 1.000 nats") in scores.rows
    assert ("left out", "2 earlier validations, which --json tells") in scores.rows
    assert scores.numbers == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (Facts("r", folder="damaged"), "damaged: no step can be used; put back a copy"),
        (Facts("r"), "begun, and nothing is saved yet: melisma resume RUN begins anew"),
        (Facts("r", trained_by="process 7"), "being trained right now, by process 7: before its first steps"),
    ],
)
def test_the_state_is_said_in_words(known: Facts, words: str) -> None:
    assert sections.in_words(known, "RUN").startswith(words)


def test_a_card_can_be_written_at_each_save_and_says_how_far_training_came(tmp_path: Path) -> None:
    with new(tmp_path, steps=1200) as writer:
        card.write_card(writer)
        page = tmp_path / "run" / "README.md"
        assert "nothing is saved yet" in page.read_text()
        save(writer, 1000)
        card.write_card(writer)
        assert "| state | stopped at step 1,000 of 1,200; melisma resume RUN goes on |" in page.read_text()
        save(writer, 1200, done=True)
        card.write_card(writer)
        assert "| state | finished |" in page.read_text()
        assert "| output.weight | 2 × 3 |" in page.read_text()
        assert str(tmp_path) not in page.read_text()


def test_a_card_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    with new(tmp_path) as writer:
        (tmp_path / "run" / "codec.json").write_text("")
        card.write_card(writer)
    assert not (tmp_path / "run" / "README.md").exists()


def test_the_card_holds_no_place_and_no_markdown_of_users(tmp_path: Path) -> None:
    data = {"train": [["/home/me/secret/a.en", "../../else/a|b.de"]], "source": NASTY}
    signed = {name: {"lines": 3, "bytes": 1000, "sha256": "0" * 64} for name in data["train"][0]}
    with new(tmp_path, settings={"data": data}, data=signed, machine={"processor": NASTY}, recipe=NASTY) as writer:
        save(writer, 3)
        page = card.card(writer.path)
    assert "a.en | train | 3 | 1,000 | 000000000000… |" in page
    assert "secret" not in page
    assert "else" not in page
    assert not re.search(r"<|http://|www\.|\x1b|(?<!\\)[*`\[]|(?<![\\\w])_|a\|b", page.split("---\n", 2)[2])
    tables = 0
    for table in page.split("\n\n"):
        rows = [line for line in table.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) <= 1, "a cell has broken out of its column"
        tables += bool(rows)
    assert tables > 4


@given(st.text(max_size=30))
def test_a_cell_stays_one_cell_on_one_line(text: str) -> None:
    cell = card._cell(text)
    assert cell.splitlines() in ([], [cell])
    assert not re.search(r"[<>]", cell)
    assert not re.search(r"\|", re.sub(r"\\[\\`*\[\]|~#_]", "", cell))


@pytest.mark.parametrize(
    ("given", "shown", "left_out"),
    [
        ({}, {"encoder", "decoder", "cell", "attention"}, {"heads"}),
        ({"attention": "multi_head"}, {"encoder", "cell", "heads"}, set()),
        ({"encoder": "transformer"}, {"encoder", "decoder", "heads", "cell", "attention"}, set()),
        ({"encoder": "transformer", "decoder": "transformer"}, {"encoder", "decoder", "heads"}, {"cell", "attention"}),
    ],
)
def test_of_the_model_is_told_what_it_has(
    tmp_path: Path, given: dict[str, Any], shown: set[str], left_out: set[str]
) -> None:
    new(tmp_path, settings={"model": given}).close()
    told = next(one for one in sections.sections(facts_unchecked(tmp_path / "run")) if one.title == "Settings")
    names = {row[0].removeprefix("model.") for row in told.table}
    assert shown <= names
    assert not left_out & names


@pytest.mark.parametrize("name", SETTINGS)
def test_examples_are_called_what_their_task_calls_them(name: str) -> None:
    found: Any = task(name)
    assert sections.EXAMPLES[name] == (found.made or found.example, found.example)
    known = Facts("run", task=name, pairs={"train": 3, "valid": 2})
    (told,) = [section for section in sections.sections(known) if section.title == "Data"]
    assert told.rows == (
        (f"{found.made or found.example}s to learn from", "3"),
        (f"{found.example}s to validate on", "2"),
    )
