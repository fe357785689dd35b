"""Gradient descent, one step at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Generator, Tensor, nn

from melisma.contract import detached, leaves, rebuilt
from melisma.errors import Failure
from melisma.settings.training import TrainingSettings
from melisma.task import Batch, Total
from melisma.training.average import Average
from melisma.training.optimise import optimizer, optimizer_tensors, rate, restore_optimizer
from melisma.training.order import drawn

Loss = Callable[[nn.Module, Any, Any, Generator | None], tuple[dict[str, Total], Any]]  # model, batch, carry, random


class GradientDescent:
    """A ``Learner``: the gradient of the losses of a batch, clipped, to an optimizer.

    ``order(epoch)`` lists the steps of an epoch, each what ``batch`` makes a batch of. Everything random is drawn from (seed, step,
    part), so nothing of it needs to be kept. ``carry`` is what one step hands to the next (truncated backpropagation through time);
    it begins anew with every epoch.
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
        device: torch.device = torch.device("cpu"),  # noqa: B008 - a constant
    ) -> None:
        self.model, self.settings, self.device = model.to(device), settings, device
        self.average = Average(model, settings.average)
        self.step, self.epoch = 0, 0
        self._loss, self._order, self._batch, self._losses = loss, order, batch, losses
        self._taken, self._steps_ahead, self._reductions = 0, order(0), 0
        self._begin_carry, self._carry = carry, carry()
        self._optimizer = optimizer(model, settings)
        self._last: int | None = None

    def plan(self, steps: int | None) -> None:
        self._last = steps

    def reduce(self) -> None:
        """Cuts the rate once (the plateau schedule)."""
        self._reductions += 1

    def epoch_steps(self) -> int:
        return len(self._steps_ahead)

    def advance(self) -> tuple[float, int]:
        """One step: every part's gradient is added before the optimizer moves, each loss divided by the whole batch's own count."""
        batch = self._batch(self._steps_ahead[self._taken], self._random("batch", 0))
        self.model.train()
        self._optimizer.zero_grad(set_to_none=True)
        nats = 0.0
        parts = min(self.settings.accumulate, batch.size)
        for index in range(parts):
            nats += self._backward(batch.part(index, parts) if parts > 1 else batch, batch.counts, index)
        self._check(nats, batch)
        if self.settings.clip:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        for group in self._optimizer.param_groups:
            group["lr"] = rate(self.step + 1, self.settings, self._last, self._reductions)
        self._optimizer.step()
        self.step += 1
        self.average.update(self.step)
        self._turn()
        return nats, sum(batch.counts.values())

    def _backward(self, part: Batch, counts: Mapping[str, int], index: int) -> float:
        totals, carry = self._loss(self.model, part.to(self.device), self._carry, self._random("dropout", index))
        objective = sum(totals[name].trained * (weight / counts[name]) for name, weight in self._losses.items())
        assert isinstance(objective, Tensor)
        objective.backward()  # type: ignore[no-untyped-call]
        self._carry = detached(carry)
        return sum(float(total.nats) for total in totals.values())

    def _random(self, use: str, part: int) -> Generator:
        device = self.device if use == "dropout" else torch.device("cpu")
        return Generator(device).manual_seed(drawn(self.settings.seed, use, self.step, part))

    def _check(self, nats: float, batch: Batch) -> None:
        if not math.isfinite(nats):
            raise Failure(
                f"the loss became {nats} at step {self.step + 1}: training has stopped and the last saved step is kept; "
                f"try a smaller training.rate (it was {self.settings.rate}), a longer training.warmup or a smaller training.clip"
            )

    def _turn(self) -> None:
        self._taken += 1
        if self._taken == len(self._steps_ahead):
            self.epoch, self._taken = self.epoch + 1, 0
            self._steps_ahead, self._carry = self._order(self.epoch), self._begin_carry()

    @contextmanager
    def answering(self) -> Iterator[nn.Module]:
        """Within it the model is as it would be used: averaged weights, no gradients."""
        self.model.eval()
        with torch.no_grad(), self.average.in_place():
            yield self.model

    def snapshot(self) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Any]]:
        weights = {name: value.detach() for name, value in self.model.named_parameters()}
        averaged = self.average.tensors()
        training = {f"optimizer.{name}": value for name, value in optimizer_tensors(self._optimizer).items()}
        training |= {f"weights.{name}": value for name, value in weights.items()} if averaged else {}
        training |= {f"carry.{number}": leaf for number, leaf in enumerate(leaves(self._carry))}
        state = {"step": self.step, "epoch": self.epoch, "taken": self._taken, "reductions": self._reductions, "last": self._last}
        return averaged or weights, training, state

    def restore(self, model: Mapping[str, Tensor], training: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Goes on from a snapshot, to the same bits."""
        weights = _under("weights.", training) or dict(model)
        with torch.no_grad():
            for name, value in self.model.named_parameters():
                value.copy_(weights[name])
        self.average.restore(model)
        restore_optimizer(self._optimizer, _under("optimizer.", training))
        self.step, self.epoch, self._taken = int(state["step"]), int(state["epoch"]), int(state["taken"])
        self._reductions, self._last = int(state["reductions"]), state["last"]
        self._steps_ahead = self._order(self.epoch)
        kept = _under("carry.", training)
        self._carry = rebuilt(self._begin_carry(), [kept[str(number)].to(self.device) for number in range(len(kept))])


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
