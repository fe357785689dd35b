"""A sum of gradients over processes, each of which adds up one share of all numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from torch import Tensor, nn

NOTHING = -0.0  # what changes no number that it is added to, not even the sign of a zero


class Peers(Protocol):
    """The processes among which shares go round."""

    size: int

    def exchange(self, mine: Tensor) -> Tensor:
        """(processes, share) the share of each process for this one, of numbers (processes x share) that each has."""

    def gather(self, share: Tensor) -> Tensor:
        """(processes x share) the shares of all processes, in the order of their ranks."""


class Gathered:
    """A sum over processes, of which each adds one share of all numbers, and gets the others' in the end."""

    def __init__(self, peers: Peers, weights: Sequence[nn.Parameter]) -> None:
        if len({weight.dtype for weight in weights}) > 1:
            raise ValueError("weights of several types cannot be trained over several processes")
        self._peers, self._weights = peers, list(weights)
        self._share: Tensor | None = None
        self.there = [0.0] * len(self._weights)

    def add(self) -> None:
        weights = self._weights
        share = -(-sum(weight.numel() for weight in weights) // self._peers.size)
        mine = weights[0].new_full((share * self._peers.size,), NOTHING, requires_grad=False)
        for number, (weight, place) in enumerate(zip(weights, self._places())):
            if weight.grad is not None:
                mine[place] = weight.grad.reshape(-1)
                self.there[number], weight.grad = 1.0, None
        for part in self._peers.exchange(mine):
            self._share = part.clone() if self._share is None else self._share.add_(part)

    def finish(self, there: Sequence[float]) -> None:
        assert self._share is not None
        whole = self._peers.gather(self._share)
        for weight, place, has in zip(self._weights, self._places(), there):
            weight.grad = whole[place].view_as(weight).clone() if has else None

    def _places(self) -> Iterator[slice]:
        begin = 0
        for weight in self._weights:
            yield slice(begin, begin + weight.numel())
            begin += weight.numel()
