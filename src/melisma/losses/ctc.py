"""Connectionist temporal classification: labels without their places, summed over all paths (Graves et al. 2006).

A path says a symbol at every frame; ``collapse`` merges what repeats and drops the blanks. The loss is the sum over
all paths that collapse to the labels, ``align`` finds the likeliest of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from melisma.errors import Refusal
from melisma.losses.forward_backward import all_paths, chunks
from melisma.ragged import Ragged, exact

Frames = Tensor | NDArray[Any]  # numbers of frames, from a model or from a search


def ctc_loss(logits: Ragged, labels: Ragged, blank: int = 0) -> Tensor:
    """(B,) -log Σ_path Π_t softmax(logits_t)[path_t] over the paths that collapse to the labels, in nats (eq. 3).

    logits: rows (N, V), a row a frame; labels: rows (M,) int64, none of them the blank; the result in the caller's
    order. A sequence with fewer frames than its labels need (``required``) has no path: inf, and no gradient. NaN among
    a sequence's logits makes its loss NaN, and nobody else's. Within ``exactly()`` each sequence is on its own.
    """
    _check(logits, labels, blank)
    if exact() and logits.batch > 1:
        each = [torch.tensor([position], device=logits.place.device) for position in range(logits.batch)]
        return torch.cat([ctc_loss(logits.take(position), labels.take(position), blank) for position in each])
    loss: Tensor = _Loss.apply(logits.rows, logits, labels, blank)  # type: ignore[no-untyped-call]
    return loss


def _check(logits: Ragged, labels: Ragged, blank: int) -> None:
    if logits.batch != labels.batch:
        raise ValueError(f"{logits.batch} sequences of logits cannot have {labels.batch} sequences of labels")
    symbols = logits.rows.shape[1]
    if bool(((labels.rows == blank) | (labels.rows < 0) | (labels.rows >= symbols)).any()):
        raise _no_labels(symbols, blank)


def _no_labels(symbols: int, blank: int) -> ValueError:
    return ValueError(f"labels must be symbols from 0 to {symbols - 1} other than the blank, which is {blank}")


class _Loss(torch.autograd.Function):
    """The gradient is made with the loss: softmax(logits) less the posterior of each symbol (their equation 16)."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, layout: Ragged, labels: Ragged, blank: int) -> Tensor:
        log_p = _log_softmax(rows)
        paths = all_paths(layout, log_p, labels, blank)
        nats = -paths.log_total.to(rows.dtype)
        if ctx.needs_input_grad[0]:
            gradient = log_p.exp_()
            for part, count in chunks(layout):
                posterior = paths.occupation[part].to(log_p.dtype).neg_().view(-1, count, paths.symbols.shape[1])
                symbols = paths.symbols[:count].expand_as(posterior)
                gradient[part].view(-1, count, rows.shape[1]).scatter_add_(2, symbols, posterior)
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
    """Their equations 6 to 8, on states that are blank and label by turns; before the first frame it is in a blank."""
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
    _check(logits, labels, blank)
    with torch.no_grad():
        return logits.with_rows(all_paths(logits, _log_softmax(logits.rows), labels, blank).occupation)


def required(labels: Sequence[int]) -> int:
    """How many frames labels need at least: one each, and a blank between two that are equal."""
    return len(labels) + sum(one == other for one, other in pairwise(labels))


def collapse(path: Sequence[int], blank: int = 0) -> list[int]:
    """What a path says: repeated symbols merged, then blanks dropped (their function B)."""
    return [symbol for symbol, _ in groupby(path) if symbol != blank]


class Alignment(NamedTuple):
    """The likeliest path to given labels."""

    spans: list[tuple[int, int]]  # frames begin to end (left out) of each label; between them are blanks
    path: list[int]  # the symbol of each frame
    log_probability: float  # of this path, nats; the priors, if any, not taken off


def align(log_probabilities: Frames, labels: Sequence[int], blank: int = 0) -> list[tuple[int, int]]:
    """Frames begin to end (left out) of each label on the likeliest path to them: ``viterbi``'s spans."""
    return viterbi(log_probabilities, labels, blank).spans


def viterbi(
    log_probabilities: Frames,
    labels: Sequence[int],
    blank: int = 0,
    *,
    log_priors: Frames | None = None,
    prior_weight: float = 0.4,
) -> Alignment:
    """The path of the greatest Π_t p_t(path_t) that collapses to the labels: the maximum where the loss has the sum.

    log_probabilities (T, V) in nats, labels (U,). What CTC has learned says a symbol late and briefly, and blanks for
    the rest: with ``log_priors`` (V,), the logarithm of each symbol's mean probability over the training's frames, the
    path is that of the greatest Π_t p_t / prior^prior_weight, on which symbols last. Refuses fewer frames than the
    labels need, and labels that have no path of a probability above 0.
    """
    log_p = _numbers(log_probabilities)
    if any(label == blank or not 0 <= label < log_p.shape[1] for label in labels):
        raise _no_labels(log_p.shape[1], blank)
    if len(log_p) < required(labels):
        raise Refusal(f"{len(log_p)} frames are too few for {len(labels)} labels, which need {required(labels)}.")
    states = np.array([blank, *(symbol for label in labels for symbol in (label, blank))])
    with np.errstate(invalid="ignore"):
        scores = log_p if log_priors is None else log_p - prior_weight * _numbers(log_priors)
        visited, score = _best_states(scores[:, states], states, blank)
    if not np.isfinite(score):
        raise Refusal(
            f"the best path to these labels scores {score}: look for NaN and for symbols that are impossible."
        )
    path = states[visited]
    begins, ends = (np.searchsorted(visited, range(1, len(states), 2), side) for side in ("left", "right"))
    log_probability = log_p[np.arange(len(log_p)), path].sum()
    return Alignment(list(zip(begins.tolist(), ends.tolist())), path.tolist(), float(log_probability))


def _numbers(values: Frames) -> NDArray[np.float64]:
    return torch.as_tensor(values).detach().double().cpu().numpy()


def _best_states(scores: NDArray[np.float64], states: NDArray[np.int64], blank: int) -> tuple[NDArray[np.int64], float]:
    """Scores (T, S) of states that are blank and label by turns -> the states of the best path (T,), and its score.

    Of equal ways the one that stays is taken, then the one from the state before; a path rather ends in its label.
    """
    skips = np.zeros(len(states), bool)
    skips[2:] = (states[2:] != blank) & (states[2:] != states[:-2])
    ways = np.full((3, len(states)), -np.inf)  # from the same state, from the one before, from the one before that
    best, moves = ways[0].copy(), np.zeros(scores.shape, np.int64)
    best[0] = 0
    for now, move in zip(scores, moves):
        ways[0], ways[1, 1:], ways[2, skips] = best, best[:-1], best[:-2][skips[2:]]
        ways.argmax(0, out=move)
        best = ways.max(0) + now
    visited = np.empty(len(scores), np.int64)
    last = state = len(states) - 1 - int(len(states) > 1 and best[-2] >= best[-1])
    for frame in range(len(scores) - 1, -1, -1):
        visited[frame] = state
        state -= moves[frame, state]
    return visited, float(best[last])
