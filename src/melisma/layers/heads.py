"""Scaled dot-product attention in several heads at once, of queries that each see so many keys from the first on."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from melisma.ragged import exact

HELD = 2**24  # pairs of query and key that are compared at once at most, where nothing is learnt


def by_heads(
    query: Tensor, keys: Tensor, values: Tensor, seen: Tensor, heads: int, *, weighed: bool = False
) -> tuple[Tensor, Tensor | None]:
    """softmax(q k^T / sqrt(A / heads)) v in each head, side by side   (Vaswani et al. 2017, eq. 1 and section 3.2.2).

    query (B, T, A), keys and values (B, S, A), seen (B, T) how many keys, from the first on, each query may see -> what
    is read (B, T, A), zero where nothing is seen, and if ``weighed`` the mean of the heads' weights (B, T, S).
    """
    if not query.numel() or not keys.numel():
        return torch.zeros_like(query), query.new_zeros(*query.shape[:2], keys.shape[1]) if weighed else None
    if exact():
        return _one_by_one(query, keys, values, seen, heads)
    most = max(1, HELD // (len(query) * keys.shape[1] * (heads if weighed else 1)))
    if torch.is_grad_enabled() or query.shape[1] <= most:
        return _at_once(query, keys, values, seen, heads, weighed)
    parts = [
        _at_once(some, keys, values, few, heads, weighed)
        for some, few in zip(torch.split(query, most, 1), torch.split(seen, most, 1))
    ]
    weights = [weight for _, weight in parts if weight is not None]
    return torch.cat([read for read, _ in parts], 1), torch.cat(weights, 1) if weights else None


def parted(rows: Tensor, heads: int) -> Tensor:
    """(B, T, A) -> (B, heads, T, A / heads)."""
    return rows.view(*rows.shape[:-1], heads, -1).transpose(1, 2)


def _at_once(
    query: Tensor, keys: Tensor, values: Tensor, seen: Tensor, heads: int, weighed: bool
) -> tuple[Tensor, Tensor | None]:
    places = torch.arange(keys.shape[1], device=keys.device)
    hidden = (places >= seen.clamp(min=1)[:, :, None])[:, None]  # who sees nothing reads one row, and forgets it
    q, k, v = parted(query, heads), parted(keys, heads), parted(values, heads)
    weights = None
    if weighed:
        scores = (q @ k.transpose(2, 3)) / math.sqrt(q.shape[-1])
        shares = torch.softmax(scores.masked_fill(hidden, -torch.inf), -1)
        read, weights = shares @ v, shares.mean(1) * (seen > 0)[:, :, None]
    else:
        read = functional.scaled_dot_product_attention(q, k, v, attn_mask=~hidden)
    return read.transpose(1, 2).flatten(2) * (seen > 0)[:, :, None], weights


def _one_by_one(query: Tensor, keys: Tensor, values: Tensor, seen: Tensor, heads: int) -> tuple[Tensor, Tensor]:
    """Each query alone with what it sees: where bits are owed, nobody else's length may be seen."""
    read, weights = torch.zeros_like(query), query.new_zeros(*query.shape[:2], keys.shape[1])
    for b, counts in enumerate(seen.tolist()):
        for t, count in enumerate(counts):
            if count:
                q = query[b, t].view(heads, 1, -1).clone()
                k, v = (rows[b, :count].view(count, heads, -1).transpose(0, 1).clone() for rows in (keys, values))
                shares = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(q.shape[-1]), -1)
                read[b, t] = (shares @ v).flatten()
                weights[b, t, :count] = shares[:, 0].mean(0)
    return read, weights
