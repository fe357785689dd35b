"""The average of the weights over the last steps: it answers better than the last step's weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """a = d a + (1 - d) w after every step, d = min(decay, (1 + t) / (10 + t))   (Polyak & Juditsky 1992, exponential).

    The decay grows with the step t, so that a short training does not average its beginning. Decay 0: no average, the
    weights serve.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = list(model.parameters())
        self.names = [name for name, _ in model.named_parameters()]
        self.values = [weight.detach().clone() for weight in self.weights] if decay else []

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

    @torch.no_grad()
    def restore(self, values: Mapping[str, Tensor]) -> None:
        for name, value in zip(self.names, self.values):
            value.copy_(values[name])
