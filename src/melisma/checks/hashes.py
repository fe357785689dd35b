"""The hashes of very many pairs in bounded memory: rows that lie on the disk and come back with those that agree."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

import numpy as np
import numpy.typing as npt

from melisma.files.scratch import Scratch

AT_ONCE = 1 << 19  # rows that are held together
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

    def blocks(self) -> Iterator[Rows]:
        """All rows in turn, ``AT_ONCE`` at a time."""
        for block in self._rows.blocks(ROW.size * AT_ONCE):
            yield np.frombuffer(block, dtype="<i8").reshape(-1, NUMBER + 1)

    def alike(self, column: int) -> Iterator[Rows]:
        """All rows in parts, in order within each; those that agree in this column are in one part."""
        parts = -(-len(self) // AT_ONCE)
        for part in range(parts):
            yield np.concatenate([rows[rows[:, column] % parts == part] for rows in self.blocks()])


def again(hashes: npt.NDArray[np.int64]) -> Mask:
    """(N,) where something stands that stood before."""
    _, first = np.unique(hashes, return_index=True)
    found = np.ones(len(hashes), dtype=np.bool_)
    found[first] = False
    return found
