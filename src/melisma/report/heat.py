"""A map of values between 0 and 1: a row for each symbol written, a column for each symbol read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from melisma.errors import Refusal
from melisma.report.lines import FIRST_STRONG, isolated, label, visible, wrapped

MOST = 300  # rows or columns of a map; of more, no name could be read
END = "</s>"
END_NAME = "end"

# From almost paper to ink, evenly darker, so that a grey print and a colour-blind eye read the same order.
SHADES = ("#f4f6f9", "#d9e5f1", "#aecbe4", "#74a7d1", "#3b7db6", "#175690", "#0a3160")
INK, MUTED, PALE = "#1f2a37", "#6b7684", "#d5dbe3"

BODY = 6.0  # inches that a map of middling size fills; the cells of smaller and larger ones are held in bounds
CELL = (0.18, 0.4)  # inches
PAD = 0.3  # inches around everything
NARROWEST = 4.4  # inches, so that a title has room
LEAST = 2.6  # inches right of the names, for the caption and the scale
TITLE, CAPTION = 12.0, 9.0  # points
SLANT = 60  # degrees of a name too long for its column


class Canvas(Protocol):
    """What of a figure of matplotlib is drawn on, its places in inches from the upper left corner."""

    def width(self, text: str, points: float) -> float:
        """How wide a text is drawn, in inches."""

    def size(self, width: float, height: float) -> None:
        """How large the picture is; to be said before anything is placed."""

    def write(self, x: float, y: float, text: str, points: float, **style: Any) -> None:
        """A text with its anchor at this place, on its base line unless the style says otherwise."""

    def image(self, place: tuple[float, float, float, float], values: Any, shades: Sequence[str], grid: bool) -> None:
        """Values from 0 to 1 as equal cells inside ``(left, top, width, height)``."""


@dataclass(frozen=True)
class Sizes:
    """Where a map's parts lie, in inches from the upper left corner."""

    cell: float
    points: float  # of the names
    left: float  # of the map
    top: float
    rows: int
    columns: int
    width: float  # of the picture
    height: float


def heat(canvas: Canvas, title: str, data: dict[str, Any]) -> None:
    """Draws ``rows``, ``columns``, ``values`` and, where given, the ``heading``: lines that stand for the title.

    Raises Refusal for a map too large to be read.
    """
    longest = max(len(data["rows"]), len(data["columns"]))
    if longest > MOST:
        raise Refusal(f"the map has {longest:,} rows or columns; at most {MOST} can be read: wanted is a shorter text")
    rows, columns = names(data["rows"]), names(data["columns"])
    cell = min(max(BODY / max(longest, 1), CELL[0]), CELL[1])
    points = min(max(cell * 72 * 0.42, 7.5), 10.5)
    wide = [canvas.width(name, points) for name in columns]
    slanted = _slanted(columns, wide, cell)
    high = max([points / 72, *(_rise(width, points) for width, slant in zip(wide, slanted) if slant)])
    left = PAD + 0.34 + max(canvas.width(name, points) for name in rows)
    over = max((i + 0.5) * cell + width * _cosine() for i, width in enumerate(wide)) if any(slanted) else 0.0
    width = max(NARROWEST, left + max(len(columns) * cell, over, LEAST) + PAD)
    lines = _heading(canvas, [visible(part) for part in data.get("heading", [title])], width - 2 * PAD)
    top = PAD + len(lines) * TITLE / 72 * 1.5 + 0.42 + high + 0.1
    height = top + max(len(rows) * cell, 1.2) + 0.42 + PAD
    sizes = Sizes(cell, points, left, top, len(rows), len(columns), width, height)
    canvas.size(width, height)
    _draw_heading(canvas, lines)
    canvas.image((left, top, len(columns) * cell, len(rows) * cell), data["values"], SHADES, True)
    _draw_names(canvas, sizes, rows, columns, slanted)
    _draw_captions(canvas, sizes, top - high - 0.22, any(name.startswith(FIRST_STRONG) for name in columns))
    _draw_scale(canvas, sizes)


def names(tokens: Sequence[str]) -> list[str]:
    """The names of rows or columns; a mark of the end as the last one is a word of its own."""
    shown = [label(token) for token in tokens]
    return [*shown[:-1], END_NAME] if tokens and tokens[-1] == END else shown


def _slanted(columns: Sequence[str], wide: Sequence[float], cell: float) -> list[bool]:
    """Which names are slanted: none if all fit, else all but the shortest, so that words stand alike."""
    short = [name == END_NAME or (len(name) <= 2 and width <= cell) for name, width in zip(columns, wide)]
    if all(width <= cell * 0.94 for name, width in zip(columns, wide) if name != END_NAME):
        return [False] * len(columns)
    return [not fits for fits in short]


def _cosine() -> float:
    return math.cos(math.radians(SLANT))


def _rise(width: float, points: float) -> float:
    """How high a slanted name reaches, in inches."""
    return width * math.sin(math.radians(SLANT)) + points / 72 * _cosine()


def _heading(canvas: Canvas, parts: Sequence[str], room: float) -> list[tuple[bool, float, str]]:
    """Of each line whether an arrow leads it, its indent in inches, and its text; two lines a part at most."""
    arrow = canvas.width("→ ", TITLE)
    lines: list[tuple[bool, float, str]] = []
    for number, part in enumerate(parts):
        indent = arrow if number else 0.0
        pieces = wrapped(part, room - indent, lambda piece: canvas.width(isolated(piece), TITLE)) or [""]
        lines += [(number > 0 and first == 0, indent, isolated(piece)) for first, piece in enumerate(pieces)]
    return lines


def _draw_heading(canvas: Canvas, lines: Sequence[tuple[bool, float, str]]) -> None:
    for number, (arrow, indent, text) in enumerate(lines):
        y = PAD + (number + 0.75) * TITLE / 72 * 1.5
        if arrow:
            canvas.write(PAD, y, "→", TITLE, color=MUTED)
        canvas.write(PAD + indent, y, text, TITLE, color=SHADES[-2] if indent else INK)


def _draw_names(
    canvas: Canvas, sizes: Sizes, rows: Sequence[str], columns: Sequence[str], slanted: Sequence[bool]
) -> None:
    for number, name in enumerate(rows):
        y = sizes.top + (number + 0.5) * sizes.cell + sizes.points / 72 * 0.36
        canvas.write(sizes.left - 0.09, y, name, sizes.points, ha="right", color=_colour(rows, number))
    for number, (name, slant) in enumerate(zip(columns, slanted)):
        x = sizes.left + (number + 0.5) * sizes.cell + (sizes.points / 72 * 0.2 if slant else 0)
        style: dict[str, Any] = {"ha": "left", "rotation": SLANT} if slant else {"ha": "center"}
        if name == END_NAME and canvas.width(name, sizes.points) > sizes.cell:
            x, style = sizes.left + number * sizes.cell + 0.03, {"ha": "left"}
        canvas.write(x, sizes.top - 0.1, name, sizes.points, color=_colour(columns, number), **style)


def _colour(shown: Sequence[str], number: int) -> str:
    return MUTED if number + 1 == len(shown) and shown[number] == END_NAME else INK


def _draw_captions(canvas: Canvas, sizes: Sizes, y: float, turned: bool) -> None:
    read = "read (source), from the left" if turned else "read (source)"
    canvas.write(sizes.left, y, read, CAPTION, color=MUTED)
    middle = sizes.top + max(sizes.rows * sizes.cell, 1.2) / 2
    canvas.write(PAD + 0.11, middle, "written (answer)", CAPTION, color=MUTED, ha="center", rotation=90)


def _draw_scale(canvas: Canvas, sizes: Sizes) -> None:
    y = sizes.height - PAD
    x = sizes.left
    canvas.write(x, y, "attention", CAPTION, color=MUTED)
    x += canvas.width("attention", CAPTION) + 0.16
    canvas.write(x, y, "0", CAPTION, color=MUTED)
    x += 0.13
    canvas.image((x, y - 0.1, 1.2, 0.1), [[step / 255 for step in range(256)]], SHADES, False)
    canvas.write(x + 1.26, y, "1", CAPTION, color=MUTED)
