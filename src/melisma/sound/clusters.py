"""Average linkage: things near each other are joined, the nearest first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Distances = NDArray[np.float32]


class Join(NamedTuple):
    """Two clusters that were joined, each told by one of its things, and how far they were apart on the average."""

    distance: float
    one: int
    other: int


def linkage(distances: Distances) -> list[Join]:
    """All N − 1 joins of N things by their distances (N, N), which are symmetric, in no particular order.

    d(A ∪ B, C) = (|A| d(A, C) + |B| d(B, C)) / (|A| + |B|) (Sokal and Michener 1958), joined along chains of nearest
    neighbours (Murtagh 1983): O(N²) time, one copy of the distances.
    """
    d = distances.astype(np.float32, copy=True)
    np.fill_diagonal(d, np.inf)
    sizes, joins, chain = np.ones(len(d), np.float32), list[Join](), list[int]()
    left = list(range(len(d)))
    while len(left) > 1:
        chain = chain or [left[0]]
        while True:
            a = chain[-1]
            b = int(d[a].argmin())
            if len(chain) > 1 and d[a, chain[-2]] <= d[a, b]:
                b = chain[-2]
                break
            chain.append(b)
        del chain[-2:]
        a, b = min(a, b), max(a, b)
        joins.append(Join(float(d[a, b]), a, b))
        row = (sizes[a] * d[a] + sizes[b] * d[b]) / (sizes[a] + sizes[b])
        d[a], d[:, a], d[a, a] = row, row, np.inf
        d[b], d[:, b] = np.inf, np.inf
        sizes[a] += sizes[b]
        left.remove(b)
    return joins


def clusters(joins: list[Join], count: int, most: float) -> NDArray[np.int64]:
    """(count,) the cluster of each thing, numbered from 0 in order of their first, where joins farther are undone."""
    parents = list(range(count))

    def root(thing: int) -> int:
        while parents[thing] != thing:
            parents[thing] = parents[parents[thing]]
            thing = parents[thing]
        return thing

    for join in joins:
        if join.distance <= most:
            parents[root(join.other)] = root(join.one)
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(root(thing), len(numbers)) for thing in range(count)], np.int64)
