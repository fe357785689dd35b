"""Attention: what a decoder reads of what an encoder remembers, in every form of the recurrent literature side by side.

For each query (B, T, Q) a scorer compares it with each of S remembered positions; the weights are the softmax of the
scores over the positions that are there, and what is read is the weighted mean of the values. The fixed context vector,
which attention replaced (one vector for the whole sentence), stands here too: it has no weights and nothing to choose.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from melisma.layers.heads import parted
from melisma.layers.initial import uniform
from melisma.ragged import Ragged, exact

HELD = 2**26  # numbers between query and score that are held at once at most: 256 MiB


class Memory(NamedTuple):
    """What an encoder remembers of B sentences; what search never changes."""

    values: Tensor  # (B, S, D) what can be read; zero where nothing is
    keys: Tensor  # (B, S, K) what queries are compared with: a scorer's own view of the values
    mask: Tensor  # (B, S) true where something is
    summary: Tensor  # (B, D) the whole sentence in one vector: the fixed context vector


def _compared(query: Tensor, keys: Tensor, vector: Tensor) -> Tensor:
    """v . tanh(q + k) of queries (B, T, A) and keys (B, S, A) -> (B, T, S).

    That goes through B T S A numbers; where these are too many, some queries are taken at a time, and what the backward
    needs of them is computed again.
    """
    most = max(1, HELD // max(1, keys.numel()))
    if query.shape[1] <= most:
        return _compared_at_once(query, keys, vector)
    parts = torch.split(query, most, 1)
    if not torch.is_grad_enabled():
        return torch.cat([_compared_at_once(part, keys, vector) for part in parts], 1)
    scores = [
        checkpoint(_compared_at_once, part, keys, vector, use_reentrant=False, preserve_rng_state=False)
        for part in parts
    ]
    return torch.cat(scores, 1)


def _compared_at_once(query: Tensor, keys: Tensor, vector: Tensor) -> Tensor:
    return torch.tanh(query[:, :, None, :] + keys[:, None, :, :]) @ vector


class Fixed(nn.Module):
    """No attention: the same vector of the whole sentence at every step   (Cho et al. 2014, eq. 7)."""

    def __init__(self, query_size: int, memory_size: int, size: int) -> None:
        super().__init__()

    def keys(self, values: Tensor) -> Tensor:
        return values

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        raise TypeError("the fixed context vector compares nothing")


class Dot(nn.Module):
    """score = q . k, both of one size   (Luong et al. 2015, eq. 8 "dot")."""

    def __init__(self, query_size: int, memory_size: int, size: int) -> None:
        super().__init__()
        if query_size != memory_size:
            raise ValueError(f"a query of {query_size} has no dot product with keys of {memory_size}")

    def keys(self, values: Tensor) -> Tensor:
        return values

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        return query @ keys.transpose(1, 2)


class General(nn.Module):
    """score = q^T W k   (Luong et al. 2015, eq. 8 "general")."""

    def __init__(self, query_size: int, memory_size: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(uniform(query_size, memory_size))

    def keys(self, values: Tensor) -> Tensor:
        return functional.linear(values, self.weight)

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        return query @ keys.transpose(1, 2)


class Concat(nn.Module):
    """score = v . tanh(W [q; k])   (Luong et al. 2015, eq. 8 "concat"): one matrix, no bias."""

    def __init__(self, query_size: int, memory_size: int, size: int) -> None:
        super().__init__()
        weight = uniform(size, query_size + memory_size)
        self.of_query = nn.Parameter(weight[:, :query_size].clone())
        self.of_key = nn.Parameter(weight[:, query_size:].clone())
        self.vector = nn.Parameter(uniform(1, size)[0])

    def keys(self, values: Tensor) -> Tensor:
        return functional.linear(values, self.of_key)

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        return _compared(functional.linear(query, self.of_query), keys, self.vector)


class Additive(nn.Module):
    """score = v . tanh(W q + b + U k)   (Bahdanau et al. 2015, section A.1.2): concat with a bias, as it was first."""

    def __init__(self, query_size: int, memory_size: int, size: int) -> None:
        super().__init__()
        self.of_query = nn.Parameter(uniform(size, query_size))
        self.of_key = nn.Parameter(uniform(size, memory_size))
        self.bias = nn.Parameter(torch.zeros(size))
        self.vector = nn.Parameter(uniform(1, size)[0])

    def keys(self, values: Tensor) -> Tensor:
        return functional.linear(values, self.of_key, self.bias)

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        return _compared(functional.linear(query, self.of_query), keys, self.vector)


class Location(nn.Module):
    """score = v . tanh(W q + b + V k + U f), f = F * the last weights   (Chorowski et al. 2015, eq. 8 and 9).

    F: so many filters of so many positions each, the middle one at the key's own; zeros beyond both ends and before
    the first step. What was read last is seen through the weights alone, which the decoder carries from step to step.
    """

    def __init__(self, query_size: int, memory_size: int, size: int, filters: int, width: int) -> None:
        super().__init__()
        if width % 2 == 0:
            raise ValueError(f"a filter of {width} positions has no middle one")
        self.of_query = nn.Parameter(uniform(size, query_size))
        self.of_key = nn.Parameter(uniform(size, memory_size))
        self.filters = nn.Parameter(uniform(filters, width))
        self.of_filters = nn.Parameter(uniform(size, filters))
        self.bias = nn.Parameter(torch.zeros(size))
        self.vector = nn.Parameter(uniform(1, size)[0])

    def keys(self, values: Tensor) -> Tensor:
        return functional.linear(values, self.of_key, self.bias)

    def score(self, query: Tensor, keys: Tensor, last: Tensor | None = None) -> Tensor:
        """Queries (B, T, Q), keys (B, S, A), last weights (B, T, S) or none -> (B, T, S)."""
        entered = functional.linear(query, self.of_query)
        if last is None:
            return _compared(entered, keys, self.vector)
        middle = self.filters.shape[1] // 2
        windows = functional.pad(last, (middle, middle)).unfold(2, self.filters.shape[1], 1)  # (B, T, S, width)
        found = functional.linear(functional.linear(windows, self.filters), self.of_filters)
        return torch.tanh(entered[:, :, None, :] + keys[:, None, :, :] + found) @ self.vector


class MultiHead(nn.Module):
    """Several scaled dot products at once, each in a part of the width   (Vaswani et al. 2017, section 3.2.2).

    In head h: weights_h = softmax(W_h q . K_h k / sqrt(A / heads)); what is read is O [V_1 sum weights_1 v; ...]. Every
    head's values enter after the sum, which comes to the same and leaves the memory as it is.
    """

    def __init__(self, query_size: int, memory_size: int, size: int, heads: int) -> None:
        super().__init__()
        if size % heads:
            raise ValueError(f"{heads} heads cannot share {size} features evenly")
        self.heads = heads
        self.of_query = nn.Parameter(uniform(size, query_size))
        self.of_key = nn.Parameter(uniform(size, memory_size))
        self.of_value = nn.Parameter(uniform(size, memory_size))
        self.leave = nn.Parameter(uniform(memory_size, size))

    def keys(self, values: Tensor) -> Tensor:
        return functional.linear(values, self.of_key)

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        """(B, T, Q) and (B, S, A) -> (B, heads, T, S)."""
        q, k = parted(functional.linear(query, self.of_query), self.heads), parted(keys, self.heads)
        return q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])

    def read(self, weights: Tensor, values: Tensor) -> Tensor:
        """Weights (B, heads, T, S) and values (B, S, D) -> (B, T, D)."""
        sums = weights @ values[:, None]  # (B, heads, T, D)
        entered = sums @ self.of_value.view(self.heads, -1, values.shape[2]).transpose(1, 2)
        return functional.linear(entered.transpose(1, 2).flatten(2), self.leave)


Scorer = Fixed | Dot | General | Concat | Additive | Location | MultiHead

ATTENTIONS: dict[str, Callable[..., Scorer]] = {  # widths of query, memory and score, and what a scorer has of its own
    "fixed": Fixed,
    "additive": Additive,
    "dot": Dot,
    "general": General,
    "concat": Concat,
    "location": Location,
    "multi_head": MultiHead,
}


def attend(scorer: Scorer, query: Tensor, memory: Memory, last: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
    """Queries (B, T, Q) -> what is read (B, T, D), and weights (B, T, S), which the fixed context vector has not.

    ``last`` (B, T, S) are the weights of the step before each query, where the scorer asks for them; of several heads
    the weights are the mean.
    """
    if isinstance(scorer, Fixed):
        return memory.summary[:, None, :].expand(-1, query.shape[1], -1), None
    if exact():
        return _one_by_one(scorer, query, memory, last)
    scores, mask = _scores(scorer, query, memory.keys, last), memory.mask[:, None, :]
    return _applied(scorer, masked_softmax(scores, mask if scores.dim() == 3 else mask[:, None]), memory.values)


def attend_in_turn(scorer: Scorer, query: Tensor, memory: Memory, last: Tensor) -> Tensor:
    """Queries of one step after another (B, T, Q), each with the weights of the one before -> what is read (B, T, D).

    ``last`` (B, S) are the weights before the first.
    """
    found = []
    for step in torch.split(query, 1, 1):
        read, weights = attend(scorer, step, memory, last[:, None])
        assert weights is not None
        found.append(read)
        last = weights[:, 0]
    return torch.cat(found, 1)


def _scores(scorer: Scorer, query: Tensor, keys: Tensor, last: Tensor | None) -> Tensor:
    return scorer.score(query, keys, last) if isinstance(scorer, Location) else scorer.score(query, keys)


def _applied(scorer: Scorer, weights: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    if isinstance(scorer, MultiHead):
        return scorer.read(weights, values), weights.mean(1)
    return weights @ values, weights


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax over the last axis where ``mask`` is true, written to zero elsewhere; all zero where nothing is there."""
    weights = scores.masked_fill(~mask, -torch.inf)
    top = weights.amax(-1, keepdim=True).clamp(min=torch.finfo(scores.dtype).min)
    weights = torch.exp(weights - top.detach())
    return weights / weights.sum(-1, keepdim=True).clamp(min=torch.finfo(scores.dtype).tiny)


def _one_by_one(scorer: Scorer, query: Tensor, memory: Memory, last: Tensor | None) -> tuple[Tensor, Tensor]:
    """Each query alone with its own sentence, unpadded: where bits are owed, nobody else's length may be seen."""
    read, weights = (
        torch.zeros_like(memory.values[:, :1]).repeat(1, query.shape[1], 1),
        query.new_zeros(*query.shape[:2], memory.mask.shape[1]),
    )
    for b, length in enumerate(memory.mask.sum(1).tolist()):
        for t in range(query.shape[1] if length else 0):
            before = None if last is None else last[b : b + 1, t : t + 1, :length].clone()
            scores = _scores(
                scorer, query[b : b + 1, t : t + 1].clone(), memory.keys[b : b + 1, :length].clone(), before
            )
            found, weight = _applied(scorer, functional.softmax(scores, -1), memory.values[b : b + 1, :length].clone())
            weights[b, t, :length], read[b, t] = weight[0, 0], found[0, 0]
    return read, weights


class Keyed(Protocol):
    """What sees a memory in a way of its own."""

    def keys(self, values: Tensor) -> Tensor:
        """What is remembered, rows (N, D) -> (N, K)."""


def remembered(reader: Keyed, encoded: Ragged, summary: Tensor) -> Memory:
    """The memory of encoded sentences, rows (N, D): padded to zero, with the reader's keys."""
    keys = encoded.map(reader.keys)
    values, mask = encoded.padded()
    same = keys.rows is encoded.rows  # as a dot product compares the values themselves: padded once
    return Memory(values, values if same else keys.padded()[0], mask, summary)
