"""The hashes of very many pairs in bounded memory: rows that lie on the disk and come back with those that agree."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

import numpy as np
import numpy.typing as npt

from melisma.files.scratch import Scratch

AT_ONCE = 1 << 19  # rows that are held together
FAN_BITS = 4  # of a hash, by which rows are dealt out to 16 parts at a time
HASH_BITS = 64
ROW = Struct("<4q")
SOURCE, TARGET, PAIR, NUMBER = range(4)
"""The columns: hashes of the source, of the target and of both, and the number of the record."""

Rows = npt.NDArray[np.int64]  # (N, 4)
Mask = npt.NDArray[np.bool_]


class Hashes:
    """Rows in the order in which they were added; none of them stays in memory."""

    def __init__(self) -> None:
        self._rows = Scratch()

    def __len__(self) -> int:
        return self._rows.size // ROW.size

    def add(self, source: int, target: int, pair: int, number: int) -> None:
        """One more pair; Refusal where the disk does not take it."""
        self._rows.add(ROW.pack(source, target, pair, number))

    def extend(self, rows: Rows) -> None:
        """Several more; Refusal where the disk does not take them."""
        self._rows.add(rows.astype("<i8").tobytes())

    def blocks(self) -> Iterator[Rows]:
        """All rows in turn, ``AT_ONCE`` at a time."""
        for block in self._rows.blocks(ROW.size * AT_ONCE):
            yield np.frombuffer(block, dtype="<i8").reshape(-1, NUMBER + 1)

    def alike(self, column: int) -> Iterator[Rows]:
        """All rows in parts, in order within each; those that agree in this column are in one part.

        Each row is written about log16(N / AT_ONCE) times, more often where very many agree; a part has at most
        ``AT_ONCE``, or all of it agrees.
        """
        yield from _alike(self, column, 0)


def _alike(hashes: Hashes, column: int, shift: int) -> Iterator[Rows]:
    if len(hashes) <= AT_ONCE or shift >= HASH_BITS or _agrees(hashes, column):
        if len(hashes):
            yield np.concatenate(list(hashes.blocks()))
        return
    parts = _dealt(hashes, column, shift)
    while parts:  # each gives its room back before the next one is cut
        yield from _alike(parts.pop(), column, shift + FAN_BITS)


def _agrees(hashes: Hashes, column: int) -> bool:
    first = next(hashes.blocks())[0, column]
    return all(bool((rows[:, column] == first).all()) for rows in hashes.blocks())


def _dealt(hashes: Hashes, column: int, shift: int) -> list[Hashes]:
    """The rows by some bits of a hash."""
    parts = [Hashes() for _ in range(1 << FAN_BITS)]
    for rows in hashes.blocks():
        kinds = rows[:, column] >> shift & (len(parts) - 1)
        dealt = rows[np.argsort(kinds, kind="stable")]
        ends = np.cumsum(np.bincount(kinds, minlength=len(parts)))
        for part, some in zip(parts, np.split(dealt, ends[:-1])):
            part.extend(some)
    return parts


def again(hashes: npt.NDArray[np.int64]) -> Mask:
    """(N,) where something stands that stood before."""
    _, first = np.unique(hashes, return_index=True)
    found = np.ones(len(hashes), dtype=np.bool_)
    found[first] = False
    return found
