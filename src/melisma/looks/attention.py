"""What a decoder read while it wrote: the attention weights of one answer."""

from __future__ import annotations

from typing import Any

from melisma.errors import Refusal
from melisma.report.charts import MOST
from melisma.task import Figure
from melisma.text.unicode import normalise


def attention(answer: Any) -> Figure:
    """The map of an answer: a row for each token written (and the end), a column for each token read.

    Its heading is the source and the answer, apart: in one line, text from right to left would change their order.
    Raises Refusal where there is nothing to look at, or too much.
    """
    source = normalise(answer.source)
    if not source:
        raise Refusal("the input is blank, so there is nothing to look at: a text is wanted")
    length = len(answer.source_tokens)
    if length > MOST:
        raise Refusal(
            f"the input has {length:,} symbols; a map of at most {MOST} can be read: a shorter text is wanted"
        )
    if answer.attention is None:
        raise Refusal("this model has no attention to look at: it was trained with model.attention=none or fixed")
    written = [*answer.tokens, "</s>"][: len(answer.attention)]
    data = {
        "rows": written,
        "columns": list(answer.source_tokens),
        "values": [list(row) for row in answer.attention],
        "heading": [source, answer.text],
    }
    return Figure(f"{source} → {answer.text}", "heat", data)
