"""SIGKILL at random instants: five of the hundred that ``benchmarks/kills.py`` does."""

from __future__ import annotations

import importlib.util
import random
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def kills():
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "kills.py"
    described = importlib.util.spec_from_file_location("kills", path)
    module = importlib.util.module_from_spec(described)
    sys.modules["kills"] = module
    described.loader.exec_module(module)
    yield module
    del sys.modules["kills"]


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
