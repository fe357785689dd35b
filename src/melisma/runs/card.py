"""The model card: what ``show`` tells of a run, as a page of Markdown that travels with it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from melisma.errors import Failure, Refusal
from melisma.runs.facts import facts_unchecked
from melisma.runs.layout import CARD
from melisma.runs.sections import Section, sections
from melisma.text.unicode import printable

if TYPE_CHECKING:
    from melisma.runs.write import RunWriter

_MEANT = frozenset("\\`*[]|~#")  # what Markdown would obey


def card(path: str | Path) -> str:
    """The model card as Markdown; it does not say where the run lies, so that it stays right when the run moves."""
    known = facts_unchecked(path)
    head = f"---\nlibrary_name: melisma\n---\n\n# {_cell(known.recipe)}, trained with Melisma\n"
    return head + "".join(map(_section, sections(known, page=True)))


def write_card(writer: RunWriter) -> None:
    """Writes the card into the run; a page about a model is not worth a failure, and so there is none."""
    with contextlib.suppress(Failure, Refusal):
        writer.write_page(CARD, card(writer.path))


def _section(one: Section) -> str:
    parts = [f"\n## {_cell(one.title)}\n"]
    if one.rows:
        parts.append(_table(("", ""), one.rows, frozenset()))
    if one.table:
        parts.append(_table(one.head, one.table, one.numbers))
    return "".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: frozenset[int]) -> str:
    rule = ["--:" if column in numbers else "---" for column in range(len(head))]
    lines = [_line(map(_cell, head)), "|" + "|".join(rule) + "|", *(_line(map(_cell, row)) for row in rows)]
    return "\n" + "\n".join(lines) + "\n"


def _line(cells: Sequence[str] | map[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(text: str) -> str:
    """Text that stays as it is in a table of Markdown, on one line, and never becomes a link, a tag or emphasis."""
    plain = printable(" ".join(text.split()))
    found = []
    for place, sign in enumerate(plain):
        within = 0 < place < len(plain) - 1 and plain[place - 1].isalnum() and plain[place + 1].isalnum()
        if sign in _MEANT or (sign == "_" and not within):
            found.append("\\" + sign)
        else:
            found.append({"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(sign, sign))
    return "".join(found).replace("://", ":&#47;/").replace("www.", "www&#46;").replace("@", "&#64;")
