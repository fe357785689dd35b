"""While data is read, learned from and encoded, a training says how far it is; quietly it says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from command.drill import DATA, TINY, Screen, typed

from melisma.command import course
from melisma.files import watch

TRAIN = ("train", "translate", "run", DATA, *TINY, "training.steps=1")
PARTS = (
    "pairs read: 20",
    "pairs compared: 60 of 72",
    "pairs whose symbols are learned: 69 of 69",
    "pairs encoded: 69 of 69",
)


class Terminal(Screen):
    tty = True


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "EVERY", 0.0)
    monkeypatch.setattr(watch, "AT_ONCE", 20)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_lines_tell_of_each_part_and_the_terminal_rewrites_them(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = typed(*TRAIN, screen=Terminal)
    assert said.code == 0, said.err
    for part in PARTS:
        assert f"\r\x1b[2K{part}" in said.err
    assert "\x1b[2K" in said.err.rpartition("pairs encoded")[2], "the last of them is taken away"


def test_elsewhere_a_line_is_added_now_and_then(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(part in typed(*TRAIN).err for part in PARTS), "so soon nobody wonders"
    monkeypatch.setattr(course, "PLAIN_EVERY", -1.0)
    said = typed(*(word.replace("run", "run2") if word == "run" else word for word in TRAIN))
    assert all(f"{part}\n" in said.err for part in PARTS)


@pytest.mark.parametrize("flag", ["--quiet", "--json"])
def test_quietly_it_says_nothing(here: Path, monkeypatch: pytest.MonkeyPatch, flag: str) -> None:
    monkeypatch.setattr(course, "PLAIN_EVERY", -1.0)
    said = typed(*TRAIN, flag, screen=Terminal)
    assert said.code == 0, said.err
    assert not any(part.split(":")[0] in said.err + said.out for part in PARTS)
