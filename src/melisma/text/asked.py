"""What a caller asks of a model of texts."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from melisma.errors import Refusal
from melisma.quoting import quoted
from melisma.settings.show import shown


def texts(inputs: Any) -> tuple[list[str], bool]:
    """The texts to answer in their order, and whether it is a single one that stands by itself.

    Refusal where one is no text that a line can hold.
    """
    single = isinstance(inputs, str)
    if single:
        inputs = [inputs]
    if isinstance(inputs, bytes | bytearray | Mapping | Set) or not hasattr(inputs, "__iter__"):
        raise Refusal(f"the input is {shown(inputs)}; a text, or a list of texts, is wanted")
    found = list(inputs)
    for number, text in enumerate(found, 1):
        if not isinstance(text, str):
            raise Refusal(f"input {number} is {shown(text)}; text is wanted")
        if "\0" in text:
            raise Refusal(f"input {number} holds a NUL character, which no text does: {quoted(text)}; text is wanted")
        if not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text):
            raise Refusal(f"input {number} is not Unicode text: {quoted(text)}; text in UTF-8 is wanted")
    return found, single
