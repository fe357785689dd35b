"""What is said in a scene, and when."""

from __future__ import annotations

from typing import NamedTuple


class Said(NamedTuple):
    """What is said in a scene: the number of a trigger word, or None for what is none; and when, in seconds."""

    word: int | None
    begin: float
    end: float
    group: int | None = None  # of what is no trigger word, and whole, the group of strangers that it is of
