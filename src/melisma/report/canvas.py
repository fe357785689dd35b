"""What a chart is drawn on, its places in inches from the upper left corner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from melisma.report.heat import INK, MUTED, PALE, SHADES, Canvas

__all__ = ["INK", "MUTED", "PALE", "SERIES", "SHADES", "WIDTH", "Plot"]

WIDTH = 3.7  # inches of a chart: two stand side by side on a page, one on a telephone
SERIES = ("#175690", "#b4540a", "#1b7a5a", "#7a3e9d")
"""Colours of lines and bars, told apart by colour-blind eyes too; the first is the one that matters."""

Point = tuple[float, float]


class Plot(Canvas, Protocol):
    """A canvas for lines and bars as well."""

    def line(self, points: Sequence[Point], colour: str, inches: float, dashes: tuple[float, ...] = ()) -> None:
        """A line through points, so thick; ``dashes`` are inches of ink and of gap in turn."""

    def dot(self, place: Point, radius: float, colour: str, told: str = "") -> None:
        """A disc; ``told`` is what a reader who points at it is told, where that is possible."""

    def box(self, place: tuple[float, float, float, float], colour: str, told: str = "") -> None:
        """A filled rectangle ``(left, top, width, height)``."""
