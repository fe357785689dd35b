"""What processes that train one model tell each other when they meet, and what comes of it."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from melisma.errors import Busy, Failure, Refusal
from melisma.quoting import named

SHORT = 24  # characters of a value that a sentence quotes: a digest is longer


@dataclass
class Meeting:
    """What a process says there."""

    same: dict[str, str] = field(default_factory=dict)  # what must be the same on all, by what it is called
    word: str = ""  # what the first process says; afterwards all know it

    def told(self, refused: Refusal | Failure | None) -> bytes:
        """It as a message, with the sentence of a process that cannot go on."""
        fault = None if refused is None else [refused.exit_code, str(refused)]
        told = {"host": platform.node(), "fault": fault, "same": self.same, "word": self.word}
        return json.dumps(told).encode()


def agreed(messages: Sequence[bytes]) -> str:
    """The word of the first process, from what all have told in the order of their ranks.

    Raises what the first of those that cannot go on has said; Refusal where what is to be the same on all is not.
    """
    heard = [json.loads(one) for one in messages]
    _raise_first(heard)
    _compare(heard)
    return str(heard[0]["word"])


def _raise_first(heard: Sequence[Mapping[str, Any]]) -> None:
    kinds: dict[int, type[Exception]] = {kind.exit_code: kind for kind in (Failure, Refusal, Busy)}
    for rank, one in enumerate(heard):
        if one["fault"] is not None:
            code, text = one["fault"]
            raise kinds.get(code, Failure)(text if rank == 0 else f"{_called(rank, one)}: {text}")


def _compare(heard: Sequence[Mapping[str, Any]]) -> None:
    for rank, one in enumerate(heard):
        for name, value in heard[0]["same"].items():
            other = one["same"].get(name, "")
            if other != value:
                told = f" ({named(other)}, not {named(value)})" if max(len(value), len(other)) <= SHORT else ""
                raise Refusal(
                    f"{_called(rank, one)} does not have the {name} of process 0{told}: "
                    "processes that train one model want the same"
                )


def _called(rank: int, told: Mapping[str, Any]) -> str:
    return f"process {rank} on {named(str(told['host']))}"
