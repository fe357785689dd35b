"""What scores prefixes beside the frames: a language model with its weight, one of whole words, several together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Any, Protocol


class Language(Protocol):
    """What scores a prefix symbol by symbol: a language model, a constraint, hot words, or several of them together.

    States are hashable values: one may be scored any number of times, scoring does not change it, and equal ones are
    continued alike. Two more methods, which a class may have, only save time: ``most(symbol)`` is what a step by this
    symbol adds at most (0 without it, as for log-probabilities), and ``row(state)`` what some symbols add, in a table
    that stands ready.
    """

    def start(self) -> Any:
        """The state before the first symbol."""

    def score(self, state: Any, symbol: int) -> tuple[Any, float]:
        """The state after one symbol more, and what it adds to the score (nats); −∞: it cannot follow."""

    def end(self, state: Any) -> float:
        """What is added if nothing follows any more; −∞: it cannot end here."""


def greatest(language: Language, symbol: int) -> float:
    """What a step of a language by this symbol adds at most."""
    most: Callable[[int], float] | None = getattr(language, "most", None)
    return 0.0 if most is None else most(symbol)


class Together:
    """The sum of several languages; where one says −∞ the others are not asked."""

    def __init__(self, parts: Sequence[Language]) -> None:
        self.parts = tuple(parts)

    def most(self, symbol: int) -> float:
        """The sum of the parts'."""
        return sum(greatest(part, symbol) for part in self.parts)

    def start(self) -> tuple[Any, ...]:
        """The states of all parts."""
        return tuple(part.start() for part in self.parts)

    def score(self, state: tuple[Any, ...], symbol: int) -> tuple[tuple[Any, ...], float]:
        """As every part goes on."""
        states, total = [], 0.0
        for part, one in zip(self.parts, state):
            after, added = part.score(one, symbol)
            if added == -inf:
                return state, -inf
            states.append(after)
            total += added
        return tuple(states), total

    def end(self, state: tuple[Any, ...]) -> float:
        """As every part ends."""
        return sum(part.end(one) for part, one in zip(self.parts, state))


def together(parts: Sequence[Language]) -> Language | None:
    """The parts as one language; None if there are none."""
    return Together(parts) if len(parts) > 1 else next(iter(parts), None)


class Weighted:
    """A language model as a share of a score: ``weight`` · log p(symbol | before) + ``insertion`` a symbol.

    The end is weighted too, without the insertion. This is shallow fusion (Hannun et al. 2014, their α and β); a
    negative weight takes a model away, such as what the recogniser itself knows of its language.
    """

    def __init__(self, language: Language, weight: float, insertion: float = 0.0) -> None:
        self.language, self.weight, self.insertion = language, weight, insertion

    def most(self, symbol: int) -> float:
        """The model's, weighted; ∞ where a model is taken away."""
        return self.weight * greatest(self.language, symbol) + self.insertion if self.weight >= 0 else inf

    def start(self) -> Any:
        """The model's."""
        return self.language.start()

    def score(self, state: Any, symbol: int) -> tuple[Any, float]:
        """The model's, weighted."""
        after, added = self.language.score(state, symbol)
        return after, self.weight * added + self.insertion

    def end(self, state: Any) -> float:
        """The model's, weighted."""
        return self.weight * self.language.end(state)
