"""Losses of trigger words: where a word has just ended its score must rise, everywhere else it must not.

Each word has a sigmoid of its own: several may be heard, or none. Sums are kept apart, as a false alarm and a miss
cost differently: what is trained is ``positive + weight * negative``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from melisma.ragged import Ragged
from melisma.sound.said import Said


class Span(NamedTuple):
    """Steps ``begin`` to ``end`` (left out) of one sequence, for one word."""

    sequence: int
    word: int
    begin: int
    end: int


def spans(said: Sequence[Sequence[Said]], step: float, early: float, late: float, steps: Sequence[int]) -> list[Span]:
    """Of the trigger words said in each sequence the steps at which they should be heard: around their ends.

    From ``early`` seconds before the end of a word to ``late`` after it, at ``step`` seconds a step, one step at least
    and none beyond the sequence's ``steps``; step j stands for j * step. A word that ends beyond them has no span.
    """
    found = []
    for place, (words, count) in enumerate(zip(said, steps)):
        for one in words:
            begin = max(0, round((one.end - early) / step))
            end = min(count, max(begin + 1, round((one.end + late) / step)))
            if one.word is not None and begin < end:
                found.append(Span(place, one.word, begin, end))
    return found


class SpottingLoss(NamedTuple):
    """Sums in nats by sequence, in the caller's order: over spans, and over the steps and words that lie in none."""

    positive: Tensor  # (B,)
    negative: Tensor  # (B,)


def max_pool_loss(logits: Ragged, wanted: Sequence[Span], focus: float = 0.0) -> SpottingLoss:
    """For each wanted span -log sigmoid(max over its steps of y); else -p^focus log sigmoid(-y)   (Sun et al. 2016).

    logits: rows (N, words). The word is heard once, wherever within the span that is easiest; its other steps are
    free. ``focus`` takes weight off what is right already (Lin et al. 2017, eq. 4).
    """
    padded, free = _laid(logits, wanted)
    positive = padded.new_zeros(logits.batch)
    if wanted:
        own = [padded[span.sequence, span.begin : span.end, span.word] for span in wanted]
        heard = torch.stack([steps.amax() for steps in own])
        positive = positive.index_add(0, _sequences(wanted, padded), functional.softplus(-heard))
    return SpottingLoss(positive, _elsewhere(padded, free, focus))


def windowed_loss(logits: Ragged, wanted: Sequence[Span], focus: float = 0.0) -> SpottingLoss:
    """For each wanted span the mean over its steps of -log sigmoid(y); else -p^focus log sigmoid(-y).

    logits: rows (N, words). Cross-entropy on a window after the word's end, a word counting as one whatever its span.
    """
    padded, free = _laid(logits, wanted)
    positive = padded.new_zeros(logits.batch)
    if wanted:
        means = [
            functional.softplus(-padded[span.sequence, span.begin : span.end, span.word]).mean() for span in wanted
        ]
        positive = positive.index_add(0, _sequences(wanted, padded), torch.stack(means))
    return SpottingLoss(positive, _elsewhere(padded, free, focus))


def plain_max_pool_loss(logits: Ragged, wanted: Sequence[Span], focus: float = 0.0) -> SpottingLoss:
    """The same as it is defined, one span and one step at a time."""
    return _plain(logits, wanted, focus, lambda steps: -functional.logsigmoid(steps.max()))


def plain_windowed_loss(logits: Ragged, wanted: Sequence[Span], focus: float = 0.0) -> SpottingLoss:
    """The same as it is defined, one span and one step at a time."""
    return _plain(logits, wanted, focus, lambda steps: -functional.logsigmoid(steps).mean())


def _plain(logits: Ragged, wanted: Sequence[Span], focus: float, heard: Callable[[Tensor], Tensor]) -> SpottingLoss:
    positive, negative = logits.rows.new_zeros(logits.batch), logits.rows.new_zeros(logits.batch)
    for place, y in enumerate(logits.sequences()):
        own = [span for span in wanted if span.sequence == place]
        for span in own:
            positive[place] += heard(y[span.begin : span.end, span.word])
        for t, word in product(range(len(y)), range(y.shape[1])):
            if not any(span.word == word and span.begin <= t < span.end for span in own):
                p = torch.sigmoid(y[t, word])
                negative[place] -= p**focus * functional.logsigmoid(-y[t, word])
    return SpottingLoss(positive, negative)


def _laid(logits: Ragged, wanted: Sequence[Span]) -> tuple[Tensor, Tensor]:
    """Logits (B, T, words), and true where they lie in no span."""
    padded, there = logits.padded()
    free = there[:, :, None].repeat(1, 1, padded.shape[2])
    lengths = logits.lengths().tolist()
    for span in wanted:
        if not 0 <= span.begin < span.end <= lengths[span.sequence]:
            raise ValueError(f"{span} lies not within the {lengths[span.sequence]} steps of its sequence")
        free[span.sequence, span.begin : span.end, span.word] = False
    return padded, free


def _sequences(wanted: Sequence[Span], like: Tensor) -> Tensor:
    return torch.tensor([span.sequence for span in wanted], device=like.device)


def _elsewhere(padded: Tensor, free: Tensor, focus: float) -> Tensor:
    nats = functional.softplus(padded)
    if focus:
        nats = nats * torch.sigmoid(padded) ** focus
    return torch.where(free, nats, 0.0).sum((1, 2))
