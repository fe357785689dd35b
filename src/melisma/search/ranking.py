"""What makes one answer of beam search better than another."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from melisma.errors import Refusal


@dataclass(frozen=True)
class Ranking:
    """score(Y, X) = log P(Y|X) / lp(Y) + cp(X, Y), the rule of Wu et al. 2016, eq. 14.

    lp(Y) = ((5 + |Y|) / 6)^α, where |Y| counts the end symbol too, and cp(X, Y) = β Σ_j log min(Σ_t a_tj, 1) over the
    real positions j of the source and all steps t of the answer, that of the end symbol among them. α = 0 ranks by
    log-probability, greater values favour longer answers. Refuses α or β that are negative or not finite.
    """

    length_penalty: float = 0.0
    coverage_penalty: float = 0.0

    def __post_init__(self) -> None:
        for name in ("length_penalty", "coverage_penalty"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise Refusal(f"{name} is {value}: it must be a number, 0 or more.")

    def normalised(self, totals: Tensor, lengths: Tensor | int) -> Tensor:
        """Log-probabilities divided by lp of the lengths (end symbol counted)."""
        if self.length_penalty == 0:
            return totals
        steps = torch.as_tensor(lengths, dtype=totals.dtype, device=totals.device)
        return totals / ((5 + steps) / 6) ** self.length_penalty

    def coverage(self, looked: Tensor, real: Tensor) -> Tensor:
        """cp of Σ_t a_t (A, W, T) over the ``real`` positions (A, T) -> (A, W); what is no number counts −∞.

        A position never looked at counts the logarithm of the least float32 instead of −∞, so that answers of
        which none covers everything still differ.
        """
        least = torch.finfo(torch.float32).tiny
        logarithms = looked.clamp(least, 1.0).log().masked_fill(~real[:, None], 0.0)
        penalty = self.coverage_penalty * logarithms.cumsum(2)[:, :, -1]  # in order: longer neighbours add zeros alone
        return torch.nan_to_num(penalty, nan=-torch.inf)
