"""Sequences without their mean: what stays the same throughout an utterance is taken off, chunk by chunk."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from melisma.ragged import Ragged


class CentredSoFarState(NamedTuple):
    """What was heard of each sequence: the sum of its steps (B, F), float64, and how many there were (B,), int64."""

    total: Tensor
    steps: Tensor


class CentredSoFar(nn.Module):
    """y_t = x_t - (x_1 + ... + x_t) / (p + t), by feature; rows (N, F) -> (N, F)   (after Viikki and Laurila 1998).

    The mean is that of what was heard so far, and of p steps of zeros before it, the mean of all sequences: a few steps
    alone do not tell. It has no parameters and waits for nothing. Steps are added up one after another in float64.
    """

    delay: int | None = 0
    ratio = Fraction(1)

    def __init__(self, size: int, prior: float) -> None:
        super().__init__()
        if prior < 0:
            raise ValueError(f"a mean cannot begin with {prior} steps: wants 0 or more")
        self.size, self.prior = size, prior
        # where states begin: moved with the model, and real where its weights are still to be read
        self.register_buffer("like", torch.zeros((), device="cpu"), persistent=False)

    def start(self, batch: int, random: Generator | None = None) -> CentredSoFarState:
        like: Tensor = self.get_buffer("like")
        total = like.new_zeros(batch, self.size, dtype=torch.float64)
        return CentredSoFarState(total, like.new_zeros(batch, dtype=torch.int64))

    def feed(self, state: CentredSoFarState, x: Ragged) -> tuple[CentredSoFarState, Ragged]:
        if not x.live:
            return state, x
        steps = len(x.live)
        sums = torch.cat((state.total[:, None], x.padded()[0].double()), 1).cumsum(1)
        counts = state.steps[:, None] + torch.arange(1, steps + 1, device=sums.device)
        mean = sums[:, 1:] / (self.prior + counts)[:, :, None]
        y = x.with_rows(x.rows - x.gathered(mean.to(x.rows.dtype)).rows)
        return CentredSoFarState(sums[:, -1], state.steps + x.lengths()), y

    def flush(self, state: CentredSoFarState) -> tuple[CentredSoFarState, None]:
        return state, None


class CentredState(NamedTuple):
    """The steps that wait for the end."""

    heard: Ragged | None


class Centred(nn.Module):
    """y_t = x_t - (x_1 + ... + x_T) / T, by feature; rows (N, F) -> (N, F)   (Atal 1974).

    It needs the end (``delay`` is None): ``feed`` holds everything back until ``flush``. It has no parameters.
    """

    delay: int | None = None
    ratio = Fraction(1)

    def start(self, batch: int, random: Generator | None = None) -> CentredState:
        return CentredState(None)

    def feed(self, state: CentredState, x: Ragged) -> tuple[CentredState, Ragged]:
        heard = x if state.heard is None else state.heard.join(x)
        return CentredState(heard), Ragged.none(x.batch, *x.rows.shape[1:], like=x.rows)

    def flush(self, state: CentredState) -> tuple[CentredState, Ragged | None]:
        x = state.heard
        if x is None:
            return state, None
        nothing = x.rows.new_zeros(x.batch, *x.rows.shape[1:], dtype=torch.float64)
        mean = nothing.index_add(0, x.owners, x.rows.double()) / x.lengths().clamp(min=1)[:, None]
        return CentredState(None), x.with_rows(x.rows - mean.to(x.rows.dtype)[x.owners])
