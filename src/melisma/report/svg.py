"""Figures as parts of a page: SVG whose colours are the page's own, so that they follow it into the dark."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from markupsafe import Markup

from melisma.report.alarms import alarms
from melisma.report.alignment import alignment
from melisma.report.bars import REST, bars
from melisma.report.canvas import INK, MUTED, PALE, SERIES, Point, Sheet
from melisma.report.curves import curves
from melisma.report.heat import heat
from melisma.report.lines import visible
from melisma.report.over_time import WAVING
from melisma.report.tradeoff import tradeoff
from melisma.task import Figure

PIXELS = 96  # of an inch
ANCHORS = {"left": "", "center": ' text-anchor="middle"', "right": ' text-anchor="end"'}
CLASSES = {
    INK: "ink",
    MUTED: "muted",
    PALE: "pale",
    REST: "rest",
    WAVING: "waving",
    **{colour: f"s{number}" for number, colour in enumerate(SERIES)},
}
"""Colour of a figure -> the class whose colour the page chooses."""

DRAWN: dict[str, Callable[[Sheet, str, dict[str, Any]], None]] = {
    "heat": heat,
    "curves": curves,
    "bars": bars,
    "alignment": alignment,
    "alarms": alarms,
    "tradeoff": tradeoff,
}
"""Kind of figure -> how it is drawn on a page."""

LEAST = 0.005  # a value that could not be told from nothing is not drawn

STEPS = 28  # of a scale
LEVELS = 10  # of a field, and
NARROWEST = 2.2  # pixels of a cell of it: more detail takes more room in the page than it can show
LONGEST = 400  # characters of any text in a figure


def inline(figure: Figure) -> Markup:
    """A figure as an SVG element without styles, scripts or links; raises Refusal where it cannot be read."""
    sketch = _Sketch()
    DRAWN[figure.kind](sketch, figure.title, figure.data)
    return Markup(sketch.element(visible(figure.title[:LONGEST])))  # noqa: S704 - every text in it is escaped below


class _Sketch:
    """A canvas that writes elements, its places in inches from the upper left corner."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.extent = (0.0, 0.0)

    def element(self, title: str) -> str:
        """All that was drawn."""
        wide, high = (_places(PIXELS * side) for side in self.extent)
        head = (
            f'<svg viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" role="img" aria-label={quoteattr(title)}>'
        )
        return "".join([head, *self.parts, "</svg>"])

    def width(self, text: str, points: float) -> float:
        """About how wide a text will be, in inches: which font draws it, only its reader knows."""
        return sum(map(_ems, text)) * points / 72

    def size(self, width: float, height: float) -> None:
        """How large the figure is."""
        self.extent = (width, height)

    def write(self, x: float, y: float, text: str, points: float, **style: Any) -> None:
        """A text with its anchor at this place, on its base line."""
        turned = style.get("rotation")
        turn = f' transform="rotate({-turned} {_at(x, y)})"' if turned else ""
        size = _places(points * PIXELS / 72)
        place = f'x="{_inch(x)}" y="{_inch(y)}" font-size="{size}"{ANCHORS[style.get("ha", "left")]}{turn}'
        self.parts.append(f'<text class="{CLASSES[style["color"]]}" {place}>{escape(text[:LONGEST])}</text>')

    def image(self, place: tuple[float, float, float, float], values: Any, shades: Sequence[str], grid: bool) -> None:
        """Values from 0 to 1 as equal cells, each as dense as its value."""
        left, top, wide, high = place
        values = values if grid else [_coarser(cells) for cells in values]
        columns, rows = max(1, len(values[0])) if len(values) else 1, max(1, len(values))
        step, fall = wide / columns, high / rows
        gap = 0.01 if grid else 0.0
        self.parts.append(
            f'<rect class="paper" {_sides(left, top, wide, high)}/><g class="cell" shape-rendering="crispEdges">'
        )
        for row, cells in enumerate(values):
            for column, value in enumerate(cells):
                if value >= LEAST:
                    sides = _sides(left + column * step, top + row * fall, step - gap, fall - gap)
                    self.parts.append(f'<rect {sides} fill-opacity="{_places(min(1.0, value))}"/>')
        self.parts.append(f'</g><rect class="frame" {_sides(left, top, wide, high)}/>')

    def line(self, points: Sequence[Point], colour: str, inches: float, dashes: tuple[float, ...] = ()) -> None:
        """A line through points."""
        dashed = f' stroke-dasharray="{" ".join(map(_inch, dashes))}"' if dashes else ""
        thick = f'stroke-width="{_inch(inches)}"{dashed}'
        places = " ".join(_at(*point).replace(" ", ",") for point in points)
        self.parts.append(f'<polyline class="line {CLASSES[colour]}" {thick} points="{places}"/>')

    def dot(self, place: Point, radius: float, colour: str, told: str = "") -> None:
        """A disc, which tells what it is."""
        x, y = place
        sides = f'cx="{_inch(x)}" cy="{_inch(y)}" r="{_inch(radius)}"'
        self.parts.append(f'<circle class="{CLASSES[colour]}" {sides}>{_title(told)}</circle>')

    def box(self, place: tuple[float, float, float, float], colour: str, told: str = "") -> None:
        """A rectangle, which tells what it is."""
        self.parts.append(f'<rect class="{CLASSES[colour]}" {_sides(*place)}>{_title(told)}</rect>')

    def area(self, points: Sequence[Point], colour: str, strength: float = 1.0, told: str = "") -> None:
        """What lies within points, which tells what it is."""
        places = " ".join(_at(*point).replace(" ", ",") for point in points)
        dense = "" if strength >= 1 else f' fill-opacity="{_places(strength)}"'
        self.parts.append(f'<polygon class="{CLASSES[colour]}"{dense} points="{places}">{_title(told)}</polygon>')

    def field(self, place: tuple[float, float, float, float], values: Sequence[Sequence[float]]) -> None:
        """Values from 0 to 1 as equal cells: neighbours of one level as one stretch, which takes the least to write."""
        left, top, wide, high = place
        values = [_means(row, max(1, int(wide * PIXELS / NARROWEST))) for row in values]
        rows, columns = max(1, len(values)), max(1, len(values[0])) if len(values) else 1
        scale = f"{PIXELS * wide / columns:.4f} {PIXELS * high / rows:.4f}"
        where = f"translate({_at(left, top)}) scale({scale}) translate(0 .5)"
        self.parts.append(f'<rect class="paper" {_sides(left, top, wide, high)}/>')
        self.parts.append(f'<g class="field" shape-rendering="crispEdges" transform="{where}">')
        for level, path in _runs(values).items():
            self.parts.append(f'<path stroke-opacity="{_places(level / LEVELS)}" d="{path}"/>')
        self.parts.append("</g>")


def _means(values: Sequence[float], most: int) -> list[float]:
    """At most so many values, evenly spread: of several the mean."""
    count = min(most, len(values))
    ends = [place * len(values) // count for place in range(count + 1)] if count else []
    return [sum(values[begin:end]) / (end - begin) for begin, end in pairwise(ends)]


def _runs(values: Sequence[Sequence[float]]) -> dict[int, str]:
    """Level of a field -> the path along all of its cells of that level, as steps within the cells' own places."""
    paths: dict[int, list[str]] = {}
    for row, cells in enumerate(values):
        levels = [round(min(1.0, max(0.0, value)) * LEVELS) for value in cells]
        place = 0
        for level, run in groupby(levels):
            length = len(list(run))
            if level:
                paths.setdefault(level, []).append(f"M{place} {row}h{length}")
            place += length
    return {level: "".join(parts) for level, parts in sorted(paths.items())}


def _coarser(cells: Sequence[float]) -> list[float]:
    """A scale in steps that are wider than a dot of a screen."""
    every = max(1, len(cells) // STEPS)
    return [cells[min(first + every, len(cells)) - 1] for first in range(0, len(cells), every)]


def _title(told: str) -> str:
    return f"<title>{escape(visible(told[:LONGEST]))}</title>" if told else ""


def _sides(left: float, top: float, wide: float, high: float) -> str:
    return f'x="{_inch(left)}" y="{_inch(top)}" width="{_inch(wide)}" height="{_inch(high)}"'


def _at(x: float, y: float) -> str:
    return f"{_inch(x)} {_inch(y)}"


def _inch(inches: float) -> str:
    return _places(inches * PIXELS)


def _places(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"


def _ems(char: str) -> float:
    """About how wide a character is, as a part of the font's size."""
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0.0
    if unicodedata.east_asian_width(char) in "WF":
        return 1.0
    if char in "iljtfrI.,:;'|!()[] ":
        return 0.36
    return 0.72 if char.isupper() or char in "mwMW%@—…→" else 0.64
