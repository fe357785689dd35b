"""Cross-entropy over a vocabulary, in chunks: all logits of a batch at once are never held.

The gradient of each chunk is made while its logits are there, in the forward pass: the backward has nothing to
recompute.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

CHUNK = 256  # rows whose logits are held at once: few enough for a processor's cache, enough for a full matrix product


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
        d_hidden = torch.empty_like(hidden) if learning else None
        d_weight, d_bias = (torch.zeros_like(weight), torch.zeros_like(bias)) if learning else (None, None)
        trained, nats = hidden.new_zeros(()), hidden.new_zeros(())
        for begin in range(0, len(hidden), CHUNK):
            chunk = slice(begin, begin + CHUNK)
            weights = None if rows is None else rows[chunk]
            logits = torch.addmm(bias, hidden[chunk], weight.t())
            some_trained, some_nats = _softmax_in_place(logits, wanted[chunk], smoothing, weights)
            trained, nats = trained + some_trained, nats + some_nats
            if d_hidden is not None and d_weight is not None and d_bias is not None:
                torch.mm(logits, weight, out=d_hidden[chunk])
                d_weight.addmm_(logits.t(), hidden[chunk])
                d_bias += logits.sum(0)
        if learning:
            ctx.save_for_backward(d_hidden, d_weight, d_bias)
        ctx.mark_non_differentiable(nats)
        return trained, nats

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, trained: Tensor, nats: Tensor) -> tuple[Tensor | None, ...]:
        d_hidden, d_weight, d_bias = ctx.saved_tensors
        return d_hidden * trained, d_weight * trained, d_bias * trained, None, None, None


def _softmax_in_place(logits: Tensor, wanted: Tensor, smoothing: float, rows: Tensor | None) -> tuple[Tensor, Tensor]:
    """Logits (n, V) become the gradient of the trained loss; the two sums of these rows."""
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
    return trained.sum(), nats.sum()
