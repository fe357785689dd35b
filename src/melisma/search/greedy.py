"""Greedy search: the likeliest symbol at every step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from melisma.contract import Step, take
from melisma.search.history import Ends, History
from melisma.search.hypothesis import Bounds, Hypothesis
from melisma.search.shortlist import shortlist


def greedy(step: Step, state: Any, bounds: Bounds) -> list[Hypothesis]:
    """The answer that takes the likeliest symbol at every step, the lower symbol where two are equal; one per sentence.

    ``state`` has one row per sentence. An answer without any possible next symbol (all −∞ or NaN) is cut there. The
    score is the log-probability, so this is beam search of width 1 without a length penalty.
    """
    with torch.no_grad():
        return _greedy(step, state, bounds)


def _greedy(step: Step, state: Any, bounds: Bounds) -> list[Hypothesis]:
    limits = bounds.fitted(step)
    sentences = len(limits)
    history = History(step.extent, bounds.traced)
    lengths, finished = torch.zeros_like(limits), torch.zeros_like(limits, dtype=torch.bool)
    totals = torch.zeros(sentences, dtype=torch.float64, device=limits.device)
    ends = torch.zeros_like(totals)
    alive = torch.arange(sentences, device=limits.device)
    symbols = torch.full_like(alive, bounds.first)
    staying = limits >= 0
    said = 0
    while True:
        if not bool(staying.all()):
            kept = staying.nonzero().flatten()
            alive, symbols = alive[kept], symbols[kept]
            if not len(alive):
                break
            step, state = step.keep(kept), take(state, kept)
        if not len(alive):
            break
        state, log_probabilities, trace = step(state, symbols)
        values, symbols = (part[:, 0] for part in shortlist(log_probabilities, 1, bounds.excluded(said)))
        values = values.double()
        history.append(alive, _only(symbols, values), 1, trace)
        possible = values > -torch.inf
        ended = possible & (symbols == bounds.last)
        staying = possible & ~ended & (said < limits[alive])
        said += 1
        totals[alive] += torch.where(ended | staying, values, 0.0)
        ends[alive] = torch.where(ended, values, 0.0)
        finished[alive] = ended
        lengths[alive] += staying
    return _read(history, lengths, finished, ends, totals)


def _only(symbols: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Parents, symbols and values of the single slot."""
    return torch.zeros_like(symbols)[:, None], symbols[:, None], values[:, None]


def _read(history: History, lengths: Tensor, finished: Tensor, ends: Tensor, totals: Tensor) -> list[Hypothesis]:
    sentence = torch.arange(len(lengths))
    tensors = (sentence, lengths, torch.zeros_like(lengths), finished, ends, totals, totals)
    return [answers[0] for answers in history.read(Ends(*(tensor.cpu().numpy() for tensor in tensors)))]
