"""Values in words, for sentences and tables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

LONGEST: Final = 60  # characters of a text that a sentence quotes


def shown(value: object) -> str:
    """What was found, short enough and safe for one line of any terminal."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, int):
        digits = int(value.bit_length() * 0.30103) + 1
        return str(value) if digits <= 20 else f"a whole number of about {digits} digits"
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, str):
        return repr(value) if len(value) <= LONGEST else repr(value[:LONGEST]) + "…"
    if isinstance(value, os.PathLike):
        return shown(str(value))
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list | tuple):
        return "an empty list" if not value else f"a list of {len(value)}"
    return f"a value of type {type(value).__name__}"


def as_text(value: Any) -> str:
    """A setting's value as it is typed after ``name=``; several corpora stand with blanks between them."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        if value and isinstance(value[0], tuple):
            return " ".join(as_text(corpus) for corpus in value)
        return ",".join(item.replace(",", "\\,") for item in value)
    return str(value)
