"""Several charts in one picture, two beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from melisma.report import charts
from melisma.report.canvas import INK, WIDTH, Plot, Point
from melisma.report.curves import curves
from melisma.report.fonts import FIRST, families
from melisma.report.lines import isolated, visible
from melisma.task import Figure

GAP = 0.35  # inches between two charts, and around all
TITLE = 11  # points
HEAD = 0.45  # inches above the charts


def picture(figure: Figure, kind: str = "png") -> bytes:
    """A figure of the kind ``levers`` as the bytes of a picture, ``png`` or ``svg``, the same bytes every time."""
    words = _Words()
    levers(words, figure.title, figure.data)
    letters = [char for text in words.words for char in text if not char.isspace()]
    with charts._style([FIRST, "sans-serif"] if kind == "svg" else families(letters)[0]):
        page = _Page()
        levers(page, figure.title, figure.data)
        page.paper.patch.set_facecolor("white")
        return page.saved(kind, visible(figure.title))


def levers(canvas: Plot, title: str, data: dict[str, Any]) -> None:
    """Draws ``charts``, each a figure of the kind ``curves``, beneath a title."""
    found: Sequence[Figure] = data["charts"]
    across = min(2, len(found))
    high = max(_height(canvas, figure) for figure in found) + GAP
    rows = -(-len(found) // across)
    canvas.size(across * WIDTH + (across + 1) * GAP, HEAD + GAP / 2 + rows * high)
    canvas.write(GAP, GAP + 0.1, isolated(visible(title)), TITLE, color=INK)
    for place, figure in enumerate(found):
        row, column = divmod(place, across)
        moved = _Moved(canvas, GAP + column * (WIDTH + GAP), GAP / 2 + HEAD + row * high)
        curves(moved, figure.title, figure.data)


def _height(canvas: Plot, figure: Figure) -> float:
    empty = _Empty(canvas)
    curves(empty, figure.title, figure.data)
    return empty.high


class _Moved:
    """A part of a canvas, whose upper left corner lies at a place of it."""

    def __init__(self, canvas: Plot, left: float, top: float) -> None:
        self.canvas, self.left, self.top = canvas, left, top

    def width(self, text: str, points: float) -> float:
        return self.canvas.width(text, points)

    def size(self, width: float, height: float) -> None:
        """Of no matter: the whole has its size."""

    def write(self, x: float, y: float, text: str, points: float, **style: Any) -> None:
        self.canvas.write(x + self.left, y + self.top, text, points, **style)

    def image(self, place: tuple[float, float, float, float], values: Any, shades: Sequence[str], grid: bool) -> None:
        left, top, wide, high = place
        self.canvas.image((left + self.left, top + self.top, wide, high), values, shades, grid)

    def line(self, points: Sequence[Point], colour: str, inches: float, dashes: tuple[float, ...] = ()) -> None:
        self.canvas.line([(x + self.left, y + self.top) for x, y in points], colour, inches, dashes)

    def dot(self, place: Point, radius: float, colour: str, told: str = "") -> None:
        self.canvas.dot((place[0] + self.left, place[1] + self.top), radius, colour, told)

    def box(self, place: tuple[float, float, float, float], colour: str, told: str = "") -> None:
        left, top, wide, high = place
        self.canvas.box((left + self.left, top + self.top, wide, high), colour, told)


class _Words(charts._Words):
    """A canvas that only takes down what is written on it."""

    def line(self, points: Sequence[Point], colour: str, inches: float, dashes: tuple[float, ...] = ()) -> None:
        """Without words."""

    def dot(self, place: Point, radius: float, colour: str, told: str = "") -> None:
        """Without words."""

    def box(self, place: tuple[float, float, float, float], colour: str, told: str = "") -> None:
        """Without words."""


class _Empty(_Words):
    """A canvas on which only the height counts."""

    def __init__(self, canvas: Plot) -> None:
        super().__init__()
        self.canvas, self.high = canvas, 0.0

    def width(self, text: str, points: float) -> float:
        return self.canvas.width(text, points)

    def size(self, width: float, height: float) -> None:
        self.high = height


class _Page(charts._Page):
    """A figure of matplotlib that has lines, discs and boxes as well; what is drawn later lies above."""

    def _above(self) -> float:
        return 3 + 0.001 * len(self.paper.get_children())

    def line(self, points: Sequence[Point], colour: str, inches: float, dashes: tuple[float, ...] = ()) -> None:
        """A line through points."""
        from matplotlib.lines import Line2D

        width, height = self.paper.get_size_inches()
        thick = 72 * inches
        style: Any = (0, tuple(dash / inches for dash in dashes)) if dashes else "-"
        places = [(x / width, 1 - y / height) for x, y in points]
        self.paper.add_artist(
            Line2D(
                *zip(*places),
                color=colour,
                linewidth=thick,
                linestyle=style,
                transform=self.paper.transFigure,
                solid_capstyle="round",
                zorder=self._above(),
            )
        )

    def dot(self, place: Point, radius: float, colour: str, told: str = "") -> None:
        """A disc."""
        from matplotlib.patches import Ellipse

        width, height = self.paper.get_size_inches()
        x, y = place
        wide, high = 2 * radius / width, 2 * radius / height
        self.paper.add_artist(
            Ellipse(
                (x / width, 1 - y / height),
                wide,
                high,
                color=colour,
                transform=self.paper.transFigure,
                zorder=self._above(),
            )
        )

    def box(self, place: tuple[float, float, float, float], colour: str, told: str = "") -> None:
        """A rectangle."""
        from matplotlib.patches import Rectangle

        width, height = self.paper.get_size_inches()
        left, top, wide, high = place
        corner = (left / width, 1 - (top + high) / height)
        self.paper.add_artist(
            Rectangle(
                corner,
                wide / width,
                high / height,
                color=colour,
                transform=self.paper.transFigure,
                zorder=self._above(),
            )
        )
