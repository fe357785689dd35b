"""Which of very many things hang together, and the first few of them in an order drawn by lot, in bounded memory."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melisma.files.scratch import Scratch

AT_ONCE = 1 << 18  # things that are looked at together
FIRST = 1024  # things by lot that are looked at first, at least

Whole = NDArray[np.int64]


class Groups:
    """Things that hang together where they share the digest of either side, one way or another.

    Digests and ranks are of eight bytes and lie in scratch files; a thing costs four bytes of memory. Among five
    million things two that differ share a digest with a chance of one in a million, and then they only stay together.
    """

    def __init__(self) -> None:
        self.size = 0
        self._sides, self._ranks = (Scratch(), Scratch()), Scratch()

    def add(self, left: bytes, right: bytes, rank: bytes) -> None:
        """One more thing: the digests of its sides and its lot, the lower the earlier; each of eight bytes."""
        self._sides[0].add(left)
        self._sides[1].add(right)
        self._ranks.add(rank)
        self.size += 1

    def drawn(self, key: Callable[[int], Any], largest: int) -> Iterator[list[int]]:
        """The groups of at most ``largest`` things, each the places of its things, sorted.

        They come by the lot of the thing whose ``key`` is the smallest of its group: a group's chance does not grow
        with its size. A key is only asked of those that are met before the caller has enough.
        """
        roots = self._roots()
        count, last = max(FIRST, 4 * largest), (-1, -1)
        while True:
            ranks, places = self._lowest(count, last)
            yield from _of_places(places, roots, key, largest)
            if len(places) < count:
                return
            last, count = (int(ranks[-1]), int(places[-1])), 4 * count

    def _roots(self) -> NDArray[np.int32]:
        """For each thing, the place of the first of its group (union-find, path halving)."""
        parent = array("i", range(self.size))

        def root(place: int) -> int:
            while parent[place] != place:
                parent[place] = parent[parent[place]]
                place = parent[place]
            return place

        for side in self._sides:
            for one, other in self._equal(side):
                low, high = sorted((root(one), root(other)))
                parent[high] = low
        found = np.frombuffer(parent, dtype=np.int32) if self.size else np.zeros(0, np.int32)
        for start in range(0, self.size, AT_ONCE):
            part = found[start : start + AT_ONCE]
            while (above := found[part]).tobytes() != part.tobytes():
                part[:] = above
        return found

    def _equal(self, side: Scratch) -> Iterator[tuple[int, int]]:
        """Places of things that share a digest, each with the one before; a part of all digests at a time."""
        parts = -(-self.size // (2 * AT_ONCE))
        for part in range(parts):
            some: tuple[list[NDArray[np.uint64]], list[Whole]] = ([], [])
            for start, numbers in _numbers(side):
                here = np.flatnonzero(numbers % np.uint64(parts) == part)
                some[0].append(numbers[here])
                some[1].append(start + here)
            digests, places = np.concatenate(some[0]), np.concatenate(some[1])
            order = np.argsort(digests, kind="stable")
            same = np.flatnonzero(digests[order[1:]] == digests[order[:-1]])
            yield from zip(places[order[same]].tolist(), places[order[same + 1]].tolist())

    def _lowest(self, count: int, last: tuple[int, int]) -> tuple[NDArray[np.uint64], Whole]:
        """The ``count`` lowest lots after the ``last`` (lot, place), and their places, in order."""
        lots, places = np.zeros(0, np.uint64), np.zeros(0, np.int64)
        for start, numbers in _numbers(self._ranks):
            here = start + np.arange(len(numbers))
            after = np.ones(len(numbers), bool)
            if last[0] >= 0:
                border = np.uint64(last[0])
                after = (numbers > border) | ((numbers == border) & (here > last[1]))
            if len(lots) == count:
                after &= numbers <= lots[-1]
            lots, places = np.concatenate((lots, numbers[after])), np.concatenate((places, here[after]))
            order = np.lexsort((places, lots))[:count]
            lots, places = lots[order], places[order]
        return lots, places


def _numbers(column: Scratch) -> Iterator[tuple[int, NDArray[np.uint64]]]:
    start = 0
    for block in column.blocks(size=8 * AT_ONCE):
        numbers = np.frombuffer(block, dtype=">u8").astype(np.uint64)
        yield start, numbers
        start += len(numbers)


def _of_places(places: Whole, roots: NDArray[np.int32], key: Callable[[int], Any], largest: int) -> Iterator[list[int]]:
    """The groups whose smallest key is at one of the places, in the order of these."""
    members = _members(np.unique(roots[places]), roots, largest)
    first: dict[int, int] = {}  # of each group that was met, where its smallest key is
    for place in places.tolist():
        root = int(roots[place])
        group = members.get(root)
        if group is None:
            continue
        if root not in first:
            first[root] = place if len(group) == 1 else min((key(one), one) for one in group)[1]
        if place == first[root]:
            yield group


def _members(wanted: NDArray[np.int32], roots: NDArray[np.int32], largest: int) -> dict[int, list[int]]:
    """The things of each wanted group, by the first of them; without those of more than ``largest``."""
    counts = np.zeros(len(wanted), np.int64)
    for _, numbers in _among(wanted, roots):
        counts += np.bincount(numbers, minlength=len(wanted))
    small = wanted[counts <= largest]
    found: dict[int, list[int]] = {int(root): [] for root in small}
    for places, numbers in _among(small, roots):
        for place, number in zip(places.tolist(), numbers.tolist()):
            found[int(small[number])].append(place)
    return found


def _among(wanted: NDArray[np.int32], roots: NDArray[np.int32]) -> Iterator[tuple[Whole, Whole]]:
    """Places of things whose group is wanted, and the number of that group among the wanted ones."""
    for start in range(0, len(roots) if len(wanted) else 0, AT_ONCE):
        part = roots[start : start + AT_ONCE]
        numbers = np.searchsorted(wanted, part).clip(max=len(wanted) - 1)
        there = np.flatnonzero(wanted[numbers] == part)
        yield start + there, numbers[there]
