"""Settings in words: for ``melisma recipes`` and the documentation's tables."""

from __future__ import annotations

import re
from dataclasses import dataclass

from melisma.settings.leaves import Leaf, kind_words, range_words, shape, wanted
from melisma.settings.show import as_text


@dataclass(frozen=True)
class Described:
    """One setting, every part of it as text."""

    name: str  # dotted
    type: str
    default: str  # as it is typed after ``name=``; empty for an empty list
    range: str  # empty where there is none
    help: str
    why: str
    choices: tuple[str, ...]


def describe(cls: type) -> list[Described]:
    """All settings of a settings class, in the order written."""
    return [described(leaf) for leaf in shape(cls).leaves.values()]


def described(leaf: Leaf) -> Described:
    """One setting."""
    return Described(
        leaf.name,
        kind_words(leaf),
        as_text(leaf.default),
        range_words(leaf.meaning),
        leaf.meaning.help,
        leaf.meaning.why,
        leaf.meaning.choices,
    )


def typed_and_told(one: Described, value: str) -> tuple[str, str]:
    """A setting as it is typed with ``value``, and its help with what it takes, where that does not say it itself."""
    said = set(re.findall(r"\w+", one.help))
    values = one.range if said.issuperset(one.choices) else ", ".join(one.choices)
    if one.type.endswith(" or none") and "none" not in said:
        values += ", or none" if values else "or none"
    return f"{one.name}={value}", one.help + (f" ({values})" if values else "")


def table(cls: type) -> str:
    """The settings of a class as one Markdown table, a line each."""
    lines = ["| setting | what it is | values | default | why this default |", "|---|---|---|---|---|"]
    for one, leaf in zip(describe(cls), shape(cls).leaves.values(), strict=True):
        words = (*one.choices, "none") if leaf.optional else one.choices
        values = ", ".join(f"`{word}`" for word in words) if one.choices else wanted(leaf)
        default = f"`{one.default}`" if one.default else "nothing"
        cells = (f"`{one.name}`", one.help, values, default, one.why)
        lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
