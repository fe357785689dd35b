"""One training over several processes: each takes its parts of every batch. ``torch.distributed`` is used here alone.

A batch is cut into ``training.accumulate`` parts for each process; part p is the process' whose rank is p modulo their
number. Gradients are added in the order of the parts, however many processes share them, so that n processes give the
bits of one that accumulates n parts. Every process knows everything and takes the same step; the first one decides
(when to validate, to save, to stop), and tells the others what to do.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, NamedTuple, Protocol

import torch
from safetensors.torch import load, save
from torch import Tensor, distributed, nn
from torch.distributed import distributed_c10d
from torch.distributed.rendezvous import rendezvous

from melisma.errors import Failure, Refusal
from melisma.quoting import named
from melisma.task import Learner, Tally
from melisma.training.gathered import Gathered
from melisma.training.launch import Launch
from melisma.training.meeting import Meeting, agreed

REACH = timedelta(minutes=5)  # within which all processes must have found each other
SHARE = timedelta(minutes=5)  # for which a process waits for the others' share of a step
PATIENCE = timedelta(days=1)  # for which it waits where one may work alone: while data is read, or the first validates
LOOK = timedelta(seconds=5)  # between two looks, meanwhile, at whether the machine of the first is still there
PLAN, REDUCE, ADVANCE, COMPARE, END = range(5)  # what the first process tells the others
NONE = -1  # in the place of a number that is not known
_PLACE = re.compile(r"^\[[^\]]*\] ")


class Sum(Protocol):
    """The sum of the gradients of the parts of a batch."""

    there: list[float]  # for each weight, whether some part of this process has a gradient for it

    def add(self) -> None:
        """Adds the gradients that the last backward of each process left, in the order of the processes."""

    def finish(self, there: Sequence[float]) -> None:
        """Gives each weight its sum; those that are ``there`` on no process have none."""


class Shards(Protocol):
    """The processes that train one model, as one of them sees them."""

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process decides, says and writes everything."""

    @property
    def asked(self) -> bool:
        """Whether another process was asked to stop."""

    def sum(self, weights: Sequence[nn.Parameter]) -> Sum:
        """A sum of gradients that is begun anew."""

    def numbers(self, own: Sequence[float]) -> list[list[float]]:
        """What each process says, in the order of their ranks; all say equally many."""

    def messages(self, own: bytes) -> list[bytes]:
        """The same of messages of any length."""

    def tensors(self, own: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors of all processes by their names; no two have one of the same name."""

    @contextmanager
    def agreeing(self) -> Iterator[Meeting]:
        """What stands within is done by every process; if one refuses, all end with its sentence."""

    def leading(self, learner: Learner) -> Learner:
        """The learner by which the first process takes its steps, and all others theirs."""

    def follow(self, learner: Learner) -> int:
        """Takes the steps that the first process takes, until it ends -> its exit code."""

    def end(self, code: int = 0) -> None:
        """Leaves the others; the first process tells them before that there is nothing more to do.

        A second call does nothing.
        """


class _Accumulated:
    """Gradients that one process' backward adds by itself."""

    def __init__(self) -> None:
        self.there: list[float] = []

    def add(self) -> None:
        return

    def finish(self, there: Sequence[float]) -> None:
        return


class Alone:
    """A training of one process."""

    rank, size, leads, asked = 0, 1, True, False

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def sum(self, weights: Sequence[nn.Parameter]) -> Sum:
        return _Accumulated()

    def numbers(self, own: Sequence[float]) -> list[list[float]]:
        return [list(own)]

    def messages(self, own: bytes) -> list[bytes]:
        return [own]

    def tensors(self, own: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return dict(own)

    @contextmanager
    def agreeing(self) -> Iterator[Meeting]:
        yield Meeting()

    def leading(self, learner: Learner) -> Learner:
        return learner

    def follow(self, learner: Learner) -> int:
        raise ValueError("a process that is alone follows nobody")

    def end(self, code: int = 0) -> None:
        return


ALONE = Alone(torch.device("cpu"))


def join(launch: Launch, device: torch.device, asked: Callable[[], bool] = lambda: False) -> Shards:
    """Finds the other processes of a training; Refusal where they cannot be reached.

    Numbers on processors go by gloo, those on GPUs by NCCL. ``asked`` says whether this process was asked to stop.
    """
    if launch.size == 1:
        return Alone(device)
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    host = f"[{launch.address}]" if ":" in launch.address else launch.address
    try:
        if device.type == "cuda":
            torch.cuda.set_device(device)
        where = f"tcp://{host}:{launch.port}"
        reached = rendezvous(where, launch.rank, launch.size, timeout=REACH)
        store, rank, size = next(reached)
        # torchrun's store outlives a training: what an earlier one left in it is not to be met again.
        number = store.add(f"trainings of process {launch.rank}", 1)
        named_anew = distributed_c10d.PrefixStore(f"training {number}", store)
        distributed.init_process_group(backend, store=named_anew, timeout=REACH, rank=rank, world_size=size)
        brief = distributed.new_group(timeout=SHARE, backend="gloo")
        patient = distributed.new_group(timeout=PATIENCE, backend="gloo")
        # NCCL ends a process without a sentence when its time is up: what goes by gloo beside it is to be up before.
        weights = brief if device.type == "cpu" else distributed.new_group(timeout=2 * SHARE, backend=backend)
    except (RuntimeError, ValueError, OSError) as error:
        _leave()
        raise Refusal(
            f"process {launch.rank} of {launch.size} did not meet the others at {named(launch.address)}:{launch.port} "
            f"within {REACH.total_seconds():g} s ({_reason(error)}): all {launch.size} are to be started, "
            "and that address is to lead to the machine of process 0"
        ) from None
    return Together(launch, device, Ways(brief, patient, weights, named_anew), asked)


class Ways(NamedTuple):
    """The ways that lead from a process to the others: groups of ``torch.distributed``, and their meeting place."""

    brief: Any  # for what all do at once
    patient: Any  # for what one may be late for by hours
    weights: Any  # for numbers on the device
    store: Any


class _Question:
    """A question to the machine of the first process, asked aside: torch waits for the answer without end."""

    def __init__(self, store: Any) -> None:
        self.lost: RuntimeError | None = None  # by what it was answered that the machine is gone
        self._asking = threading.Thread(target=self._ask, args=(store,), daemon=True)
        self._asking.start()

    @property
    def answered(self) -> bool:
        return not self._asking.is_alive()

    def _ask(self, store: Any) -> None:
        try:
            store.check(["anything"])
        except RuntimeError as error:
            self.lost = error


class Together:
    """One of several processes that train one model."""

    def __init__(self, launch: Launch, device: torch.device, ways: Ways, asked: Callable[[], bool]) -> None:
        self.rank, self.size, self.device = launch.rank, launch.size, device
        self._ways, self._asked_here, self._asked, self._there = ways, asked, False, True
        self._question: _Question | None = None  # the last one, which may still be open

    @property
    def leads(self) -> bool:
        return self.rank == 0

    @property
    def asked(self) -> bool:
        return self._asked

    def sum(self, weights: Sequence[nn.Parameter]) -> Sum:
        return Gathered(self, weights)

    def numbers(self, own: Sequence[float]) -> list[list[float]]:
        """What each process says, in the order of their ranks; beside it stands whether it was asked to stop."""
        return self._numbers(own, self._ways.brief)

    def _numbers(self, own: Sequence[float], group: Any) -> list[list[float]]:
        heard = self._said(torch.tensor([float(self._asked_here()), *own], dtype=torch.float64), group)
        self._asked = self._asked or any(bool(one[0]) for one in heard)
        return [one[1:].tolist() for one in heard]

    def messages(self, own: bytes) -> list[bytes]:
        return self._messages(own, self._ways.brief)

    def _messages(self, own: bytes, group: Any) -> list[bytes]:
        lengths = [int(length) for (length,) in self._numbers([len(own)], group)]
        said = torch.zeros(max(1, *lengths), dtype=torch.uint8)
        if own:
            said[: len(own)] = torch.frombuffer(bytearray(own), dtype=torch.uint8)
        heard = self._said(said, group)
        return [one[:length].numpy().tobytes() for one, length in zip(heard, lengths)]

    def _said(self, said: Tensor, group: Any) -> list[Tensor]:
        """What each process says, in the order of their ranks; all say equally many numbers."""
        heard = [torch.empty_like(said) for _ in range(self.size)]
        with _reached():
            self._wait(distributed.all_gather(heard, said, group=group, async_op=True))
        return heard

    def _wait(self, work: Any) -> None:
        """Waits until it is done, and looks meanwhile whether the machine of the first process is still there.

        RuntimeError where it is not, where it answers nothing for as long as ``SHARE``, or where another process has
        left.
        """
        lost: RuntimeError | None = None
        silent = 0  # looks and not seconds: whoever is stopped as well, and goes on, has not waited meanwhile
        try:
            while not _is_done(work, LOOK):
                if lost is not None:  # what it said last may have been on its way
                    raise lost
                last = self._question
                if last is None or last.answered:
                    lost, silent = last.lost if last else None, 0
                    self._question = _Question(self._ways.store)
                elif (silent := silent + 1) * LOOK >= SHARE:
                    lost = RuntimeError("the machine of process 0 does not answer")
        finally:
            if not work.is_completed():  # torch ends no group before that: this is nothing to wait for any more
                threading.Thread(target=_wait_out, args=(work, self._ways), daemon=True).start()

    def tensors(self, own: Mapping[str, Tensor]) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for one in self.messages(save({name: tensor.detach().cpu().clone() for name, tensor in own.items()})):
            found |= load(one)
        return found

    def exchange(self, mine: Tensor) -> Tensor:
        """(processes, share) the share of each process for this one, of numbers (processes x share) that each has."""
        theirs = torch.empty_like(mine)
        with _reached():
            distributed.all_to_all_single(theirs, mine, group=self._ways.weights)
        return theirs.view(self.size, -1)

    def gather(self, share: Tensor) -> Tensor:
        """(processes x share) the shares of all processes, in the order of their ranks."""
        whole = share.new_empty(self.size, len(share))
        with _reached():
            distributed.all_gather(list(whole), share, group=self._ways.weights)
        return whole.view(-1)

    @contextmanager
    def agreeing(self) -> Iterator[Meeting]:
        """What stands within is done by every process; if one refuses, all end with its sentence.

        Refusal as well where what is to be the same on all is not.
        """
        meeting, refused = Meeting(), None
        try:
            try:
                yield meeting
            except (Refusal, Failure) as error:
                refused = error
            heard = self._messages(meeting.told(refused), self._ways.patient)
            if refused is not None:
                raise refused
            meeting.word = agreed(heard)
        except BaseException:
            self.leave()
            raise

    def leading(self, learner: Learner) -> Learner:
        return Led(learner, self)

    def tell(self, what: int, number: int = 0) -> tuple[int, int]:
        """Tells the others (the first process), or hears (all others), what to do and a number that belongs to it."""
        order = torch.tensor([what, number], dtype=torch.int64)
        with _reached():
            self._wait(distributed.broadcast(order, 0, group=self._ways.patient, async_op=True))
        found = order.tolist()
        return found[0], found[1]

    def follow(self, learner: Learner) -> int:
        while True:
            what, number = self.tell(END)
            if what == END:
                self.leave()
                return number
            self.act(what, number, learner)

    def act(self, what: int, number: int, learner: Learner) -> Any:
        """What every process does when it is told to; whoever cannot leaves the others, and they hear of that."""
        acts: dict[int, Callable[[], Any]] = {
            PLAN: lambda: learner.plan(None if number == NONE else number),
            REDUCE: learner.reduce,
            ADVANCE: learner.advance,
            COMPARE: lambda: self._compared(learner),
        }
        try:
            return acts[what]()
        except BaseException:
            self.leave()
            raise

    def _compared(self, learner: Learner) -> Any:
        """A snapshot; Failure where the models are no longer the same on all processes."""
        snapshot = learner.snapshot()
        digests = self.messages(digest(snapshot[0]).encode())
        other = next((rank for rank, one in enumerate(digests) if one != digests[0]), None)
        if other is not None:
            raise Failure(
                f"at step {learner.step} process {other} has other weights than process 0, though both took the same "
                "steps: machines of one kind, with the same versions, are wanted"
            )
        return snapshot

    def end(self, code: int = 0) -> None:
        if self._there and self.leads:
            with suppress(Failure):
                self.tell(END, code)
        self.leave()

    def leave(self) -> None:
        """Closes what leads to the others; a second call does nothing."""
        if self._there:
            self._there = False
            _leave()


class Led:
    """A learner of the first process: what it is asked for here, the other processes are told to do as well."""

    def __init__(self, learner: Learner, shards: Together) -> None:
        self._learner, self._shards = learner, shards

    @property
    def step(self) -> int:
        return self._learner.step

    @property
    def epoch(self) -> int:
        return self._learner.epoch

    @property
    def rate(self) -> float | None:
        return self._learner.rate

    def plan(self, steps: int | None) -> None:
        self._all(PLAN, NONE if steps is None else steps)

    def epoch_steps(self) -> int:
        return self._learner.epoch_steps()

    def reduce(self) -> None:
        self._all(REDUCE)

    def advance(self) -> Mapping[str, Tally]:
        tallies: Mapping[str, Tally] = self._all(ADVANCE)
        return tallies

    def snapshot(self) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Any]]:
        """As the learner gives it; Failure where the model is not the same on all processes."""
        snapshot: tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Any]] = self._all(COMPARE)
        return snapshot

    def restore(self, model: Mapping[str, Tensor], training: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """As the learner does; the other processes restore theirs by themselves."""
        self._learner.restore(model, training, state)

    def _all(self, what: int, number: int = 0) -> Any:
        self._shards.tell(what, number)
        return self._shards.act(what, number, self._learner)


def digest(tensors: Mapping[str, Tensor]) -> str:
    """The SHA-256 of tensors, with their names."""
    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        found.update(name.encode())
        found.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


@contextmanager
def _reached() -> Iterator[None]:
    """Within it a process that has gone is a Failure."""
    try:
        yield
    except RuntimeError as error:
        raise Failure(
            f"another process of this training has ended or cannot be reached any more ({_reason(error)})"
        ) from None


def _is_done(work: Any, within: timedelta) -> bool:
    """Whether a work of torch is done within some time; RuntimeError where it came to nothing."""
    try:
        work.wait(within)
    except RuntimeError:
        if not work.is_completed():
            return False
        work.wait()  # what it came to, unless it was done just now
    return True


def _wait_out(work: Any, ways: Ways) -> None:
    """Holds what is not done until it is, or the program has ended."""
    with suppress(Exception):
        work.wait()


def _reason(error: BaseException) -> str:
    """The first sentence of what torch says, without the place in its code."""
    text = " ".join(str(error).split("\n", 1)[0].split())
    return named(_PLACE.sub("", text).partition(". ")[0][:160])


def _leave() -> None:
    with suppress(Exception):  # whoever is gone already cannot be told
        if distributed.is_initialized():
            distributed.destroy_process_group()
