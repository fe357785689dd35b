"""Sampling: answers drawn by the model's own probabilities."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from melisma.contract import Step, take
from melisma.errors import Refusal
from melisma.search.history import Ends, History
from melisma.search.hypothesis import Bounds, Hypothesis
from melisma.search.shortlist import shortlist

IMPOSSIBLE: Final = -torch.inf
BLOCK: Final = 64  # steps whose random numbers are drawn at once


@dataclass(frozen=True)
class Drawing:
    """What the next symbol is drawn from: p(y) ∝ model(y)^(1/temperature), cut to top_k symbols, then to top_p.

    In this order: the temperature changes all probabilities; of the result the ``top_k`` likeliest stay (the lower of
    equals); of these, with their probabilities summing to 1 again, the fewest likeliest that have ``top_p`` together
    or more, the nucleus of Holtzman et al. 2020. Temperature 1 without cuts is the model itself; 0 takes the likeliest
    symbol. Refuses a temperature below 0, a ``top_k`` below 1, and a ``top_p`` outside 0 (not itself) to 1.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise Refusal(f"temperature is {self.temperature}: it must be a number, 0 or more.")
        if self.top_k is not None and self.top_k < 1:
            raise Refusal(f"top_k is {self.top_k}: at least 1 symbol must stay.")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise Refusal(f"top_p is {self.top_p}: it must be above 0 and at most 1.")

    def weights(self, log_probabilities: Tensor, excluded: Collection[int] = ()) -> Tensor:
        """How likely each symbol is drawn, in each row (R, V), up to a factor a row; float64.

        Symbols that are ``excluded``, and what is no number or +∞, have no weight; a row may have none at all.
        """
        values = torch.nan_to_num(log_probabilities.double(), nan=IMPOSSIBLE, posinf=IMPOSSIBLE, neginf=IMPOSSIBLE)
        for symbol in excluded:
            values[:, symbol] = IMPOSSIBLE
        most = 1 if self.temperature == 0 else self.top_k
        if most is not None and most < values.shape[1]:
            kept, ids = shortlist(values, most)
            values = torch.full_like(values, IMPOSSIBLE).scatter(1, ids, kept)
        # Less the greatest, so that it has weight 1 at any temperature; a row without any has NaN here.
        likeliest = values - values.amax(1, keepdim=True)
        weights = torch.nan_to_num((likeliest / (self.temperature or 1.0)).exp(), nan=0.0)
        return weights if self.top_p is None or self.top_p == 1 else _nucleus(weights, self.top_p)


def _nucleus(weights: Tensor, share: float) -> Tensor:
    """The weights of the fewest greatest of each row (R, V) that have this share of it or more; the rest at 0."""
    ordered, ids = weights.sort(dim=1, descending=True, stable=True)
    upto = ordered.cumsum(1)
    before = torch.cat((torch.zeros_like(upto[:, :1]), upto[:, :-1]), 1)
    return torch.zeros_like(weights).scatter(1, ids, torch.where(before < share * upto[:, -1:], ordered, 0.0))


def sample(
    step: Step,
    state: Any,
    bounds: Bounds,
    drawing: Drawing,
    names: Sequence[bytes],
    *,
    seed: int,
    count: int = 1,
    ranked: bool = True,
) -> list[list[Hypothesis]]:
    """``count`` answers per sentence, each drawn symbol by symbol from ``drawing``, independently: they may be equal.

    ``state`` has one row per sentence. Scores and log-probabilities are those of the model itself, not of what
    ``drawing`` makes of it. With ``ranked`` the likelier answers stand first, those cut at their limit after all
    finished ones, else they stand as they were drawn. An answer without any possible next symbol is cut there.

    Every answer has random numbers of its own, from the seed, its sentence's name, its number and the step (see
    `uniforms`): so neither neighbours nor order nor ``count`` change what is drawn, and sentences of one name that are
    alike are answered alike. Refuses a ``count`` below 1.
    """
    if count < 1:
        raise Refusal(f"count is {count}: it must be 1 or more.")
    with torch.no_grad():
        search = _Sampling(step, state, bounds, drawing, _Draws(names, seed, count))
        while len(search.alive):
            search.advance()
        return search.read(ranked)


def uniforms(seed: int, name: bytes, number: int, block: int) -> NDArray[np.float64]:
    """``BLOCK`` numbers, evenly spread from 0 to below 1: a generator named by all four, the same on every machine."""
    words = hashlib.shake_256(b"sample/%d/%d/%d/" % (seed, number, block) + name).digest(8 * BLOCK)
    return (np.frombuffer(words, "<u8") >> np.uint64(11)).astype(np.float64) * 2.0**-53


class _Draws:
    """The random numbers of ``count`` answers to each sentence, a block of steps at a time."""

    def __init__(self, names: Sequence[bytes], seed: int, count: int) -> None:
        self.names, self.seed, self.count = names, seed, count
        self._block = np.zeros((len(names), count, BLOCK))

    def at(self, said: int, alive: Tensor) -> Tensor:
        """Those of one step, of the living sentences (A,) -> (A, W)."""
        block, place = divmod(said, BLOCK)
        living = alive.cpu().numpy()
        if place == 0:
            for sentence in living:
                for number in range(self.count):
                    self._block[sentence, number] = uniforms(self.seed, self.names[sentence], number, block)
        return torch.from_numpy(self._block[living, :, place]).to(alive.device)


class _Sampling:
    """The answers of A living sentences, W to each (they share one row before the first step)."""

    def __init__(self, step: Step, state: Any, bounds: Bounds, drawing: Drawing, draws: _Draws) -> None:
        limits = bounds.fitted(step)
        if len(draws.names) != len(limits):
            raise ValueError(f"{len(draws.names)} names for {len(limits)} sentences")
        self.step, self.state, self.bounds, self.drawing, self.draws = step, state, bounds, drawing, draws
        self.history = History(step.extent, bounds.traced)
        self.limits, self.said = limits, 0
        self.alive = torch.arange(len(limits), device=limits.device)
        self.symbols = torch.full_like(self.alive, bounds.first)[:, None]  # (A, 1), then (A, W)
        self.lengths = torch.zeros(len(limits), draws.count, dtype=torch.int64, device=limits.device)  # (S, W)
        self.living = (limits >= 0)[:, None].expand_as(self.lengths)  # (A, W)
        self.finished = torch.zeros_like(self.lengths, dtype=torch.bool)
        self.totals = torch.zeros_like(self.lengths, dtype=torch.float64)
        self.ends = torch.zeros_like(self.totals)
        self._go_on()

    def advance(self) -> None:
        """One symbol more for every answer that is not at its end."""
        slots = self.symbols.shape[1]
        self.state, log_probabilities, trace = self.step(self.state, self.symbols.flatten())
        self.symbols, values = self._draw(log_probabilities, slots)
        self.history.append(self.alive, (self._parents(slots), self.symbols, values), slots, trace)
        possible = self.living & (values > IMPOSSIBLE)
        ended = possible & (self.symbols == self.bounds.last)
        self.living = possible & ~ended & (self.said < self.limits[self.alive])[:, None]
        self.said += 1
        self.totals[self.alive] += torch.where(ended | self.living, values, 0.0)
        self.ends[self.alive] += torch.where(ended, values, 0.0)
        self.finished[self.alive] |= ended
        self.lengths[self.alive] += self.living
        self._go_on()

    def _draw(self, log_probabilities: Tensor, slots: int) -> tuple[Tensor, Tensor]:
        """Log-probabilities (A * slots, V) -> what each answer says next, and how likely the model finds it, (A, W).

        The symbols stand in the order of their numbers on a line as long as their weights together: so the last digits
        of a weight, which may depend on the machine, move only borders by as little.
        """
        line = self.drawing.weights(log_probabilities, self.bounds.excluded(self.said)).cumsum(1)
        drawn = self.draws.at(self.said, self.alive).reshape(len(line), -1)
        whole = line[:, -1:].contiguous()
        last = torch.searchsorted(line, whole)
        places = torch.searchsorted(line, drawn * whole, right=True).minimum(last)  # rounding may reach the very end
        values = log_probabilities.double().gather(1, places).masked_fill(whole == 0, IMPOSSIBLE)
        shape = (len(self.alive), -1)
        return places.reshape(shape), values.reshape(shape)

    def _parents(self, slots: int) -> Tensor:
        numbers = torch.arange(self.draws.count, device=self.alive.device).expand(len(self.alive), -1)
        return numbers if slots > 1 else torch.zeros_like(numbers)

    def _go_on(self) -> None:
        """Lets sentences go whose answers are all at their end, and gives every answer of the others its row."""
        kept = self.living.any(1).nonzero().flatten()
        slots = 1 if self.said <= 1 else self.draws.count
        if len(kept) < len(self.alive):
            self.alive, self.living, self.symbols = self.alive[kept], self.living[kept], self.symbols[kept]
            if not len(kept):
                return
            self.step = self.step.keep(kept)
        elif self.said != 1:
            return
        rows = kept[:, None] * slots + (self._parents(slots) if self.said else torch.zeros_like(kept)[:, None])
        self.state = take(self.state, rows.flatten())

    def read(self, ranked: bool) -> list[list[Hypothesis]]:
        """The answers of every sentence."""
        count = self.draws.count
        order = torch.arange(count, device=self.totals.device).expand_as(self.lengths)
        if ranked:
            order = self.totals.sort(dim=1, descending=True, stable=True).indices
            cut = ~self.finished.gather(1, order)
            order = order.gather(1, cut.byte().sort(dim=1, stable=True).indices)
        parts = (self.lengths, self.finished, self.ends, self.totals)
        length, finished, ends, totals = (part.gather(1, order).flatten().cpu().numpy() for part in parts)
        sentence = np.arange(len(self.lengths)).repeat(count)
        # Before the first symbol all answers of a sentence share one row.
        slot = np.where(length > 0, order.flatten().cpu().numpy(), 0)
        return self.history.read(Ends(sentence, length, slot, finished, ends, totals, totals))
