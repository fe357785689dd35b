"""Gradient descent, one step at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Generator, Tensor, nn

from melisma.contract import detached, joined, leaves, rebuilt, take
from melisma.errors import Failure, Refusal
from melisma.settings.training import TrainingSettings
from melisma.task import Batch, Moment, Prepared, Tally, Task, Total
from melisma.training.average import average
from melisma.training.mined import Mined
from melisma.training.optimise import clip, optimizer, optimizer_tensors, rate, remembered, restore_optimizer
from melisma.training.order import chosen, drawn, steps_of
from melisma.training.precision import multiplying
from melisma.training.shards import ALONE, Shards

CPU = torch.device("cpu")
LARGEST = 10**12 - 1  # step: what a saved one can be called

_Part = tuple[dict[str, float], Any]  # of a part of a batch: the nats of each loss, and the carry
Loss = Callable[[nn.Module, Any, Any, Generator | None], tuple[dict[str, Total], Any]]  # model, batch, carry, random


class GradientDescent:
    """A ``Learner``: the gradient of the losses of a batch, clipped, to an optimizer.

    ``order(epoch)`` lists the steps of an epoch, each what ``batch`` makes a batch of. ``losses`` are the losses and
    their weights, the main one first. Everything random is drawn from (seed, step, part), so nothing of it needs to be
    kept. ``carry`` is what one step hands to the next (truncated backpropagation through time); it begins anew with
    every epoch. ``shards`` are the processes that share the parts of each batch, and the device of this one.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        order: Callable[[int], Sequence[Any]],
        batch: Callable[[Any, Generator], Batch],
        settings: TrainingSettings,
        losses: Mapping[str, float],
        carry: Callable[[], Any] = lambda: None,
        shards: Shards = ALONE,
    ) -> None:
        self.model, self.settings = model.to(shards.device), settings
        self.shards, self.device = shards, shards.device
        if _has_hidden_state(model):
            raise ValueError(
                "the model has persistent buffers, which are not saved: what is learned must be a parameter"
            )
        self.average = average(model, settings)
        self.step, self.epoch = 0, 0
        self._loss, self._order, self._batch, self._losses = loss, order, batch, losses
        self._taken, self._steps, self._reductions = 0, order(0), 0
        self.mined: Mined | None = None  # what is looked for between two epochs
        self._first_epoch = len(self._steps)
        self._begin_carry, self._carry = carry, carry()
        self._optimizer = optimizer(model, settings)
        self._last: int | None = None
        self._rate: float | None = None

    def plan(self, steps: int | None) -> None:
        """How many steps there will be in all, as far as it is known; not part of a snapshot."""
        self._last = steps

    @property
    def rate(self) -> float | None:
        """The learning rate of the last step that was taken here."""
        return self._rate

    @property
    def moment(self) -> Moment:
        """Where the training stands before its next step."""
        return Moment(self.step, self._last)

    def reduce(self) -> None:
        """Cuts the rate once (the plateau schedule)."""
        self._reductions += 1

    def epoch_steps(self) -> int:
        return self._first_epoch

    def advance(self) -> dict[str, Tally]:
        """One step: the gradients of all parts are added, each loss divided by its count over the whole batch."""
        batch = self._batch(self._steps[self._taken], self._random("batch", 0))
        self.model.train()
        self._optimizer.zero_grad(set_to_none=True)
        nats, carry = self._gradient(batch)
        self._check(nats, clip(self.model.parameters(), self.settings.clip or math.inf))
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate = rate(self.step + 1, self.settings, self._last, self._reductions)
        if self._is_validated():
            self.average.keep()
        self._optimizer.step()
        self.step, self._carry = self.step + 1, carry
        self.average.update(self.step)
        self._turn()
        return {name: Tally(nats[name], batch.counts[name]) for name in self._losses}

    def _gradient(self, batch: Batch) -> _Part:
        """Adds the gradient of every part, in their order -> the nats of each loss, and the carry of the whole batch.

        Part p is the process' whose rank is p modulo their number.
        """
        parts = min(self.settings.accumulate * self.shards.size, batch.size)
        if parts <= 1 and self.shards.size == 1:
            return self._backward(batch, batch.counts, self._carry, 0)
        slots = [torch.arange(index, batch.size, parts, device=self.device) for index in range(parts)]
        total = self.shards.sum(list(self.model.parameters()))
        own: dict[int, _Part] = {}
        for index in range(self.shards.rank, max(1, parts) + self.shards.rank, self.shards.size):
            if index < parts:
                carry = take(self._carry, slots[index])
                own[index] = self._backward(batch.part(index, parts), batch.counts, carry, index)
            total.add()
        every, there = self._every(own, parts, total.there)
        total.finish(there)
        nats = dict.fromkeys(self._losses, 0.0)
        for some, _ in every:
            nats = {name: value + some[name] for name, value in nats.items()}
        return nats, take(joined([carry for _, carry in every]), torch.argsort(torch.cat(slots)))

    def _every(self, own: Mapping[int, _Part], parts: int, there: Sequence[float]) -> tuple[list[_Part], list[float]]:
        """The nats and carries of all parts, and for each weight whether some part has a gradient for it."""
        if self.shards.size == 1:
            return [own[index] for index in range(parts)], []
        size, nowhere = self.shards.size, (dict.fromkeys(self._losses, 0.0), None)
        mine = range(self.shards.rank, size * -(-parts // size), size)
        said = [own.get(index, nowhere)[0][name] for index in mine for name in self._losses]
        heard = self.shards.numbers([*there, *said])
        count = len(leaves(self._carry))
        kept = {f"{index}.{n}": leaf for index, (_, carry) in own.items() for n, leaf in enumerate(leaves(carry))}
        carries = self.shards.tensors(kept) if count else {}
        every = []
        for index in range(parts):
            begin = len(there) + index // size * len(self._losses)
            nats = dict(zip(self._losses, heard[index % size][begin : begin + len(self._losses)]))
            carry = rebuilt(self._carry, [carries[f"{index}.{n}"].to(self.device) for n in range(count)])
            every.append((nats, carry))
        return every, [max(column) for column in zip(*(one[: len(there)] for one in heard))]

    def _backward(self, part: Batch, counts: Mapping[str, int], carry: Any, index: int) -> _Part:
        with multiplying(self.settings.precision):
            totals, carry = self._loss(self.model, part.to(self.device), carry, self._random("dropout", index))
            weighted = (totals[name].trained * (weight / max(1, counts[name])) for name, weight in self._losses.items())
            objective = sum(weighted)
            assert isinstance(objective, Tensor)
            objective.backward()  # type: ignore[no-untyped-call]
        return {name: float(totals[name].nats) for name in self._losses}, detached(carry)

    def _is_validated(self) -> bool:
        """Whether the step taken last is one that trainings are validated at."""
        every = self.settings.validate_every
        return self.step > 0 and (self.step % every == 0 if every else self._taken == 0)

    def _random(self, use: str, part: int) -> Generator:
        device = self.device if use == "dropout" else CPU
        return Generator(device).manual_seed(drawn(self.settings.seed, use, self.step, part))

    def _check(self, nats: Mapping[str, float], norm: float) -> None:
        """Failure, before any weight moves, where a loss or the gradient is no number."""
        wrong = [f"the loss {name} became {value}" for name, value in nats.items() if not math.isfinite(value)]
        if not wrong and not math.isfinite(norm):
            wrong = [f"the gradient's norm became {norm}"]
        if wrong:
            raise Failure(
                f"{wrong[0]} at step {self.step + 1}: training has stopped, what was saved before is kept; "
                f"try a smaller training.rate (it was {self.settings.rate:g}), "
                f"a longer training.warmup ({self.settings.warmup}) "
                f"or a smaller training.clip ({self.settings.clip:g}, 0 clips nothing)"
            )

    def _turn(self) -> None:
        self._taken += 1
        if self._taken == len(self._steps):
            self.epoch, self._taken = self.epoch + 1, 0
            if self.mined is not None:
                with self.answering() as model:
                    self.mined.look(model, self.moment, self.shards)
            self._steps, self._carry = self._order(self.epoch), self._begin_carry()

    @contextmanager
    def answering(self) -> Iterator[nn.Module]:
        """Within it the model is as it would be used: averaged weights, no gradients."""
        self.model.eval()
        with torch.no_grad(), self.average.in_place():
            yield self.model

    def snapshot(self) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Any]]:
        """The averaged weights; the optimizer, the weights and the carry; the position. Live tensors, not copies."""
        weights = {name: value.detach() for name, value in self.model.named_parameters()}
        averaged = self.average.tensors()
        training = {f"optimizer.{name}": value for name, value in self._remembered().items()}
        training |= {f"weights.{name}": value for name, value in weights.items()} if averaged else {}
        training |= {f"kept.{name}": value for name, value in self.average.kept().items()}
        training |= {f"carry.{number}": leaf for number, leaf in enumerate(leaves(self._carry))}
        state: dict[str, Any] = {"step": self.step, "epoch": self.epoch, "taken": self._taken}
        state |= {"reductions": self._reductions} | ({} if self.mined is None else {"mined": self.mined.found})
        return averaged or weights, training, state | ({"kept": self.average.count} if self.settings.copies else {})

    def restore(self, model: Mapping[str, Tensor], training: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Goes on from a snapshot, to the same bits; Refusal where it is of another model, or no place to go on from.

        Nothing is changed before all is known to fit: fused optimizers write wherever a moment's shape leads them.
        """
        own = dict(self.model.named_parameters())
        fresh, kept = self._begin_carry(), _under("carry.", training)
        steps = self._steps_at(state)
        mined = None if self.mined is None else self.mined.taken_up(state.get("mined"))
        wanted = resumed_tensors(own, fresh, self.settings, state["step"])
        if not (_alike(model, own) and _alike(training, wanted)):
            raise Refusal(
                "the saved step is of a model with other weights or another carried state: "
                "the model it was saved from is wanted"
            )
        weights = _under("weights.", training) or dict(model)
        with torch.no_grad():
            for name, value in own.items():
                value.copy_(weights[name])
        self.average.restore(model, _under("kept.", training), state.get("kept", 0))
        restore_optimizer(self._optimizer, _under("optimizer.", training))
        self.step, self.epoch = state["step"], state["epoch"]
        self._taken, self._reductions = state["taken"], state["reductions"]
        self._steps, self.mined = steps, mined
        self._carry = rebuilt(fresh, [kept[str(number)].to(self.device, copy=True) for number in range(len(kept))])

    def _steps_at(self, state: Mapping[str, Any]) -> Sequence[Any]:
        """The steps of the saved epoch; Refusal unless the step, its place in the epoch and the cuts can be such."""
        most = {
            "step": LARGEST,
            "epoch": state.get("step"),
            "taken": state.get("step"),
            "reductions": state.get("step"),
        } | ({"kept": state.get("step")} if self.settings.copies else {})
        for name, high in most.items():
            value = state.get(name)
            if type(value) is not int or type(high) is not int or not 0 <= value <= high:
                raise Refusal(
                    f"the saved step has {str(value)[:40]!a} for learner.{name}, "
                    f"a whole number from 0 to {'its step' if name != 'step' else LARGEST} is wanted"
                )
        steps = self._order(state["epoch"])
        if state["taken"] >= len(steps):
            raise Refusal(
                f"the saved step has {state['taken']} for learner.taken, "
                f"less than the {len(steps)} steps of epoch {state['epoch']} is wanted"
            )
        return steps

    def _remembered(self) -> dict[str, Tensor]:
        return optimizer_tensors(self._optimizer, self.settings)


def resumed_tensors(
    weights: Mapping[str, Tensor], carry: Any, settings: TrainingSettings, step: int
) -> dict[str, Tensor]:
    """Tensors of the names, types and shapes that a snapshot holds beside its model at a step, without values.

    ``weights`` are the parameters of the model and ``carry`` what an epoch begins with; both may be ``meta``.
    """
    shapes = remembered([tuple(weight.shape) for weight in weights.values()], settings) if step else {}
    found = {f"optimizer.{name}": torch.empty(shape, device="meta") for name, shape in shapes.items()}
    averaged = settings.average or settings.copies
    found |= {f"weights.{name}": weight for name, weight in weights.items()} if averaged else {}
    for place in range(settings.copies):
        found |= {f"kept.{place}.{name}": weight for name, weight in weights.items()}
    return found | {f"carry.{number}": leaf for number, leaf in enumerate(leaves(carry))}


def learner(
    task: Task[Any, Any], model: nn.Module, codec: Any, prepared: Prepared, settings: Any, shards: Shards = ALONE
) -> GradientDescent:
    """The learner of any task, from what ``prepare`` made of its training examples."""
    order = task.order(prepared, settings)
    mined = None if task.mining is None else Mined(task.mining, codec, prepared.encoded, settings)

    def examples() -> Sequence[Any]:
        return prepared.encoded if made.mined is None else made.mined.encoded

    made = GradientDescent(
        model,
        lambda model, batch, carry, random: task.loss(model, batch, carry, settings, random, made.moment),
        lambda epoch: steps_of(order, seed=settings.training.seed, epoch=epoch),
        lambda choice, random: task.batch(codec, chosen(order, examples(), choice), random),
        settings.training,
        task.losses(settings),
        lambda: task.carry(model, settings),
        shards,
    )
    made.mined = mined
    return made


def _has_hidden_state(model: nn.Module) -> bool:
    known = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    return any(name not in known for name in model.state_dict())


def _alike(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> bool:
    return found.keys() == wanted.keys() and all(
        found[name].shape == tensor.shape and found[name].dtype == tensor.dtype for name, tensor in wanted.items()
    )


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
