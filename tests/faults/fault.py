"""What a planted fault is."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """A wrong change, and the tests of which at least one must see it."""

    name: str
    file: str  # within the package
    old: str  # stands exactly once in the file
    new: str
    tests: tuple[str, ...]
