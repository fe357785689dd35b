"""In which order examples are learned: pure functions of (seed, epoch), so that a resumed training sees the same."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from melisma.errors import Refusal
from melisma.task import Made, Order, Windows

if TYPE_CHECKING:
    from melisma.task import Lengths

AT_ONCE = 1 << 19  # places that are sorted together, unless more have one length
PART = 1 << 16  # numbers that are drawn at once


def drawn(seed: int, *names: object) -> int:
    """A seed of its own for everything random, from the training's seed and names: 63 bits."""
    text = "/".join(str(name) for name in (seed, *names))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def steps_of(order: Order, *, seed: int, epoch: int) -> Sequence[Sequence[Any]]:
    """The steps of an epoch, each with what is chosen for it; Refusal where there is nothing to learn from."""
    if isinstance(order, Windows):
        return windows(order.length, order.streams, order.window, seed=seed, epoch=epoch)
    if isinstance(order, Made):
        return numbered(order.new, order.size, order.repeats, seed=seed, epoch=epoch)
    return by_length(order.lengths, order.budget, seed=seed, epoch=epoch)


def chosen(order: Order, encoded: Sequence[Any], choice: Sequence[Any]) -> list[Any]:
    """What a step's choice stands for: whole examples, or a window of each stream and the symbol after it."""
    if isinstance(order, Windows):
        return [encoded[begin : end + 1] for begin, end in choice]
    return [encoded[place] for place in choice]


class Batches(Sequence[list[int]]):
    """Batches of places: an array that holds all places and another that says where each batch lies in it."""

    def __init__(self, places: NDArray[Any], begins: NDArray[Any], order: NDArray[Any]) -> None:
        self._places, self._begins, self._order = places, begins, order

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, index: int) -> list[int]: ...
    @overload
    def __getitem__(self, index: slice) -> list[list[int]]: ...
    def __getitem__(self, index: int | slice) -> list[int] | list[list[int]]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        begin, end = self._begins[(place := self._order[index])], self._begins[place + 1]
        found: list[int] = self._places[begin:end].tolist()
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


def by_length(lengths: Lengths, budget: int, *, seed: int, epoch: int) -> Batches:
    """Batches of examples of about one length, each of at most ``budget`` steps (a longer one stands alone), shuffled.

    ``lengths`` holds (steps, tie) of each example: sorting is by steps with a little noise, so that batches differ from
    epoch to epoch, then by the tie, then by lot. Within a batch the largest counts for all, as it does in a padded
    copy. Refusal where there is no example.
    """
    if not len(lengths):
        raise Refusal("there is no example to train on: at least one is wanted")
    columns = np.asarray(lengths)

    def generator() -> Generator:
        return np.random.default_rng(drawn(seed, "order", epoch))

    random = generator()
    random.bit_generator.advance(len(columns))  # type: ignore[attr-defined]  # the lots come first: drawn when needed
    noisy = np.empty(len(columns), dtype=np.uint32 if columns[:, 0].max() >= 60_000 else np.uint16)
    for part in _parts(len(columns)):
        noisy[part] = np.floor(columns[part, 0] + 2 * random.random(part.stop - part.start))
    places = _sorted(noisy, columns[:, 1], generator())
    begins = _cut(columns[:, 0], places, budget)
    return Batches(places, begins, random.permutation(len(begins) - 1).astype(np.int32))


def _sorted(noisy: NDArray[Any], ties: NDArray[Any], lots: Generator) -> NDArray[np.int32]:
    """Places in the order of (noisy, tie, lot): what has the same few lengths is sorted at a time, to bound memory."""
    upto, begin = np.cumsum(np.bincount(noisy)), lots.bit_generator.state
    found = np.empty(len(noisy), dtype=np.int32)
    done = low = 0
    while done < len(noisy):
        first, beyond = np.searchsorted(upto, (done, done + AT_ONCE), side="right").tolist()
        high = max(first + 1, beyond)
        lots.bit_generator.state = begin
        some: tuple[list[NDArray[Any]], list[NDArray[Any]]] = ([], [])
        for part in _parts(len(noisy)):
            drawn_here = lots.random(part.stop - part.start)
            inside = np.flatnonzero((noisy[part] >= low) & (noisy[part] < high))
            some[0].append((inside + part.start).astype(np.int32))
            some[1].append(drawn_here[inside])
        members, lot = np.concatenate(some[0]), np.concatenate(some[1])
        found[done : done + len(members)] = members[np.lexsort((lot, ties[members], noisy[members]))]
        done, low = done + len(members), high
    return found


def _cut(steps: NDArray[Any], places: NDArray[np.int32], budget: int) -> NDArray[np.int64]:
    """Where each batch begins among the sorted places, and where the last one ends."""
    begins, count, largest, at = array("q", [0]), 0, 0, 0
    for part in _parts(len(places)):
        for length in steps[places[part]].tolist():
            largest = max(largest, length)
            if count and largest * (count + 1) > budget:
                begins.append(at)
                count, largest = 0, length
            count, at = count + 1, at + 1
    begins.append(at)
    return np.frombuffer(begins, dtype=np.int64)


def _parts(count: int) -> Iterator[slice]:
    for begin in range(0, count, PART):
        yield slice(begin, min(begin + PART, count))


def windows(length: int, streams: int, window: int, *, seed: int, epoch: int) -> list[list[tuple[int, int]]]:
    """A long text as ``streams`` parallel streams, read window by window, each of a length drawn around ``window``.

    Steps of one epoch, in order; each a list of (begin, end), one a stream, the symbol at ``end`` being the last to be
    predicted. The lengths are normal around ``window``, one in twenty around its half, so that the cuts differ from
    epoch to epoch (Merity et al. 2018, section 4.1). Refusal where the text is too short for so many streams.
    """
    random = np.random.default_rng(drawn(seed, "windows", epoch))
    share = (length - 1) // streams
    if share < 1:
        raise Refusal(
            f"the training text has {length} symbols, too few for {streams} streams side by side: fewer are wanted"
        )
    steps, begin = [], 0
    while begin < share:
        around = window if random.random() < 0.95 else window / 2
        wide = max(1, round(random.normal(around, window / 10)))
        end = min(begin + wide, share)
        steps.append([(stream * share + begin, stream * share + end) for stream in range(streams)])
        begin = end
    return steps


def numbered(count: int, size: int, repeats: int, *, seed: int, epoch: int) -> list[list[int]]:
    """Batches of ``size`` of the numbers of ``count`` examples made for an epoch; the last of a round may be smaller.

    All are gone through once, then all again in another order, ``repeats`` times in all. Refusal of no example.
    """
    if count < 1:
        raise Refusal("no example is made for an epoch: at least one is wanted")
    random = np.random.default_rng(drawn(seed, "numbered", epoch))
    steps: list[list[int]] = []
    for _ in range(repeats):
        places = (epoch * count + random.permutation(count)).tolist()
        steps += [places[begin : begin + size] for begin in range(0, count, size)]
    return steps
