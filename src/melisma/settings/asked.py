"""What was asked of a search, for people."""

from __future__ import annotations

from typing import Any

from melisma.settings.read import differences
from melisma.settings.show import as_text

ONLY_SEARCHED = ("beam", "length_penalty", "coverage_penalty")  # say nothing where answers are drawn


def searched(search: Any, group: str = "") -> str:
    """The beam, the temperature at which answers are drawn or the wanted rate of alarms, and all that was changed.

    ``group`` stands before the names.
    """
    changed = {name: value for name, _, value in differences(type(search)(), search)}
    if getattr(search, "temperature", None) is None:
        first = "beam" if hasattr(search, "beam") else "false_alarms"
        told = {first: getattr(search, first)} | changed
    else:
        told = {"temperature": search.temperature} | changed
        told = {name: value for name, value in told.items() if name not in ONLY_SEARCHED}
    return " ".join(f"{group}{name}={as_text(value)}" for name, value in told.items())
