"""Errors of what was heard, taken apart: what kind they are, and who was not understood."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from melisma.measures.groups import Groups
from melisma.measures.normalisation import Unit
from melisma.measures.spoken import NAMES, Edits, ErrorRate, edits_of_each, of_each_speaker, seen_and_unseen, total
from melisma.measures.units import between, figure
from melisma.quoting import counted
from melisma.report.page import Cell, Table
from melisma.task import Details

UNITS: dict[str, Unit] = {"wer": "word", "cer": "character"}
"""Measure -> what it counts."""
WORST = 5  # speakers that are told of where there is room for few
KINDS = {"seen": "all who were heard in training", "unseen": "all strangers", "unknown": "all that are not named"}
"""Kind of speakers -> how a page calls them."""


class Taken(NamedTuple):
    """Errors taken apart by the first of the measures."""

    name: str
    all_of: dict[str, ErrorRate]  # of seen, unseen and unknown speakers; empty where nobody knows whom training heard
    each: dict[str | None, ErrorRate]  # of each speaker; empty where fewer than two are known


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
    found = _edits(measures, answers, references)
    remarks = tuple(_kinds(UNITS[name], total(edits)) for name, edits in found.items())
    taken = _taken(found, speakers, trained)
    if taken is None or not taken.each:
        return Spoken(remarks, None)
    rows = [_row(taken.name, KINDS[kind], one) for kind, one in taken.all_of.items()]
    marked = frozenset(range(len(rows)))
    rows += [_row(taken.name, speaker or "not named", one) for speaker, one in taken.each.items()]
    unit = UNITS[taken.name]
    head = ("speaker", "recordings", f"{NAMES[unit]}, %", "S", "D", "I", f"{unit}s")
    return Spoken(remarks, Table(head, tuple(rows), marked, frozenset(range(1, len(head)))))


def details(
    measures: Collection[str],
    answers: Sequence[str],
    references: Sequence[str],
    speakers: Groups,
    trained: Collection[str] | None,
) -> Details | None:
    """What ``spoken`` tells, in few lines: of speakers those that training heard, the others, and the ``WORST`` of all.

    None where no error is counted.
    """
    found = _edits(measures, answers, references)
    taken = _taken(found, speakers, trained)
    if taken is None:
        return None
    sentences = [_kinds(UNITS[name], total(edits)) for name, edits in found.items()]
    named = [(speaker, one) for speaker, one in taken.each.items() if speaker is not None]
    worst = sorted(named, key=lambda pair: -pair[1].measure.value)[:WORST]
    rows = [(KINDS[kind], one) for kind, one in taken.all_of.items()] + worst
    if len(worst) < len(named):
        highest = NAMES[UNITS[taken.name]]
        sentences.append(f"Of {len(named):,} speakers the {WORST} with the highest {highest} are told.")
    unit = UNITS[taken.name]
    head = ("speaker", "recordings", f"{NAMES[unit]}, %", "95 % interval", "S", "D", "I", f"{unit}s")
    data: dict[str, Any] = {"errors": {name: total(edits)._asdict() for name, edits in found.items()}}
    if taken.each:
        data |= {
            "measure": taken.name,
            "speakers": {kind: _plain(one) for kind, one in taken.all_of.items()},
            "each": [{"speaker": speaker} | _plain(one) for speaker, one in taken.each.items()],
        }
    return Details(tuple(sentences), head, tuple(_flat(taken.name, *row) for row in rows), data)


def _edits(measures: Collection[str], answers: Sequence[str], references: Sequence[str]) -> dict[str, list[Edits]]:
    return {name: edits_of_each(UNITS[name], answers, references) for name in UNITS if name in measures}


def _taken(found: Mapping[str, list[Edits]], speakers: Groups, trained: Collection[str] | None) -> Taken | None:
    """The edits of the first measure by whose they are; None where there is none."""
    if not found:
        return None
    name, edits = next(iter(found.items()))
    title, known = NAMES[UNITS[name]], {speaker for speaker in speakers if speaker is not None}
    apart = {} if trained is None or not known else seen_and_unseen(title, edits, speakers, trained)
    return Taken(name, apart, of_each_speaker(title, edits, speakers) if len(known) > 1 else {})


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
    told = (figure(name, rate.value), between(name, rate.ends))
    return (speaker, f"{rate.count:,}", told, *(f"{number:,}" for number in one.edits))


def _flat(name: str, speaker: str, one: ErrorRate) -> tuple[str, ...]:
    """The row of a speaker without anything beneath anything."""
    rate = one.measure
    ends = between(name, rate.ends)
    return (speaker, f"{rate.count:,}", figure(name, rate.value), ends, *(f"{number:,}" for number in one.edits))


def _plain(one: ErrorRate) -> dict[str, Any]:
    rate = one.measure
    low, high = rate.ends or (None, None)
    return {"recordings": rate.count, "value": rate.value, "low": low, "high": high} | one.edits._asdict()
