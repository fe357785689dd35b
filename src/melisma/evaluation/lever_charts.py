"""What each lever brings, as charts with one scale: mean and spread of the seeds at each value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from melisma.errors import Refusal
from melisma.evaluation.levers import Curve, Point, Scale
from melisma.measures.units import most
from melisma.task import Figure

TITLES = {"data": "Data", "hidden": "Hidden size", "epochs": "Epochs", "batch": "Batch size"}


def charts(curves: Sequence[Curve], scale: Scale) -> list[Figure]:
    """A chart a lever, all with the same ends of the vertical axis, so that they can be compared by eye."""
    ends = [end for curve in curves for point in curve.points for end in _ends(point, scale) if math.isfinite(end)]
    if not ends:
        raise Refusal("no training of this sweep came to an end, so that there is nothing to draw")
    limits = (min(ends), max(ends)) if max(ends) > min(ends) else (None, None)
    return [_chart(curve, scale, limits) for curve in curves]


def levers(curves: Sequence[Curve], scale: Scale, title: str) -> Figure:
    """All of them in one picture."""
    return Figure(title, "levers", {"charts": charts(curves, scale)})


def _chart(curve: Curve, scale: Scale, limits: tuple[float | None, float | None]) -> Figure:
    points = [point for point in curve.points if point.trained]
    data: dict[str, Any] = {
        "series": [_series(curve, points, scale)],
        "names": [point.label for point in curve.points],
        "x": curve.setting,
        "y": f"{scale.title}, mean and standard deviation",
        "limits": limits,
        "most": most(scale.measure),
        "mark": curve.points.index(curve.own),
        "marked": "recipe",
    }
    return Figure(TITLES.get(curve.lever, curve.lever), "curves", data)


def _series(curve: Curve, points: Sequence[Point], scale: Scale) -> dict[str, Any]:
    places = [curve.points.index(point) for point in points]
    ends = [_ends(point, scale) for point in points]
    return {
        "name": curve.lever,
        "x": places,
        "y": [point.middle(scale.measure) for point in points],
        "low": [low for low, _ in ends],
        "high": [high for _, high in ends],
        "told": {
            place: f"{curve.setting} {point.label}: {scale.figure(point.middle(scale.measure))}, "
            f"{len(point.trained)} seeds, {point.seconds:.0f} s a training"
            for place, point in zip(places, points)
        },
    }


def _ends(point: Point, scale: Scale) -> tuple[float, float]:
    middle, spread = point.middle(scale.measure), point.spread(scale.measure)
    reach = spread if math.isfinite(spread) else 0.0
    return middle - reach, middle + reach
