"""The words of a recording as a table for a terminal."""

from __future__ import annotations

from melisma.command.columns import columns
from melisma.task import Figure


def rows(figure: Figure) -> list[str]:
    """A figure of kind ``alignment``: each word, when it begins and ends in seconds, and how surely it is heard."""
    words = figure.data["words"]
    table = [(one["text"], f"{one['begin']:.2f}", f"{one['end']:.2f}", f"{one['confidence']:.2f}") for one in words]
    return columns([("word", "begin", "end", "confidence"), *table], {1, 2, 3})
