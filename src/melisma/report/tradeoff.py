"""Misses of trigger words against false alarms an hour, for all thresholds: the detection error tradeoff."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from melisma.errors import Refusal
from melisma.report.canvas import INK, MUTED, PALE, SERIES, WIDTH, Point, Sheet
from melisma.report.lines import isolated, visible

HIGH = 1.9  # inches of the field
NONE = 0.62  # inches at its left for no false alarm at all, which has no place on a logarithmic axis
TEXT, TITLE, SMALL = 8.5, 9.5, 7.0  # points
THICK, THIN = 0.019, 0.0085  # inches
DOT, TICK = 0.045, 0.04
LEAST, MOST = 0.01, 100.0  # false alarms an hour that an axis begins and ends with, at the farthest
BESIDE = 0.25  # inches from the top at which a word beside a point would meet what stands there
TOPS = (10.0, 25.0, 50.0, 100.0)  # per cent of words missed that the axis ends with
MARKS = (0, 1, 2, 5, 10, 25, 50, 100)
BELOW = 0.64  # inches below the field, where there is a shade to be explained
CLOSE = 0.17  # inches between two of its marks, at the least
DASHES = ((), (0.07, 0.04), (0.02, 0.03), (0.1, 0.03, 0.02, 0.03))


@dataclass(frozen=True)
class Field:
    """Where the curves lie: false alarms an hour by their logarithm, misses by their root, so that few are seen."""

    left: float
    top: float
    wide: float
    low: float  # decades
    high: float
    most: float  # per cent

    def at(self, rate: float, misses: float) -> Point:
        """The place of a rate and a share in per cent."""
        return self.across(rate), self.top + (1 - min(1.0, math.sqrt(max(0.0, misses) / self.most))) * HIGH

    def across(self, rate: float) -> float:
        """The place of a rate; none at all lies in the middle of what is left for it."""
        if rate <= 0:
            return self.left + NONE / 3
        share = (math.log10(rate) - self.low) / (self.high - self.low)
        return self.left + NONE + min(max(share, 0.0), 1.0) * (self.wide - NONE)


def tradeoff(canvas: Sheet, title: str, data: dict[str, Any]) -> None:
    """Draws ``series``, each with ``name``, ``points`` (``rate``, ``misses``, ``low``, ``high``) and ``chosen``.

    ``points`` are the best thresholds, false alarms rising, misses and their interval in per cent; ``chosen`` is what
    the ``threshold`` in use is worth, with the interval of its rate as ``least`` and ``most``, and its ``text``.
    ``wanted`` is a rate that is marked, ``bound`` the one below which these hours can show nothing. Raises Refusal
    without points.
    """
    series = [one for one in data["series"] if one["points"]]
    if not series:
        raise Refusal(f"the chart {visible(title)!r} has no points; at least one is wanted")
    low, high = _decades(series, data)
    left = 0.1 + canvas.width("100", TEXT)
    field = Field(left, 0.62 + 0.2 * (len(series) > 1), WIDTH - left - 0.15, low, high, _highest(series))
    canvas.size(WIDTH, field.top + HIGH + (BELOW if data.get("bound") else 0.46))
    canvas.write(0, 0.15, isolated(visible(title)), TITLE, color=INK)
    canvas.write(0, 0.33, "words missed, %, with 95 % intervals", TEXT, color=MUTED)
    _draw_unknown(canvas, field, data.get("bound"))
    _draw_axes(canvas, field)
    _draw_wanted(canvas, field, data.get("wanted"))
    if len(series) > 1:
        _draw_legend(canvas, series)
    for number, one in enumerate(series):
        _draw_curve(canvas, field, one, number)
    for number, one in enumerate(series):
        _draw_chosen(canvas, field, one, number, named=len(series) == 1)


def _highest(series: Sequence[Mapping[str, Any]]) -> float:
    """Per cent that the axis must reach for all of the curves to be seen, and what is known of the best of each."""
    told = [point["misses"] for one in series for point in one["points"]]
    told += [one["points"][-1]["high"] for one in series]
    told += [one["chosen"]["misses"] for one in series if one.get("chosen")]
    return next((top for top in TOPS if top >= max(told)), TOPS[-1])


def _decades(series: Sequence[Mapping[str, Any]], data: Mapping[str, Any]) -> tuple[float, float]:
    """Between which powers of ten the rates lie."""
    rates = [point["rate"] for one in series for point in one["points"] if point["rate"] > 0]
    rates += [one["chosen"][name] for one in series if one.get("chosen") for name in ("rate", "least", "most")]
    rates += [rate for rate in (data.get("wanted"), data.get("bound")) if rate]
    known = [min(max(rate, LEAST), MOST) for rate in rates if rate > 0] or [1.0]
    low, high = math.floor(math.log10(min(known)) + 1e-9), math.ceil(math.log10(max(known)) - 1e-9)
    return float(low), float(max(high, low + 1))


def _draw_axes(canvas: Sheet, field: Field) -> None:
    right, bottom = field.left + field.wide, field.top + HIGH
    before = math.inf
    for value in (mark for mark in MARKS if mark <= field.most):
        _, y = field.at(1.0, value)
        if before - y >= CLOSE:
            canvas.line([(field.left, y), (right, y)], PALE, THIN)
            canvas.write(field.left - 0.06, y + 0.04, f"{value}", TEXT, color=MUTED, ha="right")
            before = y
    for power in range(round(field.low), round(field.high) + 1):
        x = field.across(10.0**power)
        canvas.line([(x, field.top), (x, bottom)], PALE, THIN)
        canvas.write(x, bottom + 0.17, f"{10.0**power:g}", TEXT, color=MUTED, ha="center")
        for digit in range(2, 10) if power < field.high else ():
            x = field.across(digit * 10.0**power)
            canvas.line([(x, bottom), (x, bottom - TICK)], MUTED, THIN)
    canvas.write(field.across(0.0), bottom + 0.17, "none", TEXT, color=MUTED, ha="center")
    canvas.line([(field.left, bottom), (right, bottom)], MUTED, THIN)
    middle = field.left + field.wide / 2
    canvas.write(middle, bottom + 0.36, "false alarms an hour", TEXT, color=MUTED, ha="center")


def _draw_unknown(canvas: Sheet, field: Field, bound: float | None) -> None:
    """Rates of which so many hours can tell nothing lie in the shade; below the axis, where nothing crosses it, why."""
    if not bound:
        return
    left, right, bottom = field.left, field.across(bound), field.top + HIGH
    canvas.area([(left, field.top), (right, field.top), (right, bottom), (left, bottom)], MUTED, 0.1)
    canvas.write(left, bottom + BELOW - 0.09, "in the shade: too few hours to tell", SMALL, color=MUTED)


def _draw_wanted(canvas: Sheet, field: Field, wanted: float | None) -> None:
    if not wanted:
        return
    x = field.across(wanted)
    canvas.line([(x, field.top), (x, field.top + HIGH)], MUTED, THIN, (0.03, 0.03))
    canvas.write(x, field.top - 0.05, f"wanted: {wanted:g}", SMALL, color=MUTED, ha="center")


def _draw_legend(canvas: Sheet, series: Sequence[Mapping[str, Any]]) -> None:
    x = 0.0
    for number, one in enumerate(series):
        name = isolated(visible(one["name"])[:28])
        if one.get("chosen"):
            name += f" ({one['chosen']['threshold']:.2f})"
        canvas.line([(x, 0.51), (x + 0.25, 0.51)], SERIES[number % len(SERIES)], THICK, DASHES[number % len(DASHES)])
        canvas.write(x + 0.32, 0.55, name, TEXT, color=INK)
        x += 0.32 + canvas.width(name, TEXT) + 0.2


def _stairs(points: Sequence[Mapping[str, Any]], field: Field, name: str, end: float) -> list[Point]:
    """A value of the points as steps: it holds from its own rate to the next one's, and the last one's to the end."""
    found: list[Point] = []
    for point, after in zip(points, [*points[1:], None]):
        x, until = field.across(point["rate"]), end if after is None else field.across(after["rate"])
        y = field.at(1.0, point[name])[1]
        found += [(x, y), (max(x, until), y)]
    return found


def _draw_curve(canvas: Sheet, field: Field, one: Mapping[str, Any], number: int) -> None:
    colour, end = SERIES[number % len(SERIES)], field.left + field.wide
    points = [point for point in one["points"] if field.across(point["rate"]) <= end]
    band = [*_stairs(points, field, "low", end), *reversed(_stairs(points, field, "high", end))]
    canvas.area(band, colour, 0.1, visible(one["name"]))
    canvas.line(_stairs(points, field, "misses", end), colour, THICK, DASHES[number % len(DASHES)])


def _draw_chosen(canvas: Sheet, field: Field, one: Mapping[str, Any], number: int, *, named: bool) -> None:
    """What the threshold in use is worth, as a cross of both intervals."""
    found = one.get("chosen")
    if not found:
        return
    colour = SERIES[number % len(SERIES)]
    x, y = field.at(found["rate"], found["misses"])
    left = field.left if found["least"] <= 0 else field.across(found["least"])
    canvas.line([(left, y), (field.across(found["most"]), y)], INK, THIN * 1.4)
    canvas.line([(x, field.at(1.0, found["low"])[1]), (x, field.at(1.0, found["high"])[1])], INK, THIN * 1.4)
    canvas.dot((x, y), DOT, colour, found["text"])
    if not named:
        return
    said = f"threshold {found['threshold']:.2f}"
    wide = canvas.width(said, TEXT)
    at = min(x + 0.08, field.left + field.wide - wide)
    canvas.write(at, y - 0.07 if y - field.top > BESIDE else y + 0.17, said, TEXT, color=INK)
