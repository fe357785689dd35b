"""Errors of what was heard, taken apart: what kind they are, and who was not understood."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from melisma.measures.groups import Groups
from melisma.measures.normalisation import Unit
from melisma.measures.spoken import NAMES, Edits, ErrorRate, edits_of_each, of_each_speaker, seen_and_unseen, total
from melisma.measures.units import figure
from melisma.quoting import counted
from melisma.report.page import Cell, Table

UNITS: dict[str, Unit] = {"wer": "word", "cer": "character"}
"""Measure -> what it counts."""
KINDS = {"seen": "all who were heard in training", "unseen": "all strangers", "unknown": "all that are not named"}
"""Kind of speakers -> how a page calls them."""


class Spoken(NamedTuple):
    """What a page tells of errors."""

    remarks: tuple[str, ...]  # sentences
    speakers: Table | None  # None where fewer than two are known


def spoken(
    measures: Collection[str],
    answers: Sequence[str],
    references: Sequence[str],
    speakers: Groups,
    trained: Collection[str] | None,
) -> Spoken:
    """Substitutions, deletions and insertions, and errors by speaker; ``trained`` are the speakers of the training.

    None: nobody knows whom the training heard.
    """
    found = {name: edits_of_each(UNITS[name], answers, references) for name in UNITS if name in measures}
    remarks = tuple(_kinds(UNITS[name], total(edits)) for name, edits in found.items())
    first = next(iter(found), None)
    if first is None or len({speaker for speaker in speakers if speaker is not None}) < 2:
        return Spoken(remarks, None)
    title, edits = NAMES[UNITS[first]], found[first]
    rows: list[tuple[Cell, ...]] = []
    if trained is not None:
        apart = seen_and_unseen(title, edits, speakers, trained)
        rows += [_row(first, KINDS[kind], one) for kind, one in apart.items()]
    marked = frozenset(range(len(rows)))
    each = of_each_speaker(title, edits, speakers)
    rows += [_row(first, speaker or "not named", one) for speaker, one in each.items()]
    head = ("speaker", "recordings", f"{title}, %", "S", "D", "I", f"{UNITS[first]}s")
    return Spoken(remarks, Table(head, tuple(rows), marked, frozenset(range(1, len(head)))))


def _kinds(unit: Unit, found: Edits) -> str:
    """The errors of all recordings by kind, in a sentence."""
    length = counted(found.length, unit)
    if not found.errors:
        return f"{NAMES[unit]}: every one of {length} was heard, and nothing besides."
    return (
        f"{NAMES[unit]}: of {length} {found.substitutions:,} were heard as others (S), {found.deletions:,} not at all "
        f"(D), and {found.insertions:,} were heard that nobody said (I)."
    )


def _row(name: str, speaker: str, one: ErrorRate) -> tuple[Cell, ...]:
    rate = one.measure
    told = (figure(name, rate.value), f"{figure(name, rate.low)} – {figure(name, rate.high)}")
    numbers = (one.edits.substitutions, one.edits.deletions, one.edits.insertions, one.edits.length)
    return (speaker, f"{rate.count:,}", told, *(f"{number:,}" for number in numbers))
