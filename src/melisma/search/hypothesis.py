"""What a search is asked and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from melisma.contract import Step
from melisma.errors import Refusal


@dataclass(frozen=True)
class Hypothesis:
    """One answer of a search, on the CPU.

    ``symbols`` leaves the end symbol out; ``log_probabilities`` (nats) has one value a symbol and one more for the end
    symbol if there is one; ``trace`` (len(log_probabilities), T) is what each of these steps looked at, over the T real
    positions of the sentence, float32, or None where the step gives none or none was asked for. ``finished`` is False
    for an answer cut at its limit: it has no end symbol.
    """

    symbols: tuple[int, ...]
    log_probability: float
    score: float
    log_probabilities: tuple[float, ...]
    trace: Tensor | None = field(compare=False, repr=False)
    finished: bool


@dataclass(frozen=True, eq=False)
class Bounds:
    """Where answers begin and end, and what they must not contain.

    ``first`` is the symbol fed before anything is said, ``last`` ends an answer. ``limits`` (S,) int64 is the greatest
    number of symbols per sentence and ``minimum`` the least, the end symbol not counted: an answer of exactly that many
    may still end, and is cut where it would go on. ``forbidden`` symbols are never said. Without ``traced`` what the
    steps looked at is not kept: it takes as many numbers as source times answer times beam.
    """

    first: int
    last: int
    limits: Tensor
    minimum: int = 0
    forbidden: Sequence[int] = ()
    traced: bool = True

    def __post_init__(self) -> None:
        if self.last in self.forbidden:
            raise Refusal(f"forbidden contains {self.last}, the symbol that ends an answer: leave it out.")
        if self.minimum < 0:
            raise Refusal(f"minimum is {self.minimum}: the least number of symbols of an answer is 0 or more.")

    def fitted(self, step: Step) -> Tensor:
        """The limits on the step's device; raises ValueError if they are not a whole number per sentence."""
        sentences = tuple(step.extent.shape)
        if tuple(self.limits.shape) != sentences or self.limits.is_floating_point():
            raise ValueError(f"limits: {tuple(self.limits.shape)} {self.limits.dtype}, wanted int64 of {sentences}")
        return self.limits.to(step.extent.device)

    def excluded(self, said: int) -> set[int]:
        """The symbols that must not follow ``said`` symbols."""
        return {*self.forbidden, self.last} if said < self.minimum else {*self.forbidden}
