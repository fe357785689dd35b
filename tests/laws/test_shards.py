"""The law of shards: n processes give the bits of n accumulated parts, and one whole batch but for rounding."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from laws.miniatures import MINIATURES, MadeData
from laws.processes import (
    SHARES,
    Case,
    Crew,
    Gone,
    Late,
    agree,
    alone,
    asked,
    bits,
    busy,
    cut_off,
    doomed,
    drift,
    law,
    numbers,
    silent,
    trained,
    vanish,
)

from melisma.errors import Busy, Failure, Refusal

SOURCE = Path(__file__).parents[2] / "src" / "melisma"

CASES = [
    *(Case(name) for name in (*MINIATURES, "uneven")),
    Case("uneven", accumulate=2),
    Case("uneven", training=(("momentum", 0.0), ("average", 0.0))),
    Case("language", accumulate=2),
    Case("tags", accumulate=2, training=(("clip", 0.05), ("optimizer", "adam"))),
    Case("tags", training=(("average_last", 3), ("validate_every", 2))),
    Case("tags", accumulate=30),  # more parts than a batch has examples
    Case("tags", task=(("data", MadeData(20)),)),  # epochs of two steps, between which hard examples are looked for
    Case("sounds", accumulate=2, training=(("average", 0.0), ("clip", 0.0), ("schedule", "cosine"))),
]


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    made = Crew()
    yield made
    made.close()


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(("case", "processes"), list(itertools.product(CASES, (2, 3))))
def test_processes_give_the_bits_of_as_many_accumulated_parts(case: Case, processes: int, crew: Crew) -> None:
    whole = bits(trained(case._replace(accumulate=processes * case.accumulate)))
    first, *others = crew.ask(processes, law, case)
    assert [name for name in whole if whole[name] != first[name]] == []
    assert whole.keys() == first.keys()
    for other in others:
        assert [name for name in whole if name != "told" and whole[name] != other[name]] == []


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", MINIATURES)
def test_processes_learn_what_one_learns_from_whole_batches(name: str, crew: Crew) -> None:
    case = Case(name, training=(("clip", 0.1), ("optimizer", "sgd")), task=(("dropout", 0.0),), doubles=True)
    whole, first = trained(case), crew.ask(3, numbers, case)[0]
    assert len(whole["told"]) > 1
    for one, tensor in whole.items():
        torch.testing.assert_close(tensor.double().flatten(), torch.tensor(first[one]).double(), rtol=1e-6, atol=1e-9)


def test_all_know_what_the_first_says_and_go_on_if_none_refuses(crew: Crew) -> None:
    assert crew.ask(3, agree, {}) == ["said by 0"] * 3


def test_where_one_refuses_all_end_with_its_sentence(crew: Crew) -> None:
    heard = crew.ask(3, agree, {1: Refusal("a.en does not exist")})
    assert [type(one) for one in heard] == [Refusal] * 3
    assert str(heard[1]) == "a.en does not exist"
    assert str(heard[0]).startswith("process 1 on ")
    assert str(heard[0]).endswith(": a.en does not exist")
    assert str(heard[0]) == str(heard[2])
    heard = crew.ask(2, agree, {0: Busy("being trained"), 1: Refusal("other")})
    assert [(type(one), str(one)) for one in heard] == [(Busy, "being trained"), (Refusal, "other")]
    heard = crew.ask(2, agree, {0: Failure("the disk is full")})
    assert [(type(one), str(one)) for one in heard] == [(Failure, "the disk is full")] * 2


def test_processes_that_differ_in_what_must_be_the_same_are_refused(crew: Crew) -> None:
    heard = crew.ask(3, agree, {}, ("1", "1", "4"))
    assert {type(one) for one in heard} == {Refusal}
    assert "process 2 on " in str(heard[0])
    assert "does not have the number of threads of process 0 (4, not 1): processes" in str(heard[1])


def test_a_process_that_is_gone_ends_the_others_with_a_sentence(crew: Crew) -> None:
    heard = crew.ask(3, vanish, 1)
    assert heard[1] == "gone"
    assert "another process of this training has ended or cannot be reached" in str(heard[0])
    assert isinstance(heard[2], Failure)


@pytest.mark.parametrize("share", SHARES)
def test_a_process_that_does_not_do_its_share_of_a_step_is_given_up(share: str, crew: Crew) -> None:
    first, (_, ended), last = crew.ask(3, silent, 1, share, 1.5)
    for said, when in (first, last):
        assert "another process of this training has ended or cannot be reached any more (" in said
        assert when < ended, "it was not waited for"


def test_who_reads_or_validates_for_long_is_waited_for(crew: Crew) -> None:
    assert crew.ask(3, busy, 1, 1.2) == [("said by 0", 0)] * 3


@pytest.mark.parametrize(
    ("store", "reason"), [(Gone(), "Connection reset by peer"), (Late(3.0), "the machine of process 0 does not answer")]
)
def test_the_machine_of_the_first_is_looked_after_while_it_says_nothing(store: Any, reason: str, crew: Crew) -> None:
    (_, ended), *others = crew.ask(3, cut_off, 1.5, store)
    for said, when in others:
        assert f"cannot be reached any more ({reason})" in said
        assert when < ended, "nothing holds them any more"


def test_a_machine_that_answers_late_is_not_lost(crew: Crew) -> None:
    assert [said for said, _ in crew.ask(3, cut_off, 1.5, Late(0.2))] == ["", "0", "0"]


def test_who_waits_for_an_answer_can_be_interrupted(crew: Crew) -> None:
    (_, ended), *others = crew.ask(3, cut_off, 1.5, Late(3.0), True)
    for said, when in others:
        assert said == "interrupted"
        assert when < ended


def test_weights_that_are_no_longer_the_same_are_never_saved(crew: Crew) -> None:
    heard = crew.ask(3, drift, 2)
    assert {type(one) for one in heard} == {Failure}
    assert "at step 5 process 2 has other weights than process 0" in str(heard[0])


def test_a_loss_that_is_no_number_on_one_process_ends_all_at_the_same_step(crew: Crew) -> None:
    heard = crew.ask(2, doomed, 1)
    assert [type(one) for one in heard] == [Failure] * 2
    assert str(heard[0]) == str(heard[1])
    assert "the gradient's norm became nan at step 2" in str(heard[0])


@pytest.mark.parametrize("rank", [0, 1])
def test_whoever_is_asked_to_stop_all_know_it_after_the_step(rank: int, crew: Crew) -> None:
    assert crew.ask(2, asked, rank) == [True, True]


@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_nobody_meets_says_so(rank: int, crew: Crew) -> None:
    (heard,) = crew.ask(2, alone, 0.5, ranks=[rank])
    assert isinstance(heard, Refusal)
    assert f"process {rank} of 2 did not meet the others at 127.0.0.1:" in str(heard)
    assert "\n" not in str(heard)


def distributed(source: str) -> list[str]:
    """The lines of a file that name ``torch.distributed`` or what lies in it."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.startswith("torch.distributed")]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [name for name in names if name.startswith("torch.distributed")]
        elif isinstance(node, ast.Attribute) and ast.unparse(node).startswith("torch.distributed"):
            found.append(ast.unparse(node))
    return found


def test_one_file_alone_talks_to_other_processes() -> None:
    talking = [path for path in SOURCE.rglob("*.py") if distributed(path.read_text(encoding="utf-8"))]
    assert [path.relative_to(SOURCE).as_posix() for path in talking] == ["training/shards.py"]


@pytest.mark.parametrize(
    "text",
    [
        "import torch.distributed as there",
        "from torch import distributed",
        "from torch.distributed import rpc",
        "def f():\n    return torch.distributed.is_initialized()",
    ],
)
def test_it_is_seen_however_it_is_written(text: str) -> None:
    assert distributed(text)
