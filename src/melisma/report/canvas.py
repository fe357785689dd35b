"""What a chart is drawn on, its places in inches from the upper left corner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from melisma.report.heat import INK, MUTED, PALE, SHADES, Canvas

__all__ = ["INK", "MUTED", "PALE", "SERIES", "SHADES", "WIDTH", "Plot", "Sheet"]

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


class Sheet(Plot, Protocol):
    """A canvas for areas and fields as well."""

    def area(self, points: Sequence[Point], colour: str, strength: float = 1.0, told: str = "") -> None:
        """What lies within points, as dense as ``strength`` from 0 to 1."""

    def field(self, place: tuple[float, float, float, float], values: Sequence[Sequence[float]]) -> None:
        """Values from 0 to 1 as very many equal cells without a grid, the first row above."""
