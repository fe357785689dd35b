"""One training over several processes, as typed: the bits of one that accumulates, one voice, one end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command.drill import (
    DATA,
    FORKS,
    SOURCE,
    TINY,
    Said,
    Started,
    _command,
    log,
    record,
    refused,
    typed,
    weights,
    write_pairs,
)
from laws.processes import free_port
from torch.distributed import TCPStore

import melisma
import melisma.command
from melisma.runs.verify import verify

PLAIN = ("train", "translate", "run", DATA, *TINY, "training.schedule=constant")
SMALL = (*PLAIN, "training.validate_every=6")
ENDLESS = (*PLAIN, "training.validate_every=100000", "training.steps=100000")
LONG = (*SMALL, "training.steps=12", "data.validation_measure=loss")


class Member(Started):
    """One of several processes that train together, each with an output of its own."""

    def __init__(self, folder: Path, rank: int, size: int, port: int, *words: str) -> None:
        self.out, self.err = folder / f".out{rank}", folder / f".err{rank}"
        told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        environment = {name: str(value) for name, value in told.items()}
        files = (str(self.out), str(self.err))
        self.process: Any = FORKS.Process(target=_member, args=(words, str(folder), files, environment))
        self.process.start()


def _member(words: tuple[str, ...], folder: str, files: tuple[str, str], environment: dict[str, str]) -> None:
    os.environ |= environment
    melisma.command.LATER = 0.1
    _command(words, folder, files, 0)


def together(folder: Path, *words: str, size: int = 2) -> list[Member]:
    port = free_port()
    return [Member(folder, rank, size, port, *words) for rank in range(size)]


def ended(members: list[Member]) -> list[Said]:
    return [member.ended() for member in members]


@pytest.fixture(scope="module")
def halves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of one process that adds the gradients of two halves."""
    folder = tmp_path_factory.mktemp("halves")
    write_pairs(folder)
    assert Started(folder, *LONG, "training.accumulate=2").ended().code == 0
    return folder / "run"


def same(run: Path, other: Path) -> None:
    assert verify(run).state == "whole"
    for name in ("latest", "best"):
        assert weights(run, name) == weights(other, name)
    assert log(run) == log(other)


def test_as_it_is_typed_two_processes_give_the_bits_of_two_accumulated_halves(here: Path, halves: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", f"--master-port={free_port()}", "--nproc-per-node=2"]
    told = os.environ | {"PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "-m", "melisma", *LONG, "training.board=yes"], env=told, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    same(here / "run", halves)
    lines = done.stderr.splitlines()
    assert sum(line.startswith("step 6: ") for line in lines) == 1
    assert sum("trained on 1 thread by each of 2 processes" in line for line in lines) == 1
    assert sum(line.startswith("melisma: done in ") for line in lines) == 1
    assert record(here / "run")["machine"]["processes"] == 2
    assert re.search(r"^\| processes \| 2 \|$", (here / "run" / "README.md").read_text(), re.M)
    assert re.search(r"^  processes +2$", typed("show", "run").out, re.M)
    assert len(os.listdir(here / "run" / "board")) == 1


def test_a_signal_to_either_stops_both_after_the_same_step_which_is_saved(here: Path) -> None:
    first, second = together(here, *ENDLESS)
    first.says("step 1/")
    os.kill(second.process.pid, signal.SIGTERM)
    said, other = ended([first, second])
    assert (said.code, other.code) == (130, 130)
    told = "melisma resume run goes on, to the same bits as 2 processes of torchrun again, or as one with "
    assert re.search(rf"stopped after \d+ s, step [\d,]+ is saved; next: {told}training.accumulate=2\n", said.err)
    assert f"; {told}training.accumulate=2\n" in typed("show", "run").out
    assert (other.out, other.err) == ("", "")
    step = int((here / "run" / "latest").read_text())
    alone = [word if word != "run" else "alone" for word in ENDLESS]
    assert typed(*alone[:-1], f"training.steps={step}", "training.accumulate=2").code == 0
    assert weights(here / "run") == weights(here / "alone")


def test_killed_at_once_and_gone_on_with_by_one_it_ends_at_the_same_bits(here: Path, halves: Path) -> None:
    members = together(here, *LONG)
    members[0].says("step 6: ")
    for member in members:
        member.kill()
    gone_on = typed("resume", "run", "training.accumulate=2")
    assert gone_on.code == 0, gone_on.err
    assert "the same bits" not in gone_on.err
    same(here / "run", halves)
    assert record(here / "run")["machine"]["processes"] is None


def test_who_goes_on_with_other_parts_is_told_what_would_keep_the_bits(here: Path) -> None:
    assert typed(*SMALL, "training.steps=4").code == 0
    said, other = ended(together(here, "resume", "run", "training.steps=8"))
    assert (said.code, other.code) == (0, 0), (said.err, other.err)
    assert (
        "melisma: batches were cut into 1 part and are now cut into 2: it goes on, but not to the same bits\n"
        in said.err
    )
    assert record(here / "run")["machine"]["processes"] == 2
    gone_on = typed("resume", "run", "training.steps=12")
    assert gone_on.code == 0
    assert "cut into 1: it goes on, to the same bits only with training.accumulate=2" in gone_on.err
    before = (here / "run" / "metrics.jsonl").read_bytes()
    for said in ended(together(here, "resume", "run")):
        assert said.code == 0, said.err
    assert (here / "run" / "metrics.jsonl").read_bytes() == before, "it was finished"


def _left(environment: dict[str, str], folder: str, answers: Any) -> None:
    os.environ |= environment
    os.chdir(folder)
    settings = dict(word.split("=") for word in ENDLESS if "=" in word)
    heard = []
    for progress in melisma.train("translate", "run", settings | {"data.train": ("a.en", "a.de")}):
        heard.append((progress.kind, progress.step, progress.text if progress.kind == "end" else ""))
        if progress.step == 3:
            break
    answers.put(heard)


def test_in_python_the_others_hear_that_the_first_has_left(here: Path) -> None:
    port, answers = str(free_port()), [FORKS.Queue(), FORKS.Queue()]
    told = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    members = [
        FORKS.Process(target=_left, args=(told | {"RANK": str(rank)}, str(here), answers[rank])) for rank in (0, 1)
    ]
    for member in members:
        member.start()
    heard, other = [queue.get(timeout=60) for queue in answers]
    for member in members:
        member.join()
    assert [step for kind, step, _ in heard if kind == "step"] == [1, 2, 3]
    assert other == [("end", 3, "stopped")]
    assert (here / "run" / "latest").read_text() == "000003\n"


def _twice(environment: dict[str, str], folder: str, answers: Any) -> None:
    os.environ |= environment
    os.chdir(folder)
    settings = dict(word.split("=") for word in SMALL if "=" in word)
    settings |= {"data.train": ("a.en", "a.de"), "training.steps": 2}
    answers.put([[*melisma.train("translate", run, settings)][-1].kind for run in ("one", "two")])


def test_in_python_one_training_follows_another(here: Path) -> None:
    """Where the meeting place outlives a training, as torchrun's does."""
    place, answers = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False), FORKS.Queue()
    told = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(place.port)}
    told |= {"TORCHELASTIC_USE_AGENT_STORE": "True"}
    members = [FORKS.Process(target=_twice, args=(told | {"RANK": str(rank)}, str(here), answers)) for rank in (0, 1)]
    for member in members:
        member.start()
    try:
        assert [answers.get(timeout=60) for _ in members] == [["end", "end"]] * 2
    finally:
        for member in members:
            member.kill()
            member.join()


def test_a_process_that_is_killed_ends_the_training_with_a_sentence(here: Path) -> None:
    first, second = together(here, *ENDLESS)
    first.says("step 1/")
    second.kill()
    said = first.ended()
    assert said.code == 1
    last = said.err.splitlines()[-1]
    assert "another process of this training has ended or cannot be reached any more" in last
    assert last.endswith("; melisma resume run begins anew, as no step is saved")


def test_what_all_find_wrong_the_first_says_and_the_others_only_if_they_are_left(here: Path) -> None:
    said, other = ended(together(here, *SMALL, "training.stepz=4"))
    assert (said.code, other.code) == (2, 2)
    assert said.err.startswith("melisma: unknown setting training.stepz")
    assert other.err == said.err.replace("melisma: ", "melisma: process 1: ", 1)


def test_what_is_refused_once_they_have_met_all_end_with(here: Path) -> None:
    (here / "a.de").write_text("nur eine\n")
    said, other = ended(together(here, *SMALL))
    assert (said.code, other.code) == (2, 2)
    assert said.err.count("\n") == 1
    assert other.err == said.err.replace("melisma: ", "melisma: process 1: ", 1)
    assert not (here / "run").exists()


def test_other_verbs_take_one_process(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert "RANK is not set" in refused("train", "dates", "run")
    for name, value in (("RANK", "0"), ("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", "1")):
        monkeypatch.setenv(name, value)
    assert refused("show", "run") == "2 processes were started and only train and resume use more than one: start one"


def test_under_torchrun_with_one_process_it_is_the_plain_path(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("WORLD_SIZE", "1"), ("RANK", "0"), ("MASTER_ADDR", "nowhere.invalid"), ("MASTER_PORT", "1")):
        monkeypatch.setenv(name, value)
    assert typed(*SMALL, "training.steps=4").code == 0
    assert "processes" not in record(here / "run")["machine"]
    assert typed("resume", "run", "training.steps=8", "training.board=yes").code == 0
    assert len(os.listdir(here / "run" / "board")) == 1
