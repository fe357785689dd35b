"""What a decoder read while it wrote: the attention weights of one answer."""

from __future__ import annotations

from typing import Any

from melisma.errors import Refusal
from melisma.task import Figure

TASKS = ("translate",)


def attention(answer: Any) -> Figure:
    """The map of an answer: a row for each token written (and the end), a column for each token read."""
    if answer.attention is None:
        raise Refusal("this model has no attention to look at: it was trained with model.attention=none or fixed")
    written = [*answer.tokens, "</s>"][: len(answer.attention)]
    data = {"rows": written, "columns": list(answer.source_tokens), "values": [list(row) for row in answer.attention]}
    return Figure(f"{answer.source} → {answer.text}", "heat", data)
