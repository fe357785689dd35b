"""Lines over steps, or over groups in their order: what rose, what fell, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from melisma.errors import Refusal
from melisma.report.canvas import INK, MUTED, PALE, SERIES, WIDTH, Plot, Point
from melisma.report.lines import isolated, label, visible
from melisma.report.scale import Scale, inside, scale

HIGH = 1.7  # inches of the field
TEXT, TITLE = 8.5, 9.5  # points
THICK, THIN = 0.019, 0.0085  # inches
DASHES = ((), (0.07, 0.04), (0.02, 0.03), (0.1, 0.03, 0.02, 0.03))
FEW = 40  # points up to which each has a dot
MANY = 400  # points of a line, at most: more could not be seen


@dataclass(frozen=True)
class Field:
    """Where the lines lie, and what its axes mean."""

    left: float
    top: float
    wide: float
    x: Scale
    y: Scale

    def at(self, x: float, y: float) -> Point:
        """The place of a value."""
        return self.left + self.x.share(x) * self.wide, self.top + (1 - self.y.share(y)) * HIGH


def curves(canvas: Plot, title: str, data: dict[str, Any]) -> None:
    """Draws ``series``, each with ``name``, ``x``, ``y`` and, where known, ``low`` and ``high`` of its intervals.

    ``x`` and ``y`` of the data say what the axes are. ``names`` are those of the places 0, 1 … of x, ``span`` its two
    ends where they are not those of the series. ``mark`` is the x that is marked, ``marked`` what it is. ``limits`` are
    two values of y beyond which nothing is drawn (None: all is), ``ends`` two that the axis begins and ends with (None:
    where the series ask for it), ``most`` what it never goes beyond. A series that is ``faint`` lies pale beneath the
    others. Raises Refusal for a series of which nothing can be drawn.
    """
    series = data["series"]
    if not any(series_points(one) for one in series):
        raise Refusal(f"the chart {visible(title)!r} has no points; at least one is wanted")
    y = _vertical(series, data)
    left = 0.08 + max(canvas.width(name, TEXT) for name in y.names)
    legend = [one for one in series if one["name"] and not one.get("faint")]
    rows = _legend_rows(canvas, legend) if len(legend) > 1 else []
    top = 0.52 + 0.2 * len(rows) + (0.1 if data.get("marked") else 0.0)
    names = data.get("names")
    field = Field(left, top, WIDTH - left - 0.12, _horizontal(series, names, data.get("span")), y)
    canvas.size(WIDTH, top + HIGH + 0.46)
    canvas.write(0, 0.15, isolated(visible(title)), TITLE, color=INK)
    canvas.write(0, 0.33, isolated(visible(data["y"])), TEXT, color=MUTED)
    _draw_legend(canvas, rows, series)
    _draw_axes(canvas, field, names, isolated(visible(data["x"])))
    if data.get("mark") is not None:
        _draw_mark(canvas, field, data["mark"], data.get("marked", ""))
    for one in sorted(series, key=lambda one: not one.get("faint")):
        _draw_series(canvas, field, one, _number(series, one))


def series_points(one: dict[str, Any]) -> list[Point]:
    """The points of a series that are numbers."""
    pairs = zip(one["x"], one["y"])
    return [(float(x), float(y)) for x, y in pairs if y is not None and math.isfinite(y)]


def thinned(points: Sequence[Point], most: int = MANY) -> list[Point]:
    """At most so many points: the means of neighbours, the last point kept."""
    every = -(-len(points) // most)
    if every <= 1:
        return list(points)
    groups = [points[first : first + every] for first in range(0, len(points) - 1, every)]
    means = [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]
    return [*means[: most - 1], points[-1]]


def _number(series: Sequence[dict[str, Any]], one: dict[str, Any]) -> int:
    """Which colour a series has: a faint one that of the series it lies beneath."""
    own = [other["name"] for other in series if not other.get("faint")]
    return own.index(one["name"]) if one["name"] in own else 0


def _vertical(series: Sequence[dict[str, Any]], data: Mapping[str, Any]) -> Scale:
    limits, (begin, end), most = data.get("limits", (None, None)), data.get("ends", (None, None)), data.get("most")
    values = [y for one in series for _, y in series_points(one)]
    values += [end for one in series for name in ("low", "high") for end in one.get(name, ()) if math.isfinite(end)]
    low = min(values) if limits[0] is None else limits[0]
    high = max(values) if limits[1] is None else limits[1]
    if 0 < low < 0.4 * high and limits[0] is None:
        low = 0.0
    low = low if begin is None else begin
    high = max(low, high if end is None else end)
    found = scale(low, high if most is None else min(high, most), 6)
    return found if most is None or found.high <= most else scale(0.0, most, 6)


def _horizontal(
    series: Sequence[dict[str, Any]], names: Sequence[str] | None, span: tuple[float, float] | None
) -> Scale:
    if names:
        return Scale(-0.5, len(names) - 0.5, tuple(range(len(names))), tuple(names))
    if span is not None:
        return inside(*span)
    values = [x for one in series for x, _ in series_points(one)]
    return inside(min(values), max(values))


def _legend_rows(canvas: Plot, legend: Sequence[dict[str, Any]]) -> list[list[tuple[float, dict[str, Any]]]]:
    """The names in lines, each name with its place."""
    rows: list[list[tuple[float, dict[str, Any]]]] = [[]]
    x = 0.0
    for one in legend:
        wide = 0.32 + canvas.width(label(one["name"], 28), TEXT) + 0.18
        if x and x + wide > WIDTH:
            rows.append([])
            x = 0.0
        rows[-1].append((x, one))
        x += wide
    return rows


def _draw_legend(
    canvas: Plot, rows: Sequence[Sequence[tuple[float, dict[str, Any]]]], series: Sequence[dict[str, Any]]
) -> None:
    for row, entries in enumerate(rows):
        y = 0.53 + 0.2 * row
        for x, one in entries:
            number = _number(series, one) % len(SERIES)
            canvas.line([(x, y - 0.04), (x + 0.25, y - 0.04)], SERIES[number], THICK, DASHES[number])
            canvas.write(x + 0.32, y, isolated(visible(one["name"])[:28]), TEXT, color=INK)


def _draw_axes(canvas: Plot, field: Field, names: Sequence[str] | None, x_title: str) -> None:
    right, bottom = field.left + field.wide, field.top + HIGH
    for value, name in zip(field.y.marks, field.y.names):
        _, y = field.at(field.x.low, value)
        canvas.line([(field.left, y), (right, y)], PALE, THIN)
        canvas.write(field.left - 0.06, y + 0.04, name, TEXT, color=MUTED, ha="right")
    for value, name in zip(field.x.marks, field.x.names):
        x, _ = field.at(value, field.y.low)
        wide = canvas.width(name, TEXT) / 2
        x = min(max(x, wide), WIDTH - wide)
        canvas.write(x, bottom + 0.17, name, TEXT, color=MUTED, ha="center")
    canvas.line([(field.left, bottom), (right, bottom)], MUTED, THIN)
    canvas.write(field.left + field.wide / 2, bottom + 0.36, x_title, TEXT, color=MUTED, ha="center")


def _draw_mark(canvas: Plot, field: Field, mark: float, told: str) -> None:
    x, top = field.at(mark, field.y.high)
    canvas.line([(x, top), (x, field.top + HIGH)], MUTED, THIN, (0.03, 0.03))
    if told:
        wide = canvas.width(told, TEXT) / 2
        canvas.write(min(max(x, wide), WIDTH - wide), top - 0.05, told, TEXT, color=MUTED, ha="center")


def _draw_series(canvas: Plot, field: Field, one: dict[str, Any], number: int) -> None:
    colour, dashes = SERIES[number % len(SERIES)], DASHES[number % len(SERIES)]
    points = series_points(one)
    if one.get("faint"):
        for piece in _within(thinned(points), field.y):
            canvas.line([field.at(*point) for point in piece], PALE, THICK)
        return
    for x, low, high in zip(one["x"], one.get("low", ()), one.get("high", ())):
        ends = [field.at(x, min(max(end, field.y.low), field.y.high)) for end in (low, high)]
        canvas.line(ends, colour, THIN * 1.4)
    for piece in _within(thinned(points), field.y):
        if len(piece) > 1:
            canvas.line([field.at(*point) for point in piece], colour, THICK, dashes)
    if len(points) <= FEW:
        for x, y in points:
            if field.y.holds(y):
                canvas.dot(field.at(x, y), 0.028, colour, _told(one, x, y))


def _told(one: dict[str, Any], x: float, y: float) -> str:
    said = one.get("told", {}).get(x)
    return str(said) if said is not None else f"{one['name']}, {x:,.0f}: {y:.4g}"


def _within(points: Sequence[Point], y: Scale) -> list[list[Point]]:
    """The line in the pieces of it that lie between the ends of the axis, cut where it crosses them."""
    pieces: list[list[Point]] = [[]]
    for number, point in enumerate(points):
        before = points[number - 1] if number else None
        if before is not None:
            pieces[-1] += _crossings(before, point, y)
        if y.holds(point[1]):
            pieces[-1].append(point)
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]


def _crossings(first: Point, second: Point, y: Scale) -> list[Point]:
    """Where the way between two points meets the ends of the axis, if one of them lies within it."""
    for end in (y.low, y.high):
        if (first[1] - end) * (second[1] - end) < 0:
            share = (end - first[1]) / (second[1] - first[1])
            return [(first[0] + share * (second[0] - first[0]), end)]
    return []
