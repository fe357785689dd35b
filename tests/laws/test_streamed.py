"""Data that lies on the disk trains as data in memory does, in bits, also when resumed within an epoch; nothing is left."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from command.drill import DATA, TINY, picture, typed
from laws.drill import outcome, same

from melisma.api.train import resume, train
from melisma.command.train import settings_layers
from melisma.files import groups, scratch, stored
from melisma.training import order

OURS = ("text.unit=", "training.epochs=", "training.steps=", "training.validate_every=")
WORDS = (*(word for word in TINY if not word.startswith(OURS)), "training.validate_every=4")


@pytest.fixture
def streamed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Next to nothing is held in memory; gives the folder in which the rest is laid down."""
    folder = tmp_path_factory.mktemp("scratch")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        for module, name, value in (
            (scratch, "HELD", 16),
            (scratch, "BLOCK", 64),
            (stored, "BLOCK", 50),
            (groups, "AT_ONCE", 8),
            (groups, "FIRST", 2),
            (order, "AT_ONCE", 5),
            (order, "PART", 7),
        ):
            patch.setattr(module, name, value)
        yield folder


def trained(run: str, *words: str) -> None:
    said = typed("train", "translate", run, DATA, *WORDS, *words)
    assert said.code == 0, said.err


def in_memory(run: str, *words: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scratch, "HELD", 1 << 30)
        trained(run, *words)


@pytest.mark.parametrize(
    "words",
    [
        ("text.unit=subwords", "text.size=300"),
        ("text.unit=characters", "data.share=0.5"),
        ("text.unit=words", "data.limit_target=12"),
    ],
)
def test_streamed_is_in_memory_in_bits(here: Path, streamed: Path, words: tuple[str, ...]) -> None:
    trained("streamed", *words, "training.steps=12")
    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((groups, "AT_ONCE"), (order, "AT_ONCE"), (order, "PART"), (stored, "BLOCK")):
            patch.setattr(module, name, 1 << 20)
        in_memory("whole", *words, "training.steps=12")
    assert same(here / "streamed", here / "whole") == []
    assert (here / "streamed" / "codec.json").read_bytes() == (here / "whole" / "codec.json").read_bytes()
    assert list(streamed.iterdir()) == []


def test_resumed_within_an_epoch_it_is_the_training_that_never_stopped(here: Path, streamed: Path) -> None:
    words = (DATA, *WORDS, "text.unit=characters", "training.steps=11")
    for _ in train("translate", "straight", *settings_layers("translate", words, "straight")):
        pass
    taken = [0]
    for progress in train(
        "translate", "resumed", *settings_layers("translate", words, "resumed"), stopped=lambda: taken[-1] >= 5
    ):
        taken.append(progress.step)
    position = outcome(here / "resumed")[2]["learner"]
    assert position["step"] == 5
    assert position["taken"] > 0, "it stopped within an epoch"
    for _ in resume("resumed"):
        pass
    assert same(here / "straight", here / "resumed") == []


def test_a_full_disk_is_refused_before_the_first_step_and_nothing_is_left(here: Path, streamed: Path) -> None:
    before, handles = picture(here), len(os.listdir("/proc/self/fd"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        said = typed("train", "translate", "run", DATA, *WORDS, "text.unit=characters", "training.steps=2")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert said.code == 2
    assert "does not fit into" in said.err
    assert "TMPDIR=FOLDER" in said.err
    assert picture(here) == before
    assert list(streamed.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) == handles
