"""Figures as pictures."""

from __future__ import annotations

import io
import logging
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from melisma.report.alarms import alarms
from melisma.report.alignment import alignment
from melisma.report.canvas import Point, Sheet
from melisma.report.fonts import FIRST, families, wanted
from melisma.report.heat import MOST, PALE, SHADES, heat
from melisma.report.lines import FIRST_STRONG, POP, visible
from melisma.report.steps import steps
from melisma.report.tradeoff import tradeoff
from melisma.task import Figure

__all__ = ["DPI", "DRAWN", "MOST", "PIXELS", "draw", "missing_letters", "note"]

DPI = 160
PIXELS = 20_000_000  # of a picture at most: what is larger is drawn coarser, not in gigabytes of memory
LINES = 100  # rows or columns up to which white lines part the cells; between more they would pale the map

DRAWN: dict[str, Callable[[Sheet, str, dict[str, Any]], None]] = {
    "heat": heat,
    "steps": steps,
    "alignment": alignment,
    "alarms": alarms,
    "tradeoff": tradeoff,
}
"""Kind of figure -> how it is drawn."""


def draw(figure: Figure, kind: str = "png") -> bytes:
    """A figure as the bytes of a picture, ``png`` or ``svg``, the same bytes every time; nothing is shown on a screen.

    The letters of an SVG are text: they can be searched and copied, and its viewer finds the fonts. A PNG is drawn
    with the fonts of this machine (see `missing_letters`). Raises Refusal for a figure too large to be read.
    """
    with _style([FIRST, "sans-serif"] if kind == "svg" else families(_letters(figure))[0]):
        page = _Page()
        DRAWN[figure.kind](page, figure.title, figure.data)
        return page.saved(kind, visible(figure.title))


def missing_letters(figure: Figure, kind: str = "png") -> str:
    """The letters of a figure that no font of this machine has, in their order; of an SVG none are missed."""
    return "" if kind == "svg" else families(_letters(figure))[1]


def note(figure: Figure, kind: str = "png") -> str:
    """What to say to whoever has such a picture drawn, or nothing: the letters that are boxes in it."""
    return wanted(missing_letters(figure, kind))


class _Page:
    """A figure of matplotlib with its places in inches from the upper left corner."""

    def __init__(self) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure as Paper

        self.paper = Paper(dpi=4 * 72)  # widths are measured at this resolution, fine enough for any other
        self.agg: Any = FigureCanvasAgg(self.paper)
        self.widths: dict[tuple[str, float], float] = {}

    def width(self, text: str, points: float) -> float:
        """How wide a text is drawn, in inches."""
        if (text, points) not in self.widths:
            ink = self.paper.text(0, 0, text, fontsize=points, parse_math=False)
            self.widths[text, points] = ink.get_window_extent(self.agg.get_renderer()).width / self.paper.dpi
            ink.remove()
        return self.widths[text, points]

    def size(self, width: float, height: float) -> None:
        """How large the picture is."""
        self.paper.set_size_inches(width, height)

    def write(self, x: float, y: float, text: str, points: float, **style: Any) -> None:
        """A text with its anchor at this place, on its base line."""
        width, height = self.paper.get_size_inches()
        drawn: dict[str, Any] = {"va": "baseline", "rotation_mode": "anchor", "parse_math": False, **style}
        self.paper.text(x / width, 1 - y / height, text, fontsize=points, **drawn)

    def image(self, place: tuple[float, float, float, float], values: Any, shades: Sequence[str], grid: bool) -> None:
        """Values from 0 to 1 as equal cells."""
        from matplotlib.colors import LinearSegmentedColormap

        left, top, wide, high = place
        width, height = self.paper.get_size_inches()
        axes = self.paper.add_axes((left / width, 1 - (top + high) / height, wide / width, high / height))
        shaded = LinearSegmentedColormap.from_list("shades", list(shades))
        axes.imshow(values, cmap=shaded, vmin=0, vmax=1, aspect="auto", interpolation="none")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set(color=PALE, linewidth=0.6)
        if grid and max(len(values), len(values[0])) <= LINES:
            axes.hlines([row - 0.5 for row in range(1, len(values))], -0.5, len(values[0]) - 0.5, "white", lw=0.8)
            axes.vlines([row - 0.5 for row in range(1, len(values[0]))], -0.5, len(values) - 0.5, "white", lw=0.8)

    def field(self, place: tuple[float, float, float, float], values: Sequence[Sequence[float]]) -> None:
        """Values from 0 to 1 as cells without lines between them."""
        self.image(place, values, SHADES, False)

    def line(self, points: Sequence[Point], colour: str, inches: float, dashes: tuple[float, ...] = ()) -> None:
        """A line through points."""
        from matplotlib.lines import Line2D

        thick = inches * 72
        drawn = Line2D(*self._shares(points), color=colour, linewidth=thick, solid_joinstyle="round", zorder=3)
        if dashes:
            drawn.set_linestyle((0, [part * 72 / thick for part in dashes]))
        self.paper.add_artist(drawn)

    def dot(self, place: Point, radius: float, colour: str, told: str = "") -> None:
        """A disc."""
        from matplotlib.patches import Ellipse

        width, height = self.paper.get_size_inches()
        (x,), (y,) = self._shares([place])
        self.paper.add_artist(Ellipse((x, y), 2 * radius / width, 2 * radius / height, color=colour, zorder=3))

    def box(self, place: tuple[float, float, float, float], colour: str, told: str = "") -> None:
        """A rectangle."""
        left, top, wide, high = place
        self.area([(left, top), (left + wide, top), (left + wide, top + high), (left, top + high)], colour)

    def area(self, points: Sequence[Point], colour: str, strength: float = 1.0, told: str = "") -> None:
        """What lies within points."""
        from matplotlib.patches import Polygon

        corners = list(zip(*self._shares(points)))
        self.paper.add_artist(Polygon(corners, facecolor=colour, alpha=strength, linewidth=0, zorder=2))

    def _shares(self, points: Sequence[Point]) -> tuple[list[float], list[float]]:
        """Places as shares of the picture, as matplotlib has them, from its lower left corner."""
        width, height = self.paper.get_size_inches()
        return [x / width for x, _ in points], [1 - y / height for _, y in points]

    def saved(self, kind: str, title: str) -> bytes:
        """The picture, without the day or the program that made it."""
        file = io.BytesIO()
        nobody = {"Software": None} if kind == "png" else {"Date": None, "Creator": None, "Title": title}
        self.paper.savefig(file, format=kind, dpi=_dpi(*self.paper.get_size_inches()), metadata=nobody)
        return file.getvalue()


@contextmanager
def _style(fonts: Sequence[str]) -> Iterator[None]:
    """Settings of our own: what the user set for matplotlib elsewhere changes no picture."""
    from matplotlib import style

    ours = {
        "font.family": list(fonts),
        "font.sans-serif": [FIRST],
        "svg.fonttype": "none",
        "svg.hashsalt": "melisma",
        "text.hinting": "none",
    }
    log = logging.getLogger("matplotlib.font_manager")  # speaks of weights that a family does not have
    level = log.level
    with style.context(["default", ours]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        log.setLevel(logging.ERROR)
        try:
            yield
        finally:
            log.setLevel(level)


def _dpi(width: float, height: float) -> float:
    """Dots an inch of a picture that is so many inches wide and high."""
    return min(DPI, math.sqrt(PIXELS / (width * height)))


def _letters(figure: Figure) -> list[str]:
    """Every character with ink in the figure's words."""
    written = _Words()
    DRAWN[figure.kind](written, figure.title, figure.data)
    return [char for text in written.words for char in text if char not in f" {FIRST_STRONG}{POP}\u200c\u200d"]


class _Words:
    """A canvas that only takes down what is written on it."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def width(self, text: str, points: float) -> float:
        """Nothing, so that no word is cut."""
        return 0.0

    def size(self, width: float, height: float) -> None:
        """Of no matter."""

    def write(self, x: float, y: float, text: str, points: float, **style: Any) -> None:
        """Takes the text down."""
        self.words.append(text)

    def image(self, place: tuple[float, float, float, float], values: Any, shades: Sequence[str], grid: bool) -> None:
        """Without words."""

    def field(self, place: tuple[float, float, float, float], values: Sequence[Sequence[float]]) -> None:
        """Without words."""

    def line(self, points: Sequence[Point], colour: str, inches: float, dashes: tuple[float, ...] = ()) -> None:
        """Without words."""

    def dot(self, place: Point, radius: float, colour: str, told: str = "") -> None:
        """Without words."""

    def box(self, place: tuple[float, float, float, float], colour: str, told: str = "") -> None:
        """Without words."""

    def area(self, points: Sequence[Point], colour: str, strength: float = 1.0, told: str = "") -> None:
        """Without words."""
