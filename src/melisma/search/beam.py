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
from melisma.search.shortlist import Continued, continued

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
        slots, totals, coverage = self.totals.shape[1], self.totals, self.coverage
        self.state, log_probabilities, trace = self.step(self.state, self.symbols.flatten())
        self._look(trace, slots)
        found = self._continued(log_probabilities)
        best = found.first(self.width)
        ends = found.symbols == self.bounds.last
        ended = ends[:, : self.width] & (best.totals > -torch.inf)
        living = best
        if bool(ended.any()):
            self._finish(ended, best)
            living = found.at(ends.byte().sort(dim=1, stable=True).indices[:, : self.width])
        self.history.append(self.alive, (living.parents, living.symbols, living.values), slots, trace)

        dead, full = living.totals[:, 0] == -torch.inf, self.limits <= self.said
        lost = full | (dead & ~self.pool.some(self.alive))
        if bool(lost.any()):
            gone = torch.where(ended, -torch.inf, torch.inf).double()
            self._cut(lost, totals.scatter_reduce(1, best.parents, gone, "amin"), coverage)
        self.said += 1
        self.totals, self.symbols = living.totals, living.symbols
        self.coverage = self.coverage.gather(1, living.parents)
        self._go_on(~(dead | full | self._beaten()), living.parents)

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

    def _continued(self, log_probabilities: Tensor) -> Continued:
        """The best beginnings with one symbol more, (A, 2 W): each has one end, so that W of them go on."""
        found = continued(self.totals, log_probabilities, 2 * self.width, self.bounds.excluded(self.said))
        missing = 2 * self.width - found.totals.shape[1]
        if not missing:
            return found
        totals, values = (pad(part, (0, missing), value=-torch.inf) for part in (found.totals, found.values))
        parents, symbols = (pad(part, (0, missing)) for part in (found.parents, found.symbols))
        return Continued(totals, parents, symbols, values)

    def _finish(self, ended: Tensor, best: Continued) -> None:
        """Puts those of the best (A, W) that have ended into the pool."""
        totals, parents, _, values = best
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
