"""In which order examples are learned: pure functions of (seed, epoch), so that a resumed training sees the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np


def drawn(seed: int, *names: object) -> int:
    """A seed of its own for everything random, from the training's seed and names: 63 bits."""
    text = "/".join(str(name) for name in (seed, *names))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def by_length(lengths: Sequence[tuple[int, int]], budget: int, *, seed: int, epoch: int) -> list[list[int]]:
    """Batches of examples of about one length, each of at most ``budget`` steps (a longer example stands alone), shuffled.

    ``lengths`` holds (steps, tie) of each example: sorting is by steps with a little noise, so that batches differ from epoch to
    epoch, then by the tie. Within a batch the largest counts for all: what is sized is what a padded copy would hold.
    """
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
    """A long text cut into ``streams`` parallel streams, read window by window; each window's length is drawn around ``window``.

    Steps of one epoch, in order; each a list of (begin, end) a stream. The first window is of a drawn length, so that the cuts
    differ from epoch to epoch (Merity et al. 2018, section 4.1); the state is carried from one step to the next.
    """
    random = np.random.default_rng(drawn(seed, "windows", epoch))
    share = (length - 1) // streams
    steps, begin = [], 0
    while begin < share:
        wide = max(1, int(random.normal(window if random.random() < 0.95 else window / 2, window / 10)))
        end = min(begin + wide, share)
        steps.append([(stream * share + begin, stream * share + end) for stream in range(streams)])
        begin = end
    return steps
