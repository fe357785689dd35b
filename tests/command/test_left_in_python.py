"""A training in Python that is left before its end: what it reached is saved, and it goes on to the same bits."""

from __future__ import annotations

import gc
import json
import os
import sys
import warnings
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from command.drill import DATA, TINY, in_shell, log, typed, weights

import melisma
from melisma.errors import Busy
from melisma.runs.disk import DISK
from melisma.runs.lock import Lock

SETTINGS = dict(word.split("=", 1) for word in (DATA, *TINY, "training.steps=12", "training.validate_every=4"))
Progress = melisma.Progress
Steps = Generator[Progress, None, None]


def begun(**more: Any) -> Steps:
    return melisma.train("translate", "left", SETTINGS, **more)


def upto(steps: Iterator[Progress], kind: str, step: int) -> None:
    """Takes what comes until ``kind`` of ``step``."""
    for progress in steps:
        if (progress.kind, progress.step) == (kind, step):
            return
    raise AssertionError(f"there is no {kind} of step {step}")


def by_closing(steps: Steps, kind: str, step: int) -> None:
    upto(steps, kind, step)
    steps.close()


def by_break(steps: Steps, kind: str, step: int) -> None:
    upto(steps, kind, step)


def by_error(steps: Steps, kind: str, step: int) -> None:
    def looked() -> None:
        for progress in steps:
            if (progress.kind, progress.step) == (kind, step):
                raise KeyError(step)

    with pytest.raises(KeyError):
        looked()


@pytest.mark.parametrize(
    ("leave", "kind", "step"),
    [
        (by_closing, "step", 1),
        (by_break, "step", 4),
        (by_error, "validation", 4),
        (by_closing, "saved", 4),
        (by_break, "step", 7),
        (by_error, "step", 7),
        (by_closing, "step", 12),
    ],
)
def test_what_was_reached_is_saved_and_goes_on_to_the_same_bits(
    tiny: Path, tmp_path: Path, monkeypatch, leave: Callable[[Steps, str, int], None], kind: str, step: int
) -> None:
    os.symlink(tiny / "a.en", tmp_path / "a.en")
    os.symlink(tiny / "a.de", tmp_path / "a.de")
    monkeypatch.chdir(tmp_path)
    leave(begun(), kind, step)
    gc.collect()
    run = tmp_path / "left"
    Lock.take(run, DISK).release()  # it is let go
    assert (run / "latest").read_text() == f"{step:06d}\n"
    told = json.loads(typed("show", "left", "--json").out)["state"]
    assert (told["folder"], told["step"]) == ("whole", step)
    assert told["is"] == ("finished" if step == 12 else "stopped")
    assert (run / "README.md").exists()
    assert (run / "report.html").exists()
    list(melisma.resume("left"))
    assert weights(run) == weights(tiny / "tiny")
    assert weights(run, "best") == weights(tiny / "tiny", "best")
    assert log(run) == log(tiny / "tiny")


def test_a_report_that_is_drawn_is_not_undone_by_closing(here: Path) -> None:
    steps = begun()
    upto(steps, "end", 12)
    before = (here / "left" / "report.html").read_bytes()
    steps.close()
    assert (here / "left" / "report.html").read_bytes() == before


def test_what_has_not_begun_saves_nothing_and_lets_go(here: Path) -> None:
    steps = begun()
    with pytest.raises(Busy):
        melisma.resume("left")
    del steps
    gc.collect()
    steps = melisma.resume("left")
    while next(steps).kind != "begin":
        pass
    steps.close()
    assert list((here / "left" / "steps").iterdir()) == []
    Lock.take(here / "left", DISK).release()


def test_a_save_that_fails_is_warned_of_and_never_raised(here: Path, monkeypatch) -> None:
    steps = begun()
    upto(steps, "step", 2)
    monkeypatch.setattr(DISK, "free", lambda path: 0, raising=False)
    with pytest.warns(RuntimeWarning, match="a training was left and could not be saved: step 2 could not be saved"):
        steps.close()
    monkeypatch.undo()
    monkeypatch.chdir(here)
    steps = melisma.resume("left")
    upto(steps, "step", 2)
    monkeypatch.setattr(DISK, "free", lambda path: 0, raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        steps.close()
    Lock.take(here / "left", DISK).release()


PROGRAM = """
import json, sys
import melisma
steps = melisma.train("translate", "left", json.loads(sys.argv[1]))
for progress in steps:
    if (progress.kind, progress.step) == ("step", 3):
        raise KeyError("of the user")
"""


def test_so_it_is_where_the_program_ends(here: Path) -> None:
    (here / "program.py").write_text(PROGRAM)
    said = in_shell(f"\"$PYTHON\" program.py '{json.dumps(SETTINGS)}'", here, PYTHON=sys.executable)
    assert said.code == 1, said.err
    assert said.err.splitlines()[-1] == "KeyError: 'of the user'"
    assert (here / "left" / "latest").read_text() == "000003\n"
    Lock.take(here / "left", DISK).release()


def test_a_fork_leaves_the_training_to_who_began_it(here: Path) -> None:
    steps = begun()
    upto(steps, "step", 2)
    child = os.fork()
    if not child:
        try:
            steps.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert not (here / "left" / "latest").exists()
    steps.close()
    assert (here / "left" / "latest").read_text() == "000002\n"
