"""Connectionist temporal classification: labels without their places, summed over all paths (Graves et al. 2006).

A path says a symbol at every frame; ``collapse`` merges what repeats and drops the blanks. The loss is the sum over
all paths that collapse to the labels, ``align`` finds the likeliest of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from melisma.losses.forward_backward import all_paths
from melisma.ragged import Ragged, exact


def ctc_loss(logits: Ragged, labels: Ragged, blank: int = 0) -> Tensor:
    """(B,) -log Σ_path Π_t softmax(logits_t)[path_t] over the paths that collapse to the labels, in nats (eq. 8).

    logits: rows (N, V), a row a frame; labels: rows (M,) int64, none of them the blank; the result in the caller's
    order. A sequence with fewer frames than its labels need (``required``) has no path: inf, and no gradient. NaN among
    a sequence's logits makes its own loss and gradient NaN. Within ``exactly()`` each sequence is on its own.
    """
    if logits.batch != labels.batch:
        raise ValueError(f"{logits.batch} sequences of logits cannot have {labels.batch} sequences of labels")
    symbols = logits.rows.shape[1]
    if bool(((labels.rows == blank) | (labels.rows < 0) | (labels.rows >= symbols)).any()):
        raise ValueError(f"labels must be symbols from 0 to {symbols - 1} other than the blank, which is {blank}")
    if exact() and logits.batch > 1:
        each = [torch.tensor([position], device=logits.place.device) for position in range(logits.batch)]
        return torch.cat([ctc_loss(logits.take(position), labels.take(position), blank) for position in each])
    loss: Tensor = _Loss.apply(logits.rows, logits, labels, blank)  # type: ignore[no-untyped-call]
    return loss


class _Loss(torch.autograd.Function):
    """The gradient is made with the loss: softmax(logits) less the posterior of each symbol (their equation 15)."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, layout: Ragged, labels: Ragged, blank: int) -> Tensor:
        log_p = _log_softmax(rows)
        paths = all_paths(layout, log_p, labels, blank)
        nats = -paths.log_total.to(rows.dtype)
        if ctx.needs_input_grad[0]:
            gradient = log_p.exp_().scatter_add_(1, paths.symbols, paths.occupation.to(log_p.dtype).neg_())
            none = nats == torch.inf
            if bool(none.any()):
                gradient.masked_fill_(none[layout.owners, None], 0)
            ctx.owners = layout.owners
            ctx.save_for_backward(gradient.to(rows.dtype), none)
        return nats

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        gradient, none = ctx.saved_tensors
        return gradient * upstream.masked_fill(none, 0)[ctx.owners, None], None, None, None


def _log_softmax(rows: Tensor) -> Tensor:
    return functional.log_softmax(rows, -1, dtype=torch.promote_types(rows.dtype, torch.float32))


def plain_ctc_loss(logits: Ragged, labels: Ragged, blank: int = 0) -> Tensor:
    """The same as it is defined: one sequence after another, in logarithms, by autograd."""
    pairs = zip(logits.sequences(), labels.sequences())
    losses = [_plain_loss(functional.log_softmax(rows, -1), symbols.tolist(), blank) for rows, symbols in pairs]
    return torch.stack(losses) if losses else logits.rows.new_zeros(0)


def _plain_loss(log_p: Tensor, labels: Sequence[int], blank: int) -> Tensor:
    """Their equations 6 to 8, on states that are blanks and labels by turns; before the first frame there is a blank."""
    if len(log_p) < required(labels):
        return log_p[:0].sum() + torch.inf
    states = [blank, *(symbol for label in labels for symbol in (label, blank))]
    alpha: list[Tensor | None] = [log_p[:0].sum(), *([None] * (len(states) - 1))]
    for y in log_p:
        before = alpha
        alpha = []
        for s, symbol in enumerate(states):
            skips = s >= 2 and symbol not in (blank, states[s - 2])
            came = [each for each in before[max(0, s - 1 - skips) : s + 1] if each is not None]
            alpha.append(y[symbol] + torch.stack(came).logsumexp(0) if came else None)
    return -torch.stack([each for each in alpha[-2:] if each is not None]).logsumexp(0)


def occupation(logits: Ragged, labels: Ragged, blank: int = 0) -> Ragged:
    """Rows (N, 1 + U): how likely the frame is in each of the labels, in column 0 in any blank, the labels given.

    U is the number of labels of the longest; a sequence without a path has zeros. Without gradient, float64.
    """
    with torch.no_grad():
        return logits.with_rows(all_paths(logits, _log_softmax(logits.rows), labels, blank).occupation)


def required(labels: Sequence[int]) -> int:
    """How many frames labels need at least: one each, and a blank between two that are equal."""
    return len(labels) + sum(one == other for one, other in pairwise(labels))


def collapse(path: Sequence[int], blank: int = 0) -> list[int]:
    """What a path says: repeated symbols merged, then blanks dropped (their function B)."""
    return [symbol for symbol, _ in groupby(path) if symbol != blank]
