"""The room that a run is foreseen to take is the room that it takes, and a sweep asks for as much for each training."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from command.drill import DATA, TINY, refused, typed

from melisma.checks import dry_run
from melisma.runs.disk import Disk
from melisma.runs.layout import STEPS
from melisma.runs.place import MEBIBYTE, run_room, size, step_room
from melisma.settings.training import TrainingSettings

HEADS = 20_000  # bytes of names and shapes in the files of a step, at most


def test_a_run_holds_its_steps_the_best_by_each_and_one_that_is_written() -> None:
    assert run_room(10, keep=2, measures=3) == (2 + 4 + 1) * step_room(10)


def test_a_step_takes_what_was_foreseen(tiny: Path) -> None:
    parameters = json.loads(typed("show", "tiny", "--json").out)["sizes"]["parameters"]
    steps = [sum(file.stat().st_size for file in step.iterdir()) for step in (tiny / "tiny" / STEPS).iterdir()]
    assert steps
    for taken in steps:
        assert step_room(parameters) - 4 * parameters <= taken <= step_room(parameters) + HEADS


def test_a_check_and_a_sweep_foresee_the_same(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dry_run, "MOST", 12)
    cost = json.loads(typed("check", "translate", DATA, *TINY, "training.epochs=1", "--json").out)["cost"]
    assert cost["room"] > run_room(cost["parameters"], TrainingSettings().keep, 0)
    monkeypatch.setattr(Disk, "free", lambda self, path: MEBIBYTE)
    said = refused("sweep", "translate", "out", DATA, *TINY, "training.epochs=1", "vary=epochs", "points=2", "seeds=2")
    found = re.search(r"(\d+) trainings may take up to ([\d.]+ .B) and", said)
    assert found is not None, said
    assert found[2] == size(int(found[1]) * cost["room"])
