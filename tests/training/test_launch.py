"""What a process hears of the others from whoever started it."""

from __future__ import annotations

import pytest

from melisma.errors import Refusal
from melisma.training.launch import Launch, launched

TOLD = {"WORLD_SIZE": "4", "RANK": "3", "LOCAL_RANK": "1", "MASTER_ADDR": "there", "MASTER_PORT": "29500"}


def test_a_process_knows_its_place() -> None:
    assert launched(TOLD) == Launch(3, 4, 1, "there", 29500)
    assert not launched(TOLD).leads
    assert launched(TOLD | {"RANK": "0"}).leads


def test_without_a_place_on_its_machine_the_rank_is_taken() -> None:
    assert launched({name: value for name, value in TOLD.items() if name != "LOCAL_RANK"}).local == 3


@pytest.mark.parametrize("told", [{}, {"RANK": "7"}, {"WORLD_SIZE": "1"}, {"WORLD_SIZE": "1", "RANK": "0"}])
def test_a_process_that_is_alone_needs_to_hear_nothing(told: dict[str, str]) -> None:
    assert launched(told) == Launch()
    assert launched(told).leads


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("WORLD_SIZE", "two", "WORLD_SIZE is 'two', a whole number from 1 to 100,000 is wanted"),
        ("WORLD_SIZE", "0", "WORLD_SIZE is '0', a whole number from 1"),
        ("WORLD_SIZE", "", "WORLD_SIZE is '', a whole number"),
        ("WORLD_SIZE", "9" * 5000, "a whole number"),
        ("WORLD_SIZE", "٣", "a whole number"),
        ("RANK", "4", "RANK is '4', a whole number from 0 to 3 is wanted"),
        ("RANK", "-1", "RANK is '-1'"),
        ("RANK", None, "WORLD_SIZE=4 says that several processes train together, and RANK is not set"),
        ("LOCAL_RANK", "x\x1b[2J", r"LOCAL_RANK is 'x\x1b[2J'"),
        ("MASTER_ADDR", "", "MASTER_ADDR is not set"),
        ("MASTER_PORT", None, "MASTER_PORT is not set"),
        ("MASTER_PORT", "70000", "MASTER_PORT is '70000', a whole number from 1 to 65,535"),
    ],
)
def test_what_cannot_be_is_refused(name: str, value: str | None, said: str) -> None:
    told = {key: text for key, text in TOLD.items() if key != name} | ({} if value is None else {name: value})
    with pytest.raises(Refusal) as refusal:
        launched(told)
    assert said in str(refusal.value)
    assert "torchrun --nproc-per-node=2 -m melisma train" in str(refusal.value)
    assert str(refusal.value).isprintable()
