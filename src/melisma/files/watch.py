"""Long readings tell how far they are, if somebody watches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

EVERY = 0.5  # seconds between two lines
AT_ONCE = 1000  # items that pass between two looks at the clock

_told: ContextVar[Callable[[str], None] | None] = ContextVar("told", default=None)


@contextmanager
def watched(tell: Callable[[str], None]) -> Iterator[None]:
    """Within it ``tell`` is given a line, twice a second at most, of what is being read, learned or encoded."""
    token = _told.set(tell)
    try:
        yield
    finally:
        _told.reset(token)


def passing(what: str, items: Iterable[T], total: int | None = None) -> Iterable[T]:
    """The items as they are; whoever watches is told how many have passed, and of how many if that is known."""
    tell = _told.get()
    return items if tell is None else _passing(what, items, total, tell)


def _passing(what: str, items: Iterable[T], total: int | None, tell: Callable[[str], None]) -> Iterator[T]:
    left, passed, last = iter(items), 0, time.monotonic()
    while some := list(islice(left, AT_ONCE)):
        yield from some
        passed += len(some)
        if time.monotonic() - last >= EVERY:
            tell(f"{what}: {passed:,}" + (f" of {total:,}" if total is not None else ""))
            last = time.monotonic()
