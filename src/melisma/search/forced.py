"""Answers that begin as they are told: a step that allows no other beginning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from melisma.contract import Step


@dataclass(frozen=True)
class Beginning:
    """A tree of the symbols that an answer may begin with; behind the end of each path every symbol may follow.

    ``follow[n]`` says which symbols may stand at place n, and to which place each leads: 0 is the place of the first
    symbol, `FREE` is behind the beginning. ``longest`` is the number of symbols of the longest path.
    """

    FREE: ClassVar[int] = -1
    follow: tuple[dict[int, int], ...]
    longest: int

    @staticmethod
    def of(paths: Iterable[Sequence[int]]) -> Beginning:
        """The tree of these paths, of which none is the head of another; ValueError for none, or one of no symbols."""
        follow: list[dict[int, int]] = [{}]
        found = {tuple(path) for path in paths}
        if not found or () in found:
            raise ValueError("a beginning needs paths, of a symbol or more each")
        for path in sorted(found):
            place = 0
            for symbol in path[:-1]:
                if symbol not in follow[place]:
                    follow[place][symbol] = len(follow)
                    follow.append({})
                place = follow[place][symbol]
            follow[place][path[-1]] = Beginning.FREE
        return Beginning(tuple(follow), max(map(len, found)))


class ForcedState(NamedTuple):
    """The state of the step within, and at which place of the beginning each row (R,) was before its last symbol."""

    within: Any
    place: Tensor


class Forced:
    """A ``Step`` that finds symbols impossible where the beginning does not allow them.

    The log-probabilities of the others stay what the model says, so that a forced symbol costs what it costs: any
    search goes by them, and tells them.
    """

    NOT_BEGUN: ClassVar[int] = -2

    def __init__(self, step: Step, beginning: Beginning) -> None:
        self.step, self.beginning, self.extent = step, beginning, step.extent

    def start(self, state: Any) -> ForcedState:
        """The state before the first step, from that of the step within; one row per sentence."""
        return ForcedState(state, torch.full_like(self.step.extent, self.NOT_BEGUN))

    def __call__(self, state: ForcedState, symbols: Tensor) -> tuple[ForcedState, Tensor, Tensor | None]:
        within, log_probabilities, trace = self.step(state.within, symbols)
        if bool((state.place == Beginning.FREE).all()):
            return ForcedState(within, state.place), log_probabilities, trace
        places = list(map(self._after, state.place.tolist(), symbols.tolist()))
        allowed = torch.zeros_like(log_probabilities, dtype=torch.bool)
        at = torch.tensor(places, dtype=torch.int64, device=symbols.device)
        for place in set(places):
            ids = slice(None) if place == Beginning.FREE else list(self.beginning.follow[place])
            row = torch.zeros_like(allowed[0])
            row[ids] = True
            allowed[at == place] = row
        return ForcedState(within, at), torch.where(allowed, log_probabilities, -torch.inf), trace

    def _after(self, place: int, symbol: int) -> int:
        """The place after this symbol; a row that is of no use any more may hear any symbol."""
        if place == self.NOT_BEGUN:
            return 0
        return Beginning.FREE if place == Beginning.FREE else self.beginning.follow[place].get(symbol, Beginning.FREE)

    def keep(self, sentences: Tensor) -> Forced:
        return Forced(self.step.keep(sentences), self.beginning)
