"""Averages of the weights as they were of late: they answer better than the last step's weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from melisma.settings.training import TrainingSettings


class Average:
    """a = d a + (1 - d) w after every step, d = min(decay, (1 + t) / (10 + t))   (Polyak & Juditsky 1992, exponential).

    The decay grows with the step t, so that a short training does not average its beginning. Decay 0: no average, the
    weights serve.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.count = decay, 0
        self.weights = list(model.parameters())
        self.names = [name for name, _ in model.named_parameters()]
        self.values = [weight.detach().clone() for weight in self.weights] if decay else []

    def keep(self) -> None:
        """Nothing is kept: all that went before is in the average."""

    @torch.no_grad()
    def update(self, step: int) -> None:
        if self.values:
            rate = 1 - min(self.decay, (1 + step) / (10 + step))
            torch._foreach_lerp_(self.values, list(self.weights), rate)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within it the model has the averaged weights."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for weight, value in zip(self.weights, self.values):
            held = weight.detach().clone()
            weight.copy_(value)
            value.copy_(held)

    def tensors(self) -> dict[str, Tensor]:
        """The averages by parameter name; empty without an average."""
        return dict(zip(self.names, self.values))

    def kept(self) -> dict[str, Tensor]:
        """What the averages are made of and resuming needs: nothing but themselves."""
        return {}

    @torch.no_grad()
    def restore(self, values: Mapping[str, Tensor], kept: Mapping[str, Tensor], count: int) -> None:
        for name, value in zip(self.names, self.values):
            value.copy_(values[name])


class LastAverage:
    """The mean of the weights as they are and as they were at the last ``count`` - 1 validations before.

    Checkpoint averaging (Vaswani et al. 2017, section 6.1). Steps on the disk could not be averaged when all is over,
    as few stay there and the best would have been chosen by other weights than those that answer. Earlier weights are
    kept one by one: a sum that some were taken off again would not have the bits of their mean.
    """

    def __init__(self, model: nn.Module, count: int) -> None:
        self.weights: list[Tensor] = list(model.parameters())
        self.names = [name for name, _ in model.named_parameters()]
        self.slots = [[torch.zeros_like(weight) for weight in self.weights] for _ in range(count - 1)]
        self.count = 0  # weights that were ever kept; the oldest give way to the newest

    @torch.no_grad()
    def keep(self) -> None:
        """The weights are those of a validation, and a step is about to change them."""
        torch._foreach_copy_(self.slots[self.count % len(self.slots)], self.weights)
        self.count += 1

    def update(self, step: int) -> None:
        """A single step changes the mean by its weights alone."""

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within it the model has the mean of the weights."""
        with torch.no_grad():
            held = [weight.detach().clone() for weight in self.weights]
            torch._foreach_copy_(self.weights, self._mean())
        try:
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_(self.weights, held)

    @torch.no_grad()
    def _mean(self) -> list[Tensor]:
        mean = [weight.detach().clone() for weight in self.weights]
        earlier = self.slots[: self.count]
        for slot in earlier:
            torch._foreach_add_(mean, slot)
        torch._foreach_div_(mean, 1 + len(earlier))
        return mean

    def tensors(self) -> dict[str, Tensor]:
        """The mean by parameter name."""
        return dict(zip(self.names, self._mean()))

    def kept(self) -> dict[str, Tensor]:
        """The earlier weights by place and parameter name; zeros where there are none yet."""
        return {
            f"{place}.{name}": value for place, slot in enumerate(self.slots) for name, value in zip(self.names, slot)
        }

    @torch.no_grad()
    def restore(self, values: Mapping[str, Tensor], kept: Mapping[str, Tensor], count: int) -> None:
        for name, value in self.kept().items():
            value.copy_(kept[name])
        self.count = count


def average(model: nn.Module, settings: TrainingSettings) -> Average | LastAverage:
    """What the settings have averaged: the last weights if they say so, otherwise all with less and less weight."""
    if settings.average_last is not None:
        return LastAverage(model, settings.average_last)
    return Average(model, settings.average)
