"""Attention: what a decoder reads of what an encoder remembers, in every form of the recurrent literature side by side.

For each query (B, T, Q) a scorer compares it with each of S remembered positions; the weights are the softmax of the
scores over the positions that are there, and what is read is the weighted mean of the values. The fixed context vector,
which attention replaced (one vector for the whole sentence), stands here too: it has no weights and nothing to choose.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

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


Scorer = Fixed | Dot | General | Concat | Additive

ATTENTIONS: dict[str, Callable[[int, int, int], Scorer]] = {
    "fixed": Fixed,
    "additive": Additive,
    "dot": Dot,
    "general": General,
    "concat": Concat,
}


def attend(scorer: Scorer, query: Tensor, memory: Memory) -> tuple[Tensor, Tensor | None]:
    """Queries (B, T, Q) -> what is read (B, T, D), and weights (B, T, S), which the fixed context vector has not."""
    if isinstance(scorer, Fixed):
        return memory.summary[:, None, :].expand(-1, query.shape[1], -1), None
    if exact():
        return _one_by_one(scorer, query, memory)
    weights = masked_softmax(scorer.score(query, memory.keys), memory.mask[:, None, :])
    return weights @ memory.values, weights


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax over the last axis where ``mask`` is true, written to zero elsewhere; all zero where nothing is there."""
    weights = scores.masked_fill(~mask, -torch.inf)
    top = weights.amax(-1, keepdim=True).clamp(min=torch.finfo(scores.dtype).min)
    weights = torch.exp(weights - top.detach())
    return weights / weights.sum(-1, keepdim=True).clamp(min=torch.finfo(scores.dtype).tiny)


def _one_by_one(scorer: Scorer, query: Tensor, memory: Memory) -> tuple[Tensor, Tensor]:
    """Each query alone with its own sentence, unpadded: where bits are owed, nobody else's length may be seen."""
    read, weights = (
        torch.zeros_like(memory.values[:, :1]).repeat(1, query.shape[1], 1),
        query.new_zeros(*query.shape[:2], memory.mask.shape[1]),
    )
    for b, length in enumerate(memory.mask.sum(1).tolist()):
        for t in range(query.shape[1]):
            scores = scorer.score(query[b : b + 1, t : t + 1].clone(), memory.keys[b : b + 1, :length].clone())
            weight = functional.softmax(scores, -1)
            weights[b, t, :length] = weight[0, 0]
            read[b, t] = (weight @ memory.values[b : b + 1, :length].clone())[0, 0]
    return read, weights


def remembered(scorer: Scorer, encoded: Ragged, summary: Tensor) -> Memory:
    """The memory of encoded sentences, rows (N, D): padded to zero, with the scorer's keys."""
    keys = encoded.map(scorer.keys)
    values, mask = encoded.padded()
    return Memory(values, keys.padded()[0], mask, summary)
