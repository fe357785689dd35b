"""A process of several is lost, or measures otherwise: what the others end with, and what is left behind."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command.drill import DATA, FORKS, TINY, picture, record, typed, weights
from command.test_together_typed import Member, _member, ended
from laws.processes import free_port

from melisma.errors import Failure
from melisma.training import precision
from melisma.training.shards import Together

SMALL = ("train", "translate", "run", DATA, *TINY, "training.schedule=constant", "training.steps=4")


class Prepared(Member):
    """A process in which something is otherwise before it begins."""

    def __init__(self, folder: Path, rank: int, port: int, before: Callable[[int], None], *words: str) -> None:
        self.out, self.err = folder / f".out{rank}", folder / f".err{rank}"
        told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        environment = {name: str(value) for name, value in told.items()}
        given = (before, rank, words, str(folder), (str(self.out), str(self.err)), environment)
        self.process: Any = FORKS.Process(target=_prepared, args=given)
        self.process.start()


def _prepared(before: Callable[[int], None], rank: int, *given: Any) -> None:
    before(rank)
    _member(*given)


def both(folder: Path, before: Callable[[int], None], *words: str) -> list[Prepared]:
    port = free_port()
    return [Prepared(folder, rank, port, before, *words) for rank in (0, 1)]


def leaves_at(number: int, rank: int, *, how: str) -> None:
    """Has the second process die, or refuse, at its meeting of that number."""
    real, met = Together.agreeing, []

    @contextlib.contextmanager
    def agreeing(self: Together) -> Any:
        met.append(1)
        if len(met) == number and how == "dies":
            os._exit(9)
        with real(self) as meeting:
            if len(met) == number:
                raise Failure("no")
            yield meeting

    if rank == 1:
        Together.agreeing = agreeing  # type: ignore[method-assign]


def dies_first(rank: int) -> None:
    leaves_at(1, rank, how="dies")


def dies_last(rank: int) -> None:
    leaves_at(3, rank, how="dies")


def refuses_last(rank: int) -> None:
    leaves_at(3, rank, how="refuses")


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (dies_first, "another process of this training has ended or cannot be reached any more ("),
        (dies_last, "another process of this training has ended or cannot be reached any more ("),
        (refuses_last, "process 1 on "),
    ],
)
def test_a_process_that_is_lost_before_the_first_step_leaves_no_run(
    here: Path, before: Callable[[int], None], said: str
) -> None:
    there = picture(here)
    first, _ = both(here, before, *SMALL)
    told = first.ended()
    assert told.code == 1, told.err
    assert told.err.startswith(f"melisma: {said}")
    assert told.err.count("\n") == 1
    now = picture(here)
    assert {name: now[name] for name in now if not name.startswith((".out", ".err"))} == there


def test_a_run_that_is_gone_on_with_is_let_go(here: Path) -> None:
    assert typed(*SMALL).code == 0
    there = picture(here / "run")
    first, _ = both(here, dies_last, "resume", "run", "training.steps=6", "training.accumulate=1")
    assert first.ended().code == 1
    assert picture(here / "run") == there
    assert typed("resume", "run", "training.steps=6").code == 0


def gains(rank: int, of_first: float, of_second: float) -> None:
    """Has each process measure a gain of its own, for a model of any size."""
    precision.SMALLEST = 0
    precision.gain = lambda shape: (of_first, of_second)[rank]  # type: ignore[assignment]


def first_gains(rank: int) -> None:
    gains(rank, 2.0, 1.0)


def second_gains(rank: int) -> None:
    gains(rank, 1.0, 2.0)


@pytest.mark.parametrize(("before", "wanted"), [(first_gains, "bfloat16"), (second_gains, "auto")])
def test_the_first_process_measures_and_all_multiply_as_it_says(
    here: Path, before: Callable[[int], None], wanted: str
) -> None:
    first, second = ended(list(both(here, before, *SMALL)))
    assert (first.code, second.code) == (0, 0), (first.err, second.err)
    assert record(here / "run")["settings"]["training"]["precision"] == wanted
    assert first.err.count("training.precision=bfloat16: products") == (wanted == "bfloat16")
    alone = [word if word != "run" else "alone" for word in SMALL]
    assert typed(*alone, "training.accumulate=2", f"training.precision={wanted}").code == 0
    assert weights(here / "run") == weights(here / "alone")
