"""The nearest right name for a wrong one, and the sentences that offer it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Final

from melisma.errors import Refusal
from melisma.settings.leaves import Shape
from melisma.settings.show import shown

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
LONGEST: Final = 80  # no setting has a longer name, and comparing costs the product of the lengths
CLOSE: Final = 0.6  # the ratio that difflib's own get_close_matches takes


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The known name that was probably meant: whole names and last parts are compared; None if nothing is close."""
    if len(name) > LONGEST:
        return None
    asked = name.lstrip("-").lower().replace("-", "_")
    best, height = None, CLOSE
    for known in names:
        close = _closeness(asked, known.lower())
        if close > height or (close == height and best is None):
            best, height = known, close
    return best


def _closeness(asked: str, known: str) -> float:
    """1 for the same name; a right last part under a wrong or missing group beats any misspelling."""
    whole = SequenceMatcher(None, asked, known).ratio()
    last = known.rpartition(".")[2]
    if asked.rpartition(".")[2] == last:
        return max(whole, 0.9 + 0.1 * whole)
    if "." in asked:
        return 0.9 * whole
    return 0.9 * max(whole, SequenceMatcher(None, asked, last).ratio())


def unknown(name: str, known: Shape) -> Refusal:
    """The refusal of a name that a settings class lacks, with the nearest right one and what it is."""
    named = name if NAME.fullmatch(name) and len(name) <= LONGEST else shown(name)
    near = nearest(name, known.leaves)
    if near is not None:
        return Refusal(f"unknown setting {named}: did you mean {near}? ({known.leaves[near].meaning.help})")
    top = [group + ".…" for group in known.groups if "." not in group]
    top += [leaf for leaf in known.leaves if "." not in leaf]
    return Refusal(f"unknown setting {named}: wants one of {', '.join(top)}")


def not_a_value(group: str, found: str, known: Shape) -> Refusal:
    """The refusal of a plain value for a group of settings; ``found`` is the value in words."""
    inside = [name for name in known.leaves if name.startswith(group + ".")]
    return Refusal(f"{group} is a group of settings and was given {found}: wants one of {', '.join(inside)}")
