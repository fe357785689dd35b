"""The steps of a decoder as a table for a terminal."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from melisma.command.columns import GAP, columns
from melisma.task import Figure

FORCED, FREE = "hearing the target (teacher forcing)", "hearing itself (free running)"
BORDER, PARTING = "│", "≠"
HEAD = ("step", "heard", "target", "p", "says", "p", "or", BORDER, "heard", "says", "p", "or")
NUMBERS = {0, 3, 5, 10}  # columns that are aligned at their right


def lines(figure: Figure) -> list[str]:
    """A figure of kind ``steps``: what was heard, the target, what was said, the runners-up; then where they part."""
    data = figure.data
    whose = "given" if data["given"] else "the model's own answer"
    about = columns([("source", data["heading"][0]), ("target", f"{data['heading'][1]} ({whose})".lstrip())])
    pairs = enumerate(itertools.zip_longest(data["forced"], data["free"]))
    rows = [_row(number, forced, free, data["parting"]) for number, (forced, free) in pairs]
    table = columns([HEAD, *rows], NUMBERS)
    left = table[0].index(BORDER)
    above = GAP * 3 + FORCED.ljust(left - 3 * len(GAP)) + BORDER + GAP + FREE
    return [*about, "", above, *table, "", parting(figure)]


def parting(figure: Figure) -> str:
    """Where they part, in a sentence."""
    data, place = figure.data, figure.data["parting"]
    if place is None:
        return "the model on its own says the target to the end"
    wanted, said = (_at(data[side], place, name) for side, name in (("forced", "wanted"), ("free", "says")))
    return f"{PARTING} they part at step {place + 1}: the target has {wanted}, the model on its own says {said}"


def _at(steps: list[dict[str, Any]], place: int, name: str) -> str:
    return _symbol(steps[place][name]) if place < len(steps) else "nothing more"


def _row(number: int, forced: Mapping[str, Any] | None, free: Mapping[str, Any] | None, place: int | None) -> list[str]:
    left = [""] * 6 if forced is None else _side(forced)
    if forced is not None:
        left[1:1] = [_symbol(forced["wanted"]), _share(forced["likely"])]
    right = [""] * 4 if free is None else _side(free)
    return [str(number + 1), *left, PARTING if number == place else BORDER, *right]


def _side(step: Mapping[str, Any]) -> list[str]:
    runners_up = ", ".join(f"{_symbol(name)} {_share(share)}" for name, share in step["others"])
    return [_symbol(step["heard"]), _symbol(step["says"]), _share(step["share"]), runners_up]


def _symbol(name: str) -> str:
    return name.replace("▁", "␣")


def _share(share: float) -> str:
    return f"{share:.2f}"
