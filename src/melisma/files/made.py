"""Corpora that Melisma makes itself, by name: ``made:dates.train`` is written where the name of a file would be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from melisma.errors import Refusal
from melisma.files import dates
from melisma.files.columns import Pair
from melisma.files.lines import Place
from melisma.quoting import named

PREFIX = "made:"

MADE: Mapping[str, Callable[[], Iterator[tuple[str, str]]]] = {
    "dates.train": lambda: dates.pairs("train"),
    "dates.valid": lambda: dates.pairs("valid"),
    "dates.test": lambda: dates.pairs("test"),
}
"""Name -> its pairs; the same ones on every machine."""


def is_made(corpus: Sequence[str]) -> bool:
    """Whether a corpus is named rather than a file."""
    return len(corpus) == 1 and corpus[0].startswith(PREFIX)


def require_made(name: str) -> None:
    """Refusal where there is no corpus of this name."""
    if name.removeprefix(PREFIX) not in MADE:
        raise Refusal(
            f"{named(name)}: there is no such corpus; wanted is one of {', '.join(PREFIX + known for known in MADE)}"
        )


def made_pairs(name: str) -> list[Pair]:
    """The pairs of a corpus such as ``made:dates.train``; Refusal for a name that is not in ``MADE``."""
    require_made(name)
    make = MADE[name.removeprefix(PREFIX)]
    return [Pair(source, target, Place(name, number)) for number, (source, target) in enumerate(make(), 1)]
