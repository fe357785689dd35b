"""What ``melisma evaluate`` found: as tables for a terminal, and as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from melisma.command.columns import columns
from melisma.measures.units import ASKED, NO_ENDS, asked_of, called, figure, unit_of
from melisma.quoting import counted
from melisma.runs.layout import step_number
from melisma.settings.asked import searched
from melisma.settings.read import flat

if TYPE_CHECKING:
    from melisma.evaluation.beside import Beside
    from melisma.evaluation.evaluate import Evaluation
    from melisma.measures.by_length import Bucket
    from melisma.measures.measure import Measure

INTERVAL = "95 % interval"

Ends = tuple[float, float] | None


def told(found: Evaluation) -> list[str]:
    """Scores, in all and by length, and what they alone do not tell."""
    measures = list(found.measures.items())
    rows = [("measure", "value", "", INTERVAL, "signature")]
    rows += [
        (m.name, figure(key, m.value), unit_of(key), ends, m.signature)
        for (key, m), ends in zip(measures, _intervals(measures))
    ]
    lines = [*_about(found), "", *columns(rows, {1})]
    if any(one.ends is None for one in found.measures.values()):
        lines.append(f"{NO_ENDS}: whatever {found.example}s are drawn score the same, which says nothing of others")
    for key, buckets in found.by_length.items():
        scored = ", ".join(filter(None, (found.measures[key].name, unit_of(key))))
        header = (f"{found.unit} in", scored, INTERVAL, f"{ASKED.get(key, 'example')}s")
        lines += ["", *columns([header, *_buckets(key, buckets)], {0, 1, 3})]
    if found.details is not None:
        table = [found.details.head, *found.details.rows]
        lines += ["", *columns(table, _numbers(table))] if len(table) > 1 else []
        lines += ["", *found.details.sentences]
    return lines


def told_beside(found: Evaluation, beside: Beside) -> list[str]:
    """The figures of the other run, and by how much this one's are above or below."""
    other = beside.against
    names = [name for name in found.measures if name in other.measures]
    own = _intervals([(name, other.measures[name]) for name in names])
    gaps = [(name, beside.gaps.get(name)) for name in names]
    between = _aligned([(name, None if gap is None else gap.ends) for name, gap in gaps], "+")
    rows = [("measure", "value", "", INTERVAL, "difference", INTERVAL, "which")]
    for name, ends, apart in zip(names, own, between):
        difference = found.measures[name].value - other.measures[name].value
        told = (figure(name, other.measures[name].value), unit_of(name), ends, _signed(name, difference), apart)
        rows.append((other.measures[name].name, *told, beside.verdict(name)))
    head = [
        ("against", f"{other.run}, step {step_number(other.step):,}"),
        ("difference", f"{beside.names[0]} less {beside.names[1]}, on the same {found.example}s"),
    ]
    return ["", *columns(head), "", *columns(rows, {1, 4})]


def _about(found: Evaluation) -> list[str]:
    """What was measured, and how it was asked."""
    rows = [("run", f"{found.run}, step {step_number(found.step):,}")]
    rows += [("data", f"{','.join(one.corpus)} ({counted(one.pairs, found.example)})") for one in found.familiar]
    by_source = [name for name in found.measures if name in ASKED]
    if by_source:
        count = asked_of(by_source[0], found.measures[by_source[0]].count)
        says = f"{' and '.join(map(called, by_source))} {'count' if len(by_source) > 1 else 'counts'}"
        rows.append(("counted", f"{says} {count}, with all targets of each"))
    return columns([*rows, ("search", searched(found.search))])


def _buckets(key: str, buckets: Sequence[Bucket]) -> Iterator[tuple[str, str, str, str]]:
    between = _intervals([(key, bucket.measure) for bucket in buckets])
    for bucket, ends in zip(buckets, between):
        one = bucket.measure
        yield bucket.lengths, figure(key, one.value), ends, f"{one.count:,}"


def _intervals(measures: Sequence[tuple[str, Measure]]) -> list[str]:
    return _aligned([(key, one.ends) for key, one in measures])


def _aligned(intervals: Sequence[tuple[str, Ends]], sign: str = "") -> list[str]:
    """Both ends of each interval, so that the points of all of them align; a dash where there is none."""
    shown = _signed if sign else figure
    ends = [None if pair is None else [shown(key, end) for end in pair] for key, pair in intervals]
    low, high = (max((len(pair[side]) for pair in ends if pair), default=0) for side in (0, 1))
    return [NO_ENDS if pair is None else f"{pair[0]:>{low}} – {pair[1]:>{high}}" for pair in ends]


def _signed(measure: str, value: float) -> str:
    """A difference, with its sign."""
    return f"{'+' if value > 0 else ''}{figure(measure, value + 0.0)}"


def _numbers(rows: Sequence[Sequence[str]]) -> set[int]:
    """The columns of a table, but for its first, in which there is nothing but numbers."""
    shown = ["".join(row[place] for row in rows[1:]) for place in range(len(rows[0]))]
    return {place for place, cells in enumerate(shown) if place and not any(map(str.isalpha, cells))}


def plain(found: Evaluation) -> dict[str, Any]:
    """All of it, the answers included."""
    return {
        "run": found.run,
        "step": step_number(found.step),
        "data": [asdict(one) for one in found.familiar],
        "pairs": len(found.answers),
        "search": flat(found.search),
        "measures": _plain_measures(found),
        "by_length": {name: [_plain_bucket(one) for one in buckets] for name, buckets in found.by_length.items()},
        **({} if found.details is None else {"details": found.details.data}),
        "notes": list(found.notes),
        "dropped": list(found.dropped),
        "seconds": round(found.seconds, 2),
        "answers": [{"source": answer.source, "text": answer.text, "score": answer.score} for answer in found.answers],
    }


def plain_beside(found: Evaluation, beside: Beside) -> dict[str, Any]:
    """The other run without its answers, and what lies between the two."""
    other = beside.against
    gaps = {
        name: {"value": gap.value} | _plain_ends(gap.ends) | {"more_than_chance": gap.tells}
        for name, gap in beside.gaps.items()
    }
    return {
        "run": other.run,
        "step": step_number(other.step),
        "measures": _plain_measures(other),
        "by_length": {name: [_plain_bucket(one) for one in buckets] for name, buckets in other.by_length.items()},
        "differences": gaps,
        "sentences": list(beside.sentences),
        "notes": list(other.notes),
        "seconds": round(other.seconds, 2),
    }


def _plain_measures(found: Evaluation) -> dict[str, Any]:
    return {name: _plain_measure(one) | {"unit": unit_of(name)} for name, one in found.measures.items()}


def _plain_measure(one: Measure) -> dict[str, Any]:
    return asdict(one) | _plain_ends(one.ends)


def _plain_bucket(one: Bucket) -> dict[str, Any]:
    return asdict(one) | {"measure": _plain_measure(one.measure)}


def _plain_ends(ends: Ends) -> dict[str, float | None]:
    """An interval; null where there is none."""
    low, high = ends or (None, None)
    return {"low": low, "high": high}
