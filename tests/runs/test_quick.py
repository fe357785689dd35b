"""What int8 costs is remembered for the very weights it was measured on, and nothing strange in the file is believed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from melisma.runs.layout import INT8
from melisma.runs.quick import Cost, recall, remember
from melisma.runs.write import RunWriter, create

COST = Cost("bleu", True, 37.25, 37.125, 500, 1.875)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    with create(
        tmp_path / "run", {"task": "translate", "recipe": "translate", "settings": {}}, {"unit": "characters"}, room=0
    ) as writer:
        save(writer, 1)
    return tmp_path / "run"


def save(writer: RunWriter, step: int) -> None:
    writer.save_step(step, {"w": np.full(2, step, np.float32)}, {}, {}, ["best"])


def test_what_was_measured_is_recalled(run: Path) -> None:
    assert recall(run, "000001") is None
    assert remember(run, "000001", COST)
    assert recall(run, "000001") == COST
    assert recall(run, "000002") is None
    other = Cost("ter", False, 50.0, 51.5, 7, 0.5)
    assert remember(run, "000001", other)
    assert recall(run, "000001") == other


def test_words_and_losses() -> None:
    assert str(COST) == "int8: BLEU 37.12, without int8 37.25, on 500 validation examples, 1.9 times as fast"
    assert str(replace(COST, faster=0.9)).endswith("0.9 times as fast (for this model int8=no is quicker)")
    assert COST.lost == 0.125
    assert Cost("word_error", False, 24.0, 25.5, 1200, 2.0).lost == 1.5
    told = str(Cost("word_error", False, 24.0, 25.5, 1200, 2.0))
    assert told == "int8: word error 25.50 %, without int8 24.00, on 1,200 validation examples, 2.0 times as fast"


def test_other_weights_of_that_number_cost_what_is_measured_anew(run: Path) -> None:
    assert remember(run, "000001", COST)
    told = json.loads((run / INT8).read_bytes())
    told["steps"]["000001"]["sha256"] = "0" * 64
    (run / INT8).write_text(json.dumps(told))
    assert recall(run, "000001") is None


@pytest.mark.parametrize(
    "change",
    [
        {"plain": "37"},
        {"plain": 37},
        {"int8": None},
        {"higher": 1},
        {"examples": 5.0},
        {"more": 1},
        {"measure": None},
    ],
)
def test_what_nobody_wrote_is_not_believed(run: Path, change: dict[str, object]) -> None:
    assert remember(run, "000001", COST)
    told = json.loads((run / INT8).read_bytes())
    told["steps"]["000001"] |= change
    (run / INT8).write_text(json.dumps(told))
    assert recall(run, "000001") is None
    assert remember(run, "000001", COST)
    assert recall(run, "000001") == COST


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"format": 1}', '{"format": 2, "steps": {}}', '{"format": 1, "steps": []}', "\xff"]
)
def test_a_broken_file_is_none(run: Path, text: str) -> None:
    (run / INT8).write_text(text, encoding="latin-1")
    assert recall(run, "000001") is None
    assert remember(run, "000001", COST)
    assert recall(run, "000001") == COST


def test_a_link_is_not_followed(run: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    assert remember(run, "000001", COST)
    (run / INT8).rename(elsewhere)
    (run / INT8).symlink_to(elsewhere)
    assert recall(run, "000001") is None


def test_steps_that_are_gone_are_forgotten(run: Path) -> None:
    assert remember(run, "000001", COST)
    told = json.loads((run / INT8).read_bytes())
    told["steps"]["000099"] = told["steps"]["000001"]
    (run / INT8).write_text(json.dumps(told))
    assert remember(run, "000001", COST)
    assert list(json.loads((run / INT8).read_bytes())["steps"]) == ["000001"]


def test_a_run_that_is_being_trained_is_left_alone(tmp_path: Path) -> None:
    with create(
        tmp_path / "run", {"task": "translate", "recipe": "translate", "settings": {}}, {"unit": "characters"}, room=0
    ) as writer:
        save(writer, 1)
        assert not remember(tmp_path / "run", "000001", COST)
        assert not (tmp_path / "run" / INT8).exists()
    assert remember(tmp_path / "run", "000001", COST)
