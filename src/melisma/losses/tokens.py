"""Cross-entropy over a vocabulary, in chunks: all logits of a batch at once are never held.

The gradient of each chunk is made while its logits are there, in the forward pass: the backward has nothing to
recompute.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

CHUNK = 512  # rows whose logits are held at once: enough for matrix products at their full speed
BLOCK = 64  # rows that are made a softmax of at once: several passes over them find them in a processor's cache


class TokenLoss(NamedTuple):
    """Sums over rows: what is trained (smoothed) and what is reported (nats of the symbol that was wanted)."""

    trained: Tensor  # ()
    nats: Tensor  # (), without gradient


def token_loss(
    hidden: Tensor, weight: Tensor, bias: Tensor, wanted: Tensor, smoothing: float = 0.0, rows: Tensor | None = None
) -> TokenLoss:
    """Sum over N rows of -log softmax(hidden @ weight.T + bias)[wanted], smoothed   (Szegedy et al. 2016, section 7).

    hidden (N, E), weight (V, E), bias (V,), wanted (N,) int64. With smoothing e the target is 1 - e at the wanted
    symbol and e / V everywhere. ``rows`` (N,) weighs the rows (0: a filler).
    """
    trained, nats = _Chunked.apply(hidden, weight, bias, wanted, smoothing, rows)  # type: ignore[no-untyped-call]
    return TokenLoss(trained, nats)


def plain_token_loss(
    hidden: Tensor, weight: Tensor, bias: Tensor, wanted: Tensor, smoothing: float = 0.0, rows: Tensor | None = None
) -> TokenLoss:
    """The same as it is defined, with all logits at once."""
    logs = functional.log_softmax(functional.linear(hidden, weight, bias), -1)
    nats = -logs.gather(1, wanted[:, None])[:, 0]
    trained = (1 - smoothing) * nats - smoothing * logs.mean(1)
    if rows is not None:
        nats, trained = nats * rows, trained * rows
    return TokenLoss(trained.sum(), nats.sum().detach())


def row_nats(hidden: Tensor, weight: Tensor, bias: Tensor, wanted: Tensor) -> Tensor:
    """(N,) -log softmax(hidden @ weight.T + bias)[wanted] of each row, in chunks, without gradient."""
    found = []
    with torch.no_grad():
        for begin in range(0, len(hidden), CHUNK):
            logits = torch.addmm(bias, hidden[begin : begin + CHUNK], weight.t())
            own = logits.gather(1, wanted[begin : begin + CHUNK, None])[:, 0]
            found.append(logits.logsumexp(1) - own)
    return torch.cat(found)


class _Chunked(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, wanted: Tensor, smoothing: float, rows: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        learning = any(ctx.needs_input_grad[:3])
        d_hidden, d_weight, d_bias = _gradients(hidden, weight, bias) if learning else (None, None, None)
        sums, held = hidden.new_zeros(2), hidden.new_empty(min(CHUNK, len(hidden)), len(weight))
        for begin in range(0, len(hidden), CHUNK):
            chunk = slice(begin, begin + CHUNK)
            logits = torch.mm(hidden[chunk], weight.t(), out=held[: len(hidden) - begin])
            for first in range(begin, min(begin + CHUNK, len(hidden)), BLOCK):
                block = slice(first, min(first + BLOCK, begin + CHUNK))
                weights = None if rows is None else rows[block]
                part = logits[first - begin : first - begin + BLOCK].add_(bias)
                sums += _softmax_in_place(part, wanted[block], smoothing, weights)
            if d_hidden is not None and d_weight is not None and d_bias is not None:
                torch.mm(logits, weight, out=d_hidden[chunk])
                d_weight.addmm_(logits.t(), hidden[chunk], beta=1 if begin else 0)
                d_bias.addmv_(logits.t(), logits.new_ones(len(logits)), beta=1 if begin else 0)
        if learning:
            ctx.save_for_backward(d_hidden, d_weight, d_bias)
        trained, nats = sums.unbind()
        ctx.mark_non_differentiable(nats)
        return trained, nats

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, trained: Tensor, nats: Tensor) -> tuple[Tensor | None, ...]:
        d_hidden, d_weight, d_bias = ctx.saved_tensors
        return d_hidden * trained, d_weight * trained, d_bias * trained, None, None, None


def _gradients(hidden: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where the gradients are added up; zero where there are no rows to begin with."""
    make = torch.empty_like if len(hidden) else torch.zeros_like
    return make(hidden), make(weight), make(bias)


def _softmax_in_place(logits: Tensor, wanted: Tensor, smoothing: float, rows: Tensor | None) -> Tensor:
    """Logits (n, V) become the gradient of the trained loss; (2,) the two sums of these rows."""
    symbols = logits.shape[1]
    mean = logits.mean(1) if smoothing else None
    own = logits.gather(1, wanted[:, None])[:, 0]
    top = logits.amax(1, keepdim=True)
    total = logits.sub_(top).exp_().sum(1, keepdim=True)
    log_total = (total.log() + top)[:, 0]
    nats = log_total - own
    trained = nats if mean is None else (1 - smoothing) * nats + smoothing * (log_total - mean)
    logits.mul_(1 / total)
    if smoothing:
        logits.sub_(smoothing / symbols)
    logits.scatter_add_(1, wanted[:, None], logits.new_full((len(logits), 1), smoothing - 1))
    if rows is not None:
        logits.mul_(rows[:, None])
        nats, trained = nats * rows, trained * rows
    return torch.stack((trained.sum(), nats.sum()))
