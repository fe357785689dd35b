"""What a sweep writes for people: a table, a picture twice, and a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from melisma.api.sweep_folder import Folder
from melisma.errors import Failure, Refusal
from melisma.evaluation.lever_charts import charts, levers
from melisma.evaluation.levers import Curve, Scale
from melisma.report.levers import picture
from melisma.report.page import Head, Report, page
from melisma.runs.disk import reason
from melisma.tasks.recipe import recipe as recipe_of


@dataclass(frozen=True)
class Found:
    """What a sweep found."""

    curves: tuple[Curve, ...]
    scale: Scale
    advice: tuple[str, ...]
    table: tuple[tuple[str, ...], ...]  # its head first
    failed: Mapping[str, str]  # trainings that came to nothing, and why
    files: tuple[str, ...]  # what was written into the folder


@dataclass(frozen=True)
class _Section:
    title: str
    rows: tuple[tuple[str, str], ...] = ()
    head: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    numbers: frozenset[int] = frozenset()


def write_pages(folder: Folder, recipe: str, seeds: int, found: Found) -> tuple[str, ...]:
    """Writes ``sweep.tsv``, ``sweep.png``, ``sweep.svg`` and ``sweep.html``; returns the names of what was written."""
    made: dict[str, bytes] = {"sweep.tsv": "".join("\t".join(row) + "\n" for row in found.table).encode()}
    try:
        title = f"{recipe}: what each lever brings ({found.scale.title}, {seeds} seeds)"
        figure = levers(found.curves, found.scale, title)
        made |= {f"sweep.{kind}": picture(figure, kind) for kind in ("png", "svg")}
        made["sweep.html"] = _page(recipe, seeds, found).encode()
    except Refusal:  # nothing to draw: every training failed
        pass
    try:
        for name, data in made.items():
            folder.write(name, data)
    except OSError as error:
        raise Failure(f"{folder.path} cannot be written to: {reason(error)}; every training is saved") from None
    return tuple(made)


def _page(recipe: str, seeds: int, found: Found) -> str:
    trained = sum(len(point.trained) for curve in found.curves for point in curve.points if point.factor != 1)
    own = len(found.curves[0].own.trained)
    first, *rest = found.advice
    facts: list[tuple[str, str]] = [("trainings", str(trained + own)), ("seeds of each value", str(seeds))]
    numbers = frozenset(range(1, len(found.table[0])))
    parts: list[Any] = [_Section("Scores", head=found.table[0], table=found.table[1:], numbers=numbers)]
    if found.failed:
        parts.append(_Section("Failed", rows=tuple(found.failed.items())))
    head = Head(
        title=f"{recipe}: a sweep",
        about=recipe_of(recipe).about,
        state="finished",
        score="",
        interval="",
        meaning=(first, *rest, "± is half of a 95 % interval; * marks what is beyond it."),
        facts=tuple(facts),
    )
    return page(Report(head=head, curves=tuple(charts(found.curves, found.scale)), sections=tuple(parts)))
