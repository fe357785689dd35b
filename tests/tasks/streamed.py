"""Sound fed to a recogniser in chunks."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from melisma.tasks.listening import Said, Streams


def cut(model: Any, codec: Any, search: Any, wave: Any, sizes: Sequence[int]) -> list[Said]:
    """What is said in a wave whose chunks have these sizes, again and again."""
    stream, found, begin = Streams(model, codec, search, 1), list[Said](), 0
    for size in itertools.cycle(sizes):
        found += stream.feed([wave[begin : begin + size]])[0]
        begin += size
        if begin >= len(wave):
            break
    return found + stream.feed([wave[:0]], last=True)[0]
