"""What TensorBoard reads of a run: the log once more, no step twice, whatever happened meanwhile."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
import torch
from command.drill import DATA, TINY, typed
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from melisma.errors import Refusal
from melisma.runs.board import require_board
from melisma.runs.disk import Disk
from melisma.runs.log import read_log
from melisma.runs.verify import verify
from melisma.runs.write import RunWriter, SaveFailed, claim, create

WEIGHTS = {"a": torch.ones(2)}
RECORD = {"task": "translate", "recipe": "dates", "settings": {}, "began": "2026-01-02T03:04:05Z"}
BEGAN = 1767323045.0


def begun(path: Path, disk: Disk | None = None) -> RunWriter:
    writer = create(path, RECORD, {"codec": 1}, **({} if disk is None else {"disk": disk}))
    writer.begin_board()
    return writer


def lines(step: int) -> list[dict]:
    losses = {"symbols": 4.0 / step, "letters": 1.0}
    training = {
        "step": step,
        "epoch": 0,
        "loss": 4.0 / step,
        "losses": losses,
        "rate": 0.5,
        "symbols_per_second": 100.0,
    }
    return [
        training | {"seconds": float(step)},
        {"step": step, "valid": {"loss": 3.0, "bleu": float(step)}, "seconds": 1.5},
    ]


def taught(writer: RunWriter, *steps: int, save: bool = True) -> None:
    for step in steps:
        for line in lines(step):
            writer.log(line)
        if save:
            writer.save_step(step, WEIGHTS, WEIGHTS, {"course": {}})


def shown(run: Path) -> dict[str, list[tuple[int, float]]]:
    found = EventAccumulator(str(run / "board"))
    found.Reload()
    return {tag: [(one.step, one.value) for one in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


def test_it_holds_what_the_log_does(tmp_path: Path) -> None:
    with begun(tmp_path / "run") as writer:
        taught(writer, 1, 2)
    assert shown(tmp_path / "run") == {
        "training/loss": [(1, 4.0), (2, 2.0)],
        "training/loss/symbols": [(1, 4.0), (2, 2.0)],
        "training/loss/letters": [(1, 1.0), (2, 1.0)],
        "training/rate": [(1, 0.5), (2, 0.5)],
        "training/symbols_per_second": [(1, 100.0), (2, 100.0)],
        "validation/loss": [(1, 3.0), (2, 3.0)],
        "validation/bleu": [(1, 1.0), (2, 2.0)],
    }
    assert verify(tmp_path / "run").state == "whole"
    found = EventAccumulator(str(tmp_path / "run" / "board"))
    found.Reload()
    assert [one.wall_time for one in found.Scalars("training/loss")] == [BEGAN + 1, BEGAN + 2]


def test_numbers_that_are_none_are_left_out(tmp_path: Path) -> None:
    with begun(tmp_path / "run") as writer:
        writer.log({"step": 1, "loss": float("nan"), "valid": {"bleu": float("inf"), "chrf": 1.0}, "rate": 1e300})
        writer.log({"step": 2, "text": "nothing to draw"})
        writer.log({"loss": 1.0})
        writer.log({"step": 3, "loss": 10**400})
    assert shown(tmp_path / "run") == {"validation/chrf": [(1, 1.0)]}


def test_who_goes_on_writes_no_step_twice_and_none_that_is_lost(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with begun(run) as writer:
        taught(writer, 1, 2)
        taught(writer, 3, 4, save=False)
    first = os.listdir(run / "board")
    (board,) = (run / "board").iterdir()
    board.write_bytes(board.read_bytes()[:-7])  # a kill may leave half a record
    with claim(run).begin() as writer:
        writer.begin_board()
        assert [step for step, _ in shown(run)["training/loss"]] == [1, 2]
        taught(writer, 3)
    assert [step for step, _ in shown(run)["training/loss"]] == [1, 2, 3]
    second = os.listdir(run / "board")
    assert len(second) == 1
    assert second > first, "TensorBoard reads the files in the order of their names"


def test_it_can_be_asked_for_later_and_leaves_what_is_not_its_own(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with create(run, RECORD, {"codec": 1}) as writer:
        taught(writer, 1)
    assert not (run / "board").exists()
    (run / "board").mkdir()
    (run / "board" / "notes.txt").write_text("mine")
    (run / "board" / ".tmp-1-aaaaaaaaaaaa").write_text("left by a crash")
    with claim(run).begin() as writer:
        writer.begin_board()
        taught(writer, 2)
    assert [step for step, _ in shown(run)["validation/bleu"]] == [1, 2]
    assert len(names := os.listdir(run / "board")) == 2
    assert "notes.txt" in names


def test_who_goes_on_without_it_leaves_none_that_ends_before_the_log(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with begun(run) as writer:
        taught(writer, 1, 2)
        taught(writer, 3, save=False)
        (run / "board" / "notes.txt").write_text("mine")
    with claim(run).begin() as writer:
        writer.end_board()
        assert [note for note in writer.notes if "training.board=yes writes it anew from the log" in note]
        taught(writer, 3, 4)
    assert os.listdir(run / "board") == ["notes.txt"]
    (run / "board" / "notes.txt").unlink()
    with claim(run).begin() as writer:
        before = writer.notes
        writer.end_board()
        assert writer.notes == before, "there was nothing to be said"
        writer.begin_board()
        writer.end_board()
        assert not (run / "board").exists()
        writer.begin_board()
        taught(writer, 5)
    assert [step for step, _ in shown(run)["training/loss"]] == [1, 2, 3, 4, 5]
    assert verify(run).state == "whole"


def test_a_link_is_left_alone_by_who_goes_on_without(tmp_path: Path) -> None:
    with begun(tmp_path / "other") as writer:
        taught(writer, 1)
    before = os.listdir(tmp_path / "other" / "board")
    with create(tmp_path / "run", RECORD, {"codec": 1}) as writer:
        writer.end_board()
        (tmp_path / "run" / "board").symlink_to(tmp_path / "other" / "board")
        writer.end_board()
    assert os.listdir(tmp_path / "other" / "board") == before


def test_a_disk_that_keeps_it_says_so(tmp_path: Path) -> None:
    class Stuck(Disk):
        stuck = False

        def remove_file(self, path: Path) -> None:
            if self.stuck:
                raise OSError(5, "Input/output error")
            super().remove_file(path)

    disk = Stuck()
    with begun(tmp_path / "run", disk) as writer:
        disk.stuck = True
        with pytest.raises(SaveFailed, match=r"board could not be removed from .*: input/output error"):
            writer.end_board()


def test_a_training_that_goes_on_without_it_says_so(here: Path) -> None:
    assert typed("train", "translate", "run", DATA, *TINY, "training.steps=2", "training.board=yes").code == 0
    assert os.listdir(here / "run" / "board")
    said = typed("resume", "run", "training.steps=3", "training.board=no")
    assert said.code == 0
    assert "melisma: board/ was removed, as training.board=no" in said.err
    assert not (here / "run" / "board").exists()
    assert "board/" not in typed("resume", "run", "training.steps=4").err


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    with create(tmp_path / "run", RECORD, {"codec": 1}) as writer:
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "run" / "board").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(Refusal, match="board is a link"):
            writer.begin_board()
    assert os.listdir(tmp_path / "elsewhere") == []


class Full(Disk):
    """A disk that is full while ``full``."""

    full = False

    def write(self, file: int, data: bytes | memoryview) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(file, data)


def test_a_disk_that_is_full_for_a_while_loses_nothing(tmp_path: Path) -> None:
    disk = Full()
    with begun(tmp_path / "run", disk) as writer:
        taught(writer, 1)
        disk.full = True
        taught(writer, 2, save=False)
        disk.full = False
        taught(writer, 3)
    assert [step for step, _ in shown(tmp_path / "run")["training/rate"]] == [1, 2, 3]
    assert [line["step"] for line in read_log(tmp_path / "run")] == [1, 1, 2, 2, 3, 3]


def test_a_disk_that_is_full_at_its_beginning_says_so(tmp_path: Path) -> None:
    disk = Full()
    with create(tmp_path / "run", RECORD, {"codec": 1}, disk=disk) as writer:
        disk.full = True
        with pytest.raises(SaveFailed, match=r"board could not be saved in .*: no space left on device"):
            writer.begin_board()


def test_without_the_package_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    require_board()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Refusal) as refusal:
        require_board()
    assert str(refusal.value) == (
        "there is no package tensorboard: training.board=yes wants pip install 'melisma[board]', training.board=no wants none"
    )
