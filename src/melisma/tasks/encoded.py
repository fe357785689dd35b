"""Pairs as symbols in bounded memory: a sequence like any other, whose numbers lie in a scratch file."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from struct import Struct
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from melisma.files.scratch import Scratch

Symbols = tuple[list[int], list[int]]
PLACE = Struct("<QII")  # where a pair begins, counted in symbols, and how many symbols either side has


class EncodedPairs(Sequence[Symbols]):
    """The symbols of pairs, added one after another; two bytes a symbol where the vocabulary allows it.

    What each pair counts in a batch and its tie is all that stays in memory, four bytes a pair if none of these
    numbers is above ``longest`` of 65,535 or less.
    """

    def __init__(self, vocabulary: int, longest: int) -> None:
        self._type = "H" if vocabulary <= 1 << 16 else "I"
        self._width = array(self._type).itemsize
        self._symbols, self._places = Scratch(), Scratch()
        self._costs = array("H" if longest < 1 << 16 else "I")  # cost and tie of each pair in turn

    def add(self, pair: Symbols, cost: tuple[int, int]) -> None:
        """One more pair, and what it counts; Refusal where the disk does not take it."""
        source, target = pair
        self._places.add(PLACE.pack(self._symbols.size // self._width, len(source), len(target)))
        self._symbols.add(array(self._type, source + target).tobytes())
        self._costs.extend(cost)

    @property
    def lengths(self) -> NDArray[Any]:
        """(N, 2) what each pair counts, and its tie; nothing can be added any more once this was asked for."""
        return np.frombuffer(self._costs, dtype=self._costs.typecode).reshape(-1, 2)

    def __len__(self) -> int:
        return len(self._costs) // 2

    @overload
    def __getitem__(self, index: int) -> Symbols: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Symbols]: ...
    def __getitem__(self, index: int | slice) -> Symbols | Sequence[Symbols]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(f"pair {index} of {len(self)}")
        begin, source, target = PLACE.unpack(self._places.read(PLACE.size * place, PLACE.size * (place + 1)))
        data = self._symbols.read(self._width * begin, self._width * (begin + source + target))
        symbols = array(self._type, data).tolist()
        return symbols[:source], symbols[source:]
