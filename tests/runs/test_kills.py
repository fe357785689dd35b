"""SIGKILL at random instants: five of the hundred that ``benchmarks/kills.py`` does."""

from __future__ import annotations

import importlib
import random
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from melisma.runs.write import claim, create


@pytest.fixture(scope="module")
def kills():
    folder = Path(__file__).resolve().parents[2] / "benchmarks"
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(folder)
        yield importlib.import_module("kills")
    for name in ("kills", "killed_trainings", "killed_runs", "killing"):
        del sys.modules[name]


def test_a_run_that_is_killed_again_and_again_is_whole_and_at_the_last_step_that_was_saved(kills, tmp_path) -> None:
    instant = random.Random()
    left = [kills.kill_once(tmp_path / "run", instant.uniform(0, 0.08)) for _ in range(5)]
    assert [one.fault for one in left] == [None] * 5
    assert all(one.found >= one.said > 0 for one in left)
    said = [one.said for one in left]
    assert said == sorted(set(said)), "each process goes on where the one before was"


def test_a_run_that_lost_a_saved_step_is_found_out(kills, tmp_path) -> None:
    said = kills.kill_once(tmp_path / "run", 0.0).said
    with pytest.raises(ValueError, match=f"step {said + 5} was said to be saved"):
        kills.check(tmp_path / "run", said + 5)
    next((tmp_path / "run" / "steps").glob("0*/model.safetensors")).write_bytes(b"torn")
    with pytest.raises(ValueError, match=r"damaged|repairable"):
        kills.check(tmp_path / "run", said)


@pytest.fixture
def trained(kills, tmp_path):
    """A run of three saved steps of which the first is the best, what a training never stopped had, and what was said."""
    path, trainings = tmp_path / "run", sys.modules["killed_trainings"]
    with create(path, {"task": "tag", "recipe": "kills", "settings": {}}, {"labels": ["a"]}, keep=3) as writer:
        for step in (1, 2, 3):
            weights = {"weights": np.full(3, step, dtype="<f4")}
            writer.log({"step": step, "seconds": step / 7})
            writer.save_step(step, weights, weights, {"course": {"seconds": step / 7}}, {"best"} if step == 1 else ())
    whole = trainings.Whole(
        trainings.states(path), trainings.timeless(path), trainings.led(path), trainings.weights_of(path), {}
    )
    return path, trainings, whole, trainings.Promised({1, 2, 3}, best=1)


def faults_of(trained, looks: str = "WHEN_FINISHED") -> set[str]:
    path, trainings, whole, promised = trained
    promised.faults.clear()
    trainings.try_all(path, promised, whole, getattr(trainings, looks))
    return {kind for kind, _ in promised.faults if kind != "not complete"}


def test_what_is_as_it_was_said_is_no_fault(trained) -> None:
    path, _, _, promised = trained
    assert faults_of(trained) == set()
    assert [kind for kind, _ in promised.faults] == ["not complete"], "it has no page"
    (path / "README.md").write_text("a page\n")
    faults_of(trained)
    assert promised.faults == []


@pytest.mark.parametrize("gone", ["steps/000003", "steps/000001", "best"])
def test_what_was_said_to_be_saved_and_is_gone_is_lost(trained, gone) -> None:
    path = trained[0] / gone
    path.unlink() if path.is_file() else shutil.rmtree(path)
    assert "lost" in faults_of(trained)


def test_a_resume_that_begins_before_what_was_saved_has_lost_it(trained) -> None:
    promised = trained[3]
    promised.hear('{"kind": "begin", "step": 3}')
    assert promised.faults == []
    promised.hear('{"kind": "begin", "step": 2}')
    assert [kind for kind, _ in promised.faults] == ["lost"]


def test_a_step_that_is_not_that_of_a_training_never_stopped_has_other_bits(trained) -> None:
    path, _, _, promised = trained
    weights = {"weights": np.full(3, 3.5, dtype="<f4")}
    with claim(path).begin(keep=3) as writer:
        writer.save_step(3, weights, weights, {"course": {"seconds": 1.0}})
    assert faults_of(trained) == {"other bits"}
    assert ("other bits", "finished, the weights of latest differ") in promised.faults
    assert ("other bits", "step 3: model.safetensors, training.safetensors differ") in promised.faults


def test_a_log_that_lacks_a_line_or_has_another_has_other_bits(trained) -> None:
    log = trained[0] / "metrics.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(lines[:2]))
    assert faults_of(trained, "AFTER_EACH") == {"other bits"}
    log.write_text("".join([*lines, '{"step": 4}\n']))
    assert faults_of(trained, "AFTER_EACH") == {"other bits"}


def test_what_was_damaged_on_purpose_is_found_unless_it_is_known(trained) -> None:
    path, trainings, _, promised = trained
    assert trainings.damage(path, "step", promised)
    assert (promised.steps, promised.best) == ({1, 2}, 1)
    assert faults_of(trained, "AFTER_EACH") == set()
    promised.torn = False
    assert "not whole" in faults_of(trained, "AFTER_EACH")
