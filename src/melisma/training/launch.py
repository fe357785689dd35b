"""Which process this is, of those that were started to train one model together; known before torch is loaded."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from melisma.errors import Refusal
from melisma.quoting import quoted

TOGETHER = "torchrun --nproc-per-node=2 -m melisma train … starts two processes that know of each other"
MOST = 100_000  # processes


@dataclass(frozen=True)
class Launch:
    """A process among others, as ``torchrun`` tells it: the first has the rank 0, says everything and alone writes."""

    rank: int = 0
    size: int = 1
    local: int = 0  # which one of those on this machine it is, and so which GPU is its own
    address: str = ""  # the machine of the first
    port: int = 0

    @property
    def leads(self) -> bool:
        """Whether this is the first, or the only one."""
        return self.rank == 0


def launched(environment: Mapping[str, str] | None = None) -> Launch:
    """Reads ``WORLD_SIZE``, ``RANK``, ``LOCAL_RANK``, ``MASTER_ADDR`` and ``MASTER_PORT``, which ``torchrun`` sets.

    Without ``WORLD_SIZE``, or with 1, a process is alone. Refusal where they contradict each other.
    """
    told = os.environ if environment is None else environment
    size = _number(told, "WORLD_SIZE", 1, MOST) if "WORLD_SIZE" in told else 1
    if size == 1:
        return Launch()
    rank = _number(told, "RANK", 0, size - 1)
    local = _number(told, "LOCAL_RANK", 0, size - 1) if "LOCAL_RANK" in told else rank
    return Launch(rank, size, local, _text(told, "MASTER_ADDR", size), _number(told, "MASTER_PORT", 1, 65_535))


def _text(told: Mapping[str, str], name: str, size: object) -> str:
    if not told.get(name):
        raise Refusal(
            f"WORLD_SIZE={size} says that several processes train together, and {name} is not set; {TOGETHER}"
        )
    return told[name]


def _number(told: Mapping[str, str], name: str, low: int, high: int) -> int:
    text = _text(told, name, told.get("WORLD_SIZE")) if name != "WORLD_SIZE" else told[name]
    if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
        raise Refusal(f"{name} is {quoted(text, 40)}, a whole number from {low} to {high:,} is wanted; {TOGETHER}")
    return int(text)
