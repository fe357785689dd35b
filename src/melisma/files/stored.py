"""Pairs of texts in bounded memory: sequences like any other, whose texts lie in a scratch file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from struct import Struct
from typing import overload

import numpy as np
from numpy.typing import NDArray

from melisma.files.columns import Pair
from melisma.files.lines import Place
from melisma.files.scratch import Scratch

BLOCK = 1 << 20  # bytes that are read ahead
HEAD = Struct("<IQII")  # file, line, bytes of the source and of the target, before the texts themselves
OFFSET = Struct("<Q")  # where a pair begins


class StoredPairs(Sequence[Pair]):
    """Pairs in the order in which they were added; going through them reads ahead, a single one is found by place."""

    def __init__(self, pairs: Iterable[Pair] = ()) -> None:
        self._texts, self._begins, self._count = Scratch(), Scratch(), 0
        self._files: dict[str, int] = {}
        self.extend(pairs)

    def extend(self, pairs: Iterable[Pair]) -> None:
        """Adds pairs; Refusal where the disk does not take them."""
        for pair in pairs:
            source, target = pair.source.encode("utf-8", "surrogatepass"), pair.target.encode("utf-8", "surrogatepass")
            file = self._files.setdefault(pair.place.file, len(self._files))
            self._begins.add(OFFSET.pack(self._texts.size))
            self._texts.add(HEAD.pack(file, pair.place.line, len(source), len(target)) + source + target)
            self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Pair]:
        names, held, at = list(self._files), b"", 0
        for block in self._texts.blocks(size=BLOCK):
            held, at = held[at:] + block, 0
            while len(held) - at >= HEAD.size:
                file, line, source, target = HEAD.unpack_from(held, at)
                begin = at + HEAD.size
                if len(held) < begin + source + target:
                    break
                at = begin + source + target
                yield _pair(held, begin, begin + source, at, Place(names[file], line))

    @overload
    def __getitem__(self, index: int) -> Pair: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Pair]: ...
    def __getitem__(self, index: int | slice) -> Pair | Sequence[Pair]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(self._count))]
        place = _placed(index, self._count)
        begin = OFFSET.unpack(self._begins.read(OFFSET.size * place, OFFSET.size * (place + 1)))[0]
        file, line, source, target = HEAD.unpack(self._texts.read(begin, begin + HEAD.size))
        begin += HEAD.size
        data = self._texts.read(begin, begin + source + target)
        return _pair(data, 0, source, len(data), Place(list(self._files)[file], line))


class Without(Sequence[Pair]):
    """A sequence of pairs less those at some places; ``places`` are sorted, each once."""

    def __init__(self, pairs: Sequence[Pair], places: Sequence[int] | NDArray[np.int64]) -> None:
        self._pairs = pairs
        self._places: NDArray[np.int32] = np.asarray(places, dtype=np.int32)
        # how many pairs are left before each of those
        self._before = self._places - np.arange(len(self._places), dtype=np.int32)

    def __len__(self) -> int:
        return len(self._pairs) - len(self._places)

    def __iter__(self) -> Iterator[Pair]:
        left_out = map(int, self._places)
        following = next(left_out, -1)
        for place, pair in enumerate(self._pairs):
            if place == following:
                following = next(left_out, -1)
            else:
                yield pair

    @overload
    def __getitem__(self, index: int) -> Pair: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Pair]: ...
    def __getitem__(self, index: int | slice) -> Pair | Sequence[Pair]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        place = _placed(index, len(self))
        return self._pairs[place + int(np.searchsorted(self._before, place, side="right"))]


def _placed(index: int, count: int) -> int:
    place = index + count if index < 0 else index
    if not 0 <= place < count:
        raise IndexError(f"pair {index} of {count}")
    return place


def _pair(data: bytes, begin: int, middle: int, end: int, place: Place) -> Pair:
    return Pair(
        data[begin:middle].decode("utf-8", "surrogatepass"), data[middle:end].decode("utf-8", "surrogatepass"), place
    )
