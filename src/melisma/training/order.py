"""In which order examples are learned: pure functions of (seed, epoch), so that a resumed training sees the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from melisma.errors import Refusal
from melisma.task import ByLength, Order, Windows


def drawn(seed: int, *names: object) -> int:
    """A seed of its own for everything random, from the training's seed and names: 63 bits."""
    text = "/".join(str(name) for name in (seed, *names))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def steps_of(order: Order, *, seed: int, epoch: int) -> Sequence[Sequence[Any]]:
    """The steps of an epoch, each with what is chosen for it; Refusal where there is nothing to learn from."""
    if isinstance(order, Windows):
        return windows(order.length, order.streams, order.window, seed=seed, epoch=epoch)
    return by_length(order.lengths, order.budget, seed=seed, epoch=epoch)


def chosen(order: Order, encoded: Sequence[Any], choice: Sequence[Any]) -> list[Any]:
    """What a step's choice stands for: whole examples, or a window of each stream and the symbol after it."""
    if isinstance(order, ByLength):
        return [encoded[place] for place in choice]
    return [encoded[begin : end + 1] for begin, end in choice]


def by_length(lengths: Sequence[tuple[int, int]], budget: int, *, seed: int, epoch: int) -> list[list[int]]:
    """Batches of examples of about one length, each of at most ``budget`` steps (a longer one stands alone), shuffled.

    ``lengths`` holds (steps, tie) of each example: sorting is by steps with a little noise, so that batches differ from
    epoch to epoch, then by the tie. Within a batch the largest counts for all, as it does in a padded copy. Refusal
    where there is no example.
    """
    if not lengths:
        raise Refusal("there is no example to train on: at least one is wanted")
    random = np.random.default_rng(drawn(seed, "order", epoch))
    steps = np.array([length for length, _ in lengths], dtype=np.int64)
    ties = np.array([tie for _, tie in lengths], dtype=np.int64)
    order = np.lexsort((random.random(len(steps)), ties, np.floor(steps + 2 * random.random(len(steps)))))
    batches: list[list[int]] = []
    batch: list[int] = []
    largest = 0
    for index in order.tolist():
        larger = max(largest, int(steps[index]))
        if batch and larger * (len(batch) + 1) > budget:
            batches.append(batch)
            batch, larger = [], int(steps[index])
        batch.append(index)
        largest = larger
    if batch:
        batches.append(batch)
    return [batches[place] for place in random.permutation(len(batches)).tolist()]


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
