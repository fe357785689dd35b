"""What was measured, as a page tells it: scores beside others, by length, and example by example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from melisma.evaluation.compare import Floor
from melisma.evaluation.differences import compared, shortened
from melisma.evaluation.evaluate import Evaluation
from melisma.evaluation.samples import Group, groups
from melisma.measures.asked import Asked, asked
from melisma.measures.by_length import Bucket
from melisma.measures.each import closest, each_of
from melisma.measures.measure import Measure, normalised, paired
from melisma.measures.units import ASKED, NO_ENDS, asked_of, axis, between, called, figure, most, told, unit_of
from melisma.report.page import Cell, Example, Examples, Recording, Scores, Table
from melisma.task import Figure

OTHERS = 12  # right answers that an example shows besides the closest, at most


@dataclass(frozen=True)
class Measured:
    """What a page tells of answers: the evaluation, its pairs, and what it stands beside."""

    name: str
    found: Evaluation
    sources: tuple[str, ...]
    references: tuple[str, ...]
    floors: tuple[Floor, ...] = ()
    maps: tuple[Figure, ...] = ()
    remarks: tuple[str, ...] = ()
    against: tuple[str, Evaluation] | None = None
    apart: tuple[str, ...] = ()  # sentences on what lies between the two
    example: str = "pair"  # what an example is called
    source: str = "source"  # what is asked in it
    recordings: Mapping[int, Recording] = field(default_factory=dict)  # of examples, by their places
    speakers: Table | None = None
    figures: tuple[Figure, ...] = ()  # of scores, besides bars
    told: tuple[Examples, ...] | None = None  # examples as the task tells them; None: text by text
    played: str = ""  # what stands beneath recordings


def scores(measured: Measured) -> Scores:
    """Every measure of the model, of the run it stands against, and of the floors."""
    columns = _columns(measured)
    names = list(measured.found.measures)
    rows: list[tuple[Cell, ...]] = []
    for name in names:
        cells = [_cell(name, measures.get(name)) for _, measures in columns]
        rows.append((", ".join(filter(None, (measured.found.measures[name].name, unit_of(name)))), *cells))
    table = Table(("measure", *(column for column, _ in columns)), tuple(rows))
    telling = dict.fromkeys((names[0], "exact", "chrf", *measured.found.by_length))
    shown = [name for name in telling if name in names][:2]
    figures = (*measured.figures, *(_bars(name, columns) for name in shown if measured.told is None))
    remarks = [
        *measured.apart,
        *measured.remarks,
        *(f"{floor.name.capitalize()}: {floor.how}" for floor in measured.floors),
    ]
    others = f"other {measured.example}s of this kind"
    alike = f"{NO_ENDS}: whatever {measured.example}s are drawn score the same, which says nothing of others."
    dash = "" if all(one.ends for one in measured.found.measures.values()) else f" {alike}"
    remarks += [f"Scores stand with their 95 % intervals: {others} would most likely score between.{dash}"]
    signatures = tuple((one.name, one.signature) for one in measured.found.measures.values() if one.signature)
    return Scores(table, figures, tuple(remarks), Table(("measure", "signature"), signatures) if signatures else None)


def _columns(measured: Measured) -> list[tuple[str, Mapping[str, Measure]]]:
    """Whatever answered, with its scores: the model first."""
    columns: list[tuple[str, Mapping[str, Measure]]] = [(measured.name, measured.found.measures)]
    if measured.against is not None:
        columns.append((measured.against[0], measured.against[1].measures))
    return columns + [(floor.name, floor.measures) for floor in measured.floors]


def _cell(name: str, one: Measure | None) -> Cell:
    return "–" if one is None else (figure(name, one.value), _ends(name, one))


def _ends(name: str, one: Measure) -> str:
    return between(name, one.ends)


def _bars(name: str, columns: Sequence[tuple[str, Mapping[str, Measure]]]) -> Figure:
    found = [(column, measures[name]) for column, measures in columns if name in measures]
    bars = [
        {"name": column, "value": one.value, "text": figure(name, one.value)}
        | ({} if one.ends is None else {"low": one.low, "high": one.high})
        | ({"strong": True} if number == 0 else {})
        for number, (column, one) in enumerate(found)
    ]
    unit = unit_of(name)
    title = ", ".join(filter(None, (called(name), unit)))
    better = "more" if found[0][1].better == "higher" else "less"
    return Figure(f"{title} ({better} is better)", "bars", {"bars": bars, "most": axis(name)[1]})


# --- by length


def by_length(measured: Measured) -> list[Figure]:
    """A chart for each measure that was taken in groups of source length, where there are several groups."""
    return [_lengths(name, measured) for name, buckets in measured.found.by_length.items() if len(buckets) > 1]


def _lengths(name: str, measured: Measured) -> Figure:
    runs = [(measured.name, measured.found.by_length[name])]
    if measured.against is not None:
        runs.append((measured.against[0], measured.against[1].by_length.get(name, [])))
    names = [one.lengths for one in runs[0][1]]
    data = {
        "series": [_line(name, run, buckets, measured) for run, buckets in runs if len(buckets) == len(names)],
        "names": names,
        "x": f"{measured.found.unit} of the {measured.source}",
        "y": "with 95 % intervals",
        "ends": axis(name),
        "most": most(name),
    }
    title = ", ".join(filter(None, (called(name), unit_of(name))))
    return Figure(f"{title} by length", "curves", data)


def _line(name: str, run: str, buckets: Sequence[Bucket], measured: Measured) -> dict[str, Any]:
    unit = measured.found.unit
    measures = [one.measure for one in buckets]
    return {
        "name": run,
        "x": list(range(len(buckets))),
        "y": [one.value for one in measures],
        "low": [one.low for one in measures],
        "high": [one.high for one in measures],
        "told": {
            place: f"{run}, {bucket.lengths} {unit}: {figure(name, bucket.measure.value)} "
            f"({_ends(name, bucket.measure)}), {asked_of(name, bucket.measure.count, measured.example)}"
            for place, bucket in enumerate(buckets)
        },
    }


def length_remarks(measured: Measured) -> tuple[str, ...]:
    """How many pairs the groups have."""
    name, buckets = next(iter(measured.found.by_length.items()), ("", []))
    if len(buckets) < 2:
        return ()
    counts = ", ".join(f"{one.measure.count:,}" for one in buckets)
    return (f"{ASKED.get(name, measured.example).capitalize()}s in each group, from the shortest: {counts}.",)


def examples(measured: Measured) -> list[Examples]:
    """Examples by chance, and the worst, middling and best, their differences marked; or as the task tells them."""
    if measured.told is not None:
        return list(measured.told)
    first, found, chosen = _chosen(measured)
    return [Examples(group.name, group.why, tuple(_shown(first, measured, found, group))) for group in chosen]


def places(measured: Measured) -> list[list[int]]:
    """The places of the examples that are shown, group by group."""
    _, found, chosen = _chosen(measured)
    return [[found.places[sample.place] for sample in group.samples] for group in chosen]


def _chosen(measured: Measured) -> tuple[str, Asked, list[Group]]:
    """By which measure examples are chosen, what that asks, and which are."""
    texts = [answer.text for answer in measured.found.answers]
    first = next(iter(measured.found.measures), "")
    found = asked(first, measured.sources, texts, measured.references)
    return first, found, groups(first, found.answers, found.references)


def _shown(measure: str, measured: Measured, found: Asked, group: Group) -> list[Example]:
    made = []
    for sample in group.samples:
        answer, targets = paired(found.answers, found.references)[sample.place]
        nearest = closest(measure, answer, targets)
        said, wanted = compared(answer, nearest)
        right = normalised(answer) == normalised(nearest)
        others = [shortened(target) for target in targets if target != nearest]
        if len(others) > OTHERS:
            others[OTHERS:] = [f"… and {len(others) - OTHERS:,} more"]
        place = found.places[sample.place]
        source = shortened(measured.sources[place])
        score = told(each_of(measure).name, sample.score)
        made.append(Example(source, said, wanted, right, score, tuple(others), place))
    return made
