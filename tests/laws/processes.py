"""Trains miniatures over several processes, which are started once for all that is asked of them."""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

import torch
from command.drill import FORKS
from laws.miniatures import MINIATURES
from torch import nn
from training.vectors import Vectors

from melisma.errors import Failure, Refusal
from melisma.settings.training import TrainingSettings
from melisma.task import Total
from melisma.training import shards as shards_module
from melisma.training.descent import GradientDescent, learner
from melisma.training.launch import Launch
from melisma.training.shards import ALONE, Shards, join

STEPS = 5
CPU = torch.device("cpu")
Bits = dict[str, bytes]


class Case(NamedTuple):
    """A training of some steps: which miniature, and with how many parts for each process."""

    name: str
    accumulate: int = 1
    training: tuple[tuple[str, Any], ...] = ()  # other settings of it
    task: tuple[tuple[str, Any], ...] = ()
    doubles: bool = False


def trained(case: Case, shards: Shards = ALONE) -> dict[str, torch.Tensor]:
    """All that some steps leave behind, and what the first process told, as tensors."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64 if case.doubles else before)
    try:
        made = uneven(case, shards) if case.name == "uneven" else miniature(case, shards)
        return driven(made, shards)
    finally:
        torch.set_default_dtype(before)


def driven(made: GradientDescent, shards: Shards) -> dict[str, torch.Tensor]:
    if not shards.leads:
        shards.follow(made)
        return left(made, [])
    led, told = shards.leading(made), []
    led.plan(40)
    for step in range(STEPS):
        if step == 3:
            led.reduce()
        told.append([number for tally in led.advance().values() for number in tally])
    led.snapshot()
    shards.end()
    return left(made, told)


def miniature(case: Case, shards: Shards) -> GradientDescent:
    task, settings = MINIATURES[case.name]
    training = replace(settings.training, accumulate=case.accumulate, **({"schedule": "plateau"} | dict(case.training)))
    settings = replace(settings, training=training, **dict(case.task))
    corpus = task.read(settings)
    codec = task.learn(corpus.train, settings)
    torch.manual_seed(5)
    model = task.build(codec, settings)
    return learner(task, model, codec, task.prepare(codec, corpus.train, settings), settings, shards)


def uneven(case: Case, shards: Shards) -> GradientDescent:
    """Weights that only some parts have a gradient for, one that none has, and gradients that are a negative zero."""
    steps = [
        torch.tensor(rows, dtype=torch.float32) for rows in ([-1, 1, -1], [1, -1, 1, -1], [0, 0], [-1], [2, 2, 2, 2, 2])
    ]

    def loss(model: nn.ParameterDict, batch: Vectors, carry: None, random: Any) -> Any:
        total = (batch.x * model["all"]).sum()
        if float(batch.x[0]) > 0:
            total = total + (-0.0 * model["some"]).sum()
        return {"rows": Total(total, total.detach())}, None

    model = nn.ParameterDict({name: nn.Parameter(torch.tensor([0.5, -0.5])) for name in ("none", "some", "all")})
    plain = TrainingSettings(optimizer="sgd", rate=0.1, weight_decay=0.0, steps=40)  # decay would hide a zero's sign
    settings = replace(plain, accumulate=case.accumulate, **dict(case.training))
    order = steps * 2
    return GradientDescent(
        model,
        loss,
        lambda epoch: order,
        lambda rows, random: Vectors(rows[:, None], {"rows": len(rows)}),
        settings,
        {"rows": 1.0},
        shards=shards,
    )


def left(made: GradientDescent, told: Sequence[Sequence[float]]) -> dict[str, torch.Tensor]:
    model, training, state = made.snapshot()
    found = {f"model.{name}": tensor for name, tensor in model.items()} | training
    plain = [
        [] if value is None else value if isinstance(value, list) else [value] for _, value in sorted(state.items())
    ]
    found["position"] = torch.tensor([number for numbers in plain for number in numbers])
    return {name: tensor.clone() for name, tensor in found.items()} | {"told": torch.tensor(told, dtype=torch.float64)}


def bits(tensors: Mapping[str, torch.Tensor]) -> Bits:
    return {name: tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes() for name, tensor in tensors.items()}


# --- what a process is asked for


def law(launch: Launch, case: Case) -> Bits:
    return bits(trained(case, join(launch, CPU)))


def numbers(launch: Launch, case: Case) -> dict[str, list[float]]:
    return {name: tensor.double().flatten().tolist() for name, tensor in trained(case, join(launch, CPU)).items()}


def agree(launch: Launch, refusing: Mapping[int, Exception], same: Sequence[str] = ()) -> str:
    """What a process goes on with after a meeting at which some refuse."""
    shards = join(launch, CPU)
    with shards.agreeing() as meeting:
        meeting.word = f"said by {launch.rank}"
        meeting.same |= {"number of threads": same[launch.rank]} if same else {}
        if launch.rank in refusing:
            raise refusing[launch.rank]
    shards.end()
    return meeting.word


def vanish(launch: Launch, rank: int) -> str:
    """One process leaves while the others wait for its part."""
    shards = join(launch, CPU)
    if launch.rank == rank:
        shards.leave()
        return "gone"
    shards.numbers([1.0])
    return "heard"


def drift(launch: Launch, rank: int) -> Any:
    """The weights of one process are not those of the others when a step is to be saved."""
    shards = join(launch, CPU)
    made = uneven(Case("uneven"), shards)
    if launch.rank == rank:
        with torch.no_grad():
            next(iter(made.model.parameters()))[0] += 1e-7
    return bits(driven(made, shards))


def doomed(launch: Launch, rank: int) -> Any:
    """The part of one process has a loss that is no number at the second step."""
    shards = join(launch, CPU)
    made = uneven(Case("uneven"), shards)
    loss, calls = made._loss, iter(range(100))

    def spoilt(*given: Any) -> Any:
        totals, carry = loss(*given)
        bad = launch.rank == rank and next(calls) == 1
        return (
            {name: Total(one.trained * float("nan"), one.nats) for name, one in totals.items()} if bad else totals
        ), carry

    made._loss = spoilt
    return bits(driven(made, shards))


def asked(launch: Launch, rank: int) -> bool:
    """Whether the processes know that one of them was asked to stop, once they have taken a step."""
    shards = join(launch, CPU, lambda: launch.rank == rank)
    made = uneven(Case("uneven"), shards)
    if launch.leads:
        assert not shards.asked
        shards.leading(made).advance()
        shards.end(130)
        return shards.asked
    return shards.follow(made) == 130 and shards.asked


@contextmanager
def waiting(**seconds: float) -> Iterator[None]:
    """Within it processes wait for each other for other times."""
    before = {name: getattr(shards_module, name) for name in seconds}
    try:
        for name, value in seconds.items():
            setattr(shards_module, name, timedelta(seconds=value))
        yield
    finally:
        for name, value in before.items():
            setattr(shards_module, name, value)


def alone(launch: Launch, seconds: float) -> str:
    """A process that nobody else comes to meet."""
    with waiting(REACH=seconds):
        join(launch, CPU)
    return "met"


SHARES: dict[str, Callable[[Any], object]] = {
    "messages": lambda shards: shards.messages(b"one"),
    "exchange": lambda shards: shards.exchange(torch.ones(shards.size)),
}
"""What all do at once in a step."""


def silent(launch: Launch, rank: int, share: str, seconds: float) -> tuple[str, float]:
    """One process neither does its share of a step nor leaves, as when its machine is lost -> what all end with, when."""
    with waiting(SHARE=seconds / 3):
        shards = join(launch, CPU)
        try:
            time.sleep(seconds) if launch.rank == rank else SHARES[share](shards)
        except Failure as failure:
            return str(failure), time.monotonic()
    return "", time.monotonic()


def busy(launch: Launch, rank: int, seconds: float) -> tuple[str, int]:
    """One process reads for longer than a step may take, and then the first one validates."""
    with waiting(SHARE=seconds / 3, LOOK=seconds / 20):
        shards = join(launch, CPU)
        with shards.agreeing() as meeting:
            meeting.word = f"said by {launch.rank}"
            time.sleep(seconds if launch.rank == rank else 0)
        made = uneven(Case("uneven"), shards)
        if not launch.leads:
            return meeting.word, shards.follow(made)
        time.sleep(seconds)
        shards.leading(made).advance()
        shards.end(0)
        return meeting.word, 0


class Gone:
    """A meeting place on a machine that is gone."""

    def check(self, keys: list[str]) -> bool:
        raise RuntimeError("Connection reset by peer")


class Late(NamedTuple):
    """A meeting place that answers after some time; as in torch, nothing interrupts who asks it."""

    seconds: float

    def check(self, keys: list[str]) -> bool:
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            with suppress(KeyboardInterrupt):
                time.sleep(self.seconds / 50)
        return False


def cut_off(launch: Launch, seconds: float, store: Any, interrupted: bool = False) -> tuple[str, float]:
    """The first is silent, and then ends; the others ask another meeting place meanwhile -> how and when they ended."""
    made = uneven(Case("uneven"), ALONE)  # before they meet: it may take as long as the first is silent
    shards = join(launch, CPU)
    with waiting(LOOK=seconds / 20, SHARE=seconds / (1 if interrupted else 3)):
        said = _cut_off(shards, made, seconds, store, interrupted)
    gc.collect()
    return said, time.monotonic()


def _cut_off(shards: Any, made: GradientDescent, seconds: float, store: Any, interrupted: bool) -> str:
    try:
        if shards.leads:
            time.sleep(seconds)
            return ""
        shards._ways = shards._ways._replace(store=store)
        if interrupted:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            threading.Timer(seconds / 4, os.kill, (os.getpid(), signal.SIGINT)).start()
        return str(shards.follow(made))
    except (Failure, KeyboardInterrupt) as error:
        return str(error) or "interrupted"
    finally:
        shards.end()


class Crew:
    """Three processes that can train together, and the first two of them without the third."""

    SIZE = 3

    def __init__(self) -> None:
        self._asked: list[Any] = [FORKS.Queue() for _ in range(self.SIZE)]
        self._answers: list[Any] = [FORKS.Queue() for _ in range(self.SIZE)]
        self._processes = [
            FORKS.Process(target=_serve, args=(asked, answers), daemon=True)
            for asked, answers in zip(self._asked, self._answers)
        ]
        for process in self._processes:
            process.start()

    def ask(self, processes: int, work: Callable[..., Any], *given: Any, ranks: Sequence[int] = range(3)) -> list[Any]:
        """What each process (or those of some ranks only) answers; a Refusal or a Failure is an answer."""
        port = free_port()
        here = [rank for rank in ranks if rank < processes]
        for rank in here:
            self._asked[rank].put((Launch(rank, processes, rank, "127.0.0.1", port), work, given))
        return [self._answers[rank].get(timeout=60) for rank in here]

    def close(self) -> None:
        for queue in self._asked:
            queue.put(None)
        for process in self._processes:
            process.join(10)


def _serve(asked: Any, answers: Any) -> None:
    torch.set_num_threads(1)
    while (job := asked.get()) is not None:
        launch, work, given = job
        try:
            answers.put(work(launch, *given))
        except (Refusal, Failure) as error:
            answers.put(error)
        finally:
            shards_module._leave()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
