"""Beam search: the likeliest beginnings of an answer, side by side."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from melisma.contract import Step, take
from melisma.errors import Refusal
from melisma.search.history import History
from melisma.search.hypothesis import Bounds, Hypothesis
from melisma.search.pool import Pool
from melisma.search.ranking import Ranking
from melisma.search.shortlist import shortlist

PLAIN = Ranking()


def beam(
    step: Step, state: Any, bounds: Bounds, *, width: int, ranking: Ranking = PLAIN, best: int = 1
) -> list[list[Hypothesis]]:
    """The ``best`` answers per sentence that a beam of ``width`` finds, better ones first.

    ``state`` has one row per sentence; it is repeated to ``width`` rows at the first expansion. Beginnings of equal
    length are ranked by log-probability; one of the ``width`` best that ends is finished and leaves, and the next best
    takes its place. Finished answers are ranked by ``ranking``. A sentence is done when it has ``best`` finished
    answers and no living beginning can still beat the worst of them under the same ranking; for that log-probabilities
    must not be positive. What has reached its limit and does not end then is cut; such answers stand after all finished
    ones and only where too few finished. Fewer than ``best`` answers come back if fewer are possible, never none. Equal
    values go to the better beginning first, then to the lower symbol. Refuses a ``best`` outside 1 … ``width``, and a
    coverage penalty where the step gives no trace.
    """
    if width < 1:
        raise Refusal(f"beam width is {width}: it must be 1 or more.")
    if not 1 <= best <= width:
        raise Refusal(f"best is {best}: a beam of width {width} gives 1 to {width} answers.")
    with torch.no_grad():
        search = _Beam(step, state, bounds, width, ranking, best)
        while len(search.alive):
            search.advance()
        return search.history.read(search.pool.ends())


class _Beam:
    """The living beginnings of A sentences in W slots each (one slot before the first step), best first.

    A slot whose total is −∞ is empty.
    """

    def __init__(self, step: Step, state: Any, bounds: Bounds, width: int, ranking: Ranking, best: int) -> None:
        limits = bounds.fitted(step)
        self.step, self.state, self.bounds, self.ranking, self.width = step, state, bounds, ranking, width
        self.history = History(step.extent, bounds.traced)
        self.pool = Pool(len(limits), best, limits.device)
        self.said = 0
        self.alive, self.limits = torch.arange(len(limits), device=limits.device), limits
        self.symbols = torch.full_like(self.alive, bounds.first)[:, None]  # (A, W)
        self.totals = torch.zeros_like(self.symbols, dtype=torch.float64)  # (A, W)
        self.coverage = torch.zeros_like(self.totals)  # (A, W), the penalty of ``looked``
        self.looked: Tensor | None = None  # (A, W, T), summed over the steps so far
        done = limits < 0
        if bool(done.any()):
            self._cut(done, self.totals, self.coverage)
            self._go_on(~done, torch.zeros_like(self.symbols))

    def advance(self) -> None:
        """One symbol more for every living beginning."""
        slots, coverage = self.totals.shape[1], self.coverage
        self.state, log_probabilities, trace = self.step(self.state, self.symbols.flatten())
        values, symbols = shortlist(log_probabilities, self.width + 1, self.bounds.excluded(self.said))
        self._look(trace, slots)
        totals, parents, symbols, values = self._expand(values, symbols)
        ends = symbols == self.bounds.last
        ended = (ends & (totals > -torch.inf))[:, : self.width]
        going_on = self.totals.scatter_reduce(
            1, parents[:, : self.width], torch.where(ended, -torch.inf, torch.inf).double(), "amin"
        )
        if bool(ended.any()):
            self._finish(ended, totals[:, : self.width], parents[:, : self.width], values[:, : self.width])
        living = ends.byte().sort(dim=1, stable=True).indices[:, : self.width]
        totals, parents, symbols, values = (part.gather(1, living) for part in (totals, parents, symbols, values))
        self.history.append(self.alive, (parents, symbols, values), slots, trace)

        dead = totals[:, 0] == -torch.inf
        full = self.limits <= self.said
        lost = full | (dead & ~self.pool.some(self.alive))
        if bool(lost.any()):
            self._cut(lost, going_on, coverage)
        self.said += 1
        self.totals, self.symbols, self.coverage = totals, symbols, self.coverage.gather(1, parents)
        self._go_on(~(dead | full | self._beaten()), parents)

    def _look(self, trace: Tensor | None, slots: int) -> None:
        """Adds what this step looked at, for the coverage penalty."""
        if self.ranking.coverage_penalty == 0:
            return
        if trace is None:
            raise Refusal(
                "coverage_penalty needs a model that looks at its source (attention): set it to 0 for this one."
            )
        now = trace.double().reshape(len(self.alive), slots, trace.shape[1])
        self.looked = now if self.looked is None else self.looked[:, :, : now.shape[2]] + now
        real = torch.arange(now.shape[2], device=now.device) < self.step.extent[:, None]
        self.coverage = self.ranking.coverage(self.looked, real)

    def _expand(self, values: Tensor, symbols: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """All beginnings with one symbol more, best first: totals, parents, symbols and values, (A, 2 W or more)."""
        sentences, slots = self.totals.shape
        choices = values.shape[1]
        values, symbols = values.double().reshape(sentences, -1), symbols.reshape(sentences, -1)
        parents = torch.arange(slots, device=symbols.device).repeat_interleave(choices).expand_as(symbols)
        missing = max(0, 2 * self.width - slots * choices)
        if missing:
            values = pad(values, (0, missing), value=-torch.inf)
            symbols, parents = pad(symbols, (0, missing)), pad(parents, (0, missing))
        totals, order = (self.totals.gather(1, parents) + values).sort(dim=1, descending=True, stable=True)
        return totals, parents.gather(1, order), symbols.gather(1, order), values.gather(1, order)

    def _finish(self, ended: Tensor, totals: Tensor, parents: Tensor, values: Tensor) -> None:
        """Puts the candidates (A, W) that have ended into the pool."""
        scores = self.ranking.normalised(totals, self.said + 1) + self.coverage.gather(1, parents)
        whole = torch.stack((torch.full_like(parents, self.said), parents, ended * Pool.FINISHED), 2)
        self.pool.add(self.alive, whole, torch.stack((scores, totals, values), 2))

    def _cut(self, cut: Tensor, totals: Tensor, coverage: Tensor) -> None:
        """Puts the beginnings (A, W) of the sentences that are ``cut`` (A,) into the pool, below the finished ones."""
        totals = totals[cut]
        scores = self.ranking.normalised(totals, self.said) + coverage[cut]
        slots = torch.arange(totals.shape[1], device=totals.device).expand_as(totals)
        whole = torch.stack((torch.full_like(slots, self.said), slots, (totals > -torch.inf) * Pool.CUT), 2)
        self.pool.add(self.alive[cut], whole, torch.stack((scores, totals, torch.zeros_like(totals)), 2))

    def _beaten(self) -> Tensor:
        """Which sentences have all their answers, and no living beginning that can still beat the worst of them.

        A total only falls, lp grows no further than to the limit, coverage is never above 0: so no end of a beginning
        scores above its total over lp(limit + 1), and the first slot has the greatest total.
        """
        return self.pool.worst(self.alive) >= self.ranking.normalised(self.totals[:, 0], self.limits + 1)

    def _go_on(self, staying: Tensor, parents: Tensor) -> None:
        """Lets sentences go (A,), and moves the rows of the others to where their ``parents`` (A, W) were continued."""
        slots = 1 if self.said <= 1 else self.width
        kept = torch.arange(len(self.alive), device=self.alive.device)
        if not bool(staying.all()):
            kept = staying.nonzero().flatten()
            self.alive, self.limits = self.alive[kept], self.limits[kept]
            self.totals, self.symbols, self.coverage = self.totals[kept], self.symbols[kept], self.coverage[kept]
            if not len(kept):
                return
            self.step = self.step.keep(kept)
        rows = (kept[:, None] * slots + parents[kept]).flatten()
        self.state = take(self.state, rows)
        if self.looked is not None:
            self.looked = self.looked.flatten(0, 1)[rows.view(len(kept), -1)]
