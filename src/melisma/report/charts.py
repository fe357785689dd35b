"""Figures as pictures."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from melisma.errors import Refusal
from melisma.task import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 160
PIXELS = 20_000_000  # of a picture at most: what is larger is drawn coarser, not in gigabytes of memory
MOST = 300  # rows or columns of a map; of more, no name could be read

# The first of these that a machine has gives the letters that the ones before lack.
FONTS = (
    "DejaVu Sans",
    "Noto Sans",
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Noto Sans Arabic",
    "Noto Sans Devanagari",
    "WenQuanYi Zen Hei",
)


def draw(figure: Figure, kind: str = "png") -> bytes:
    """A figure as the bytes of a picture, ``png`` or ``svg``; nothing is shown on a screen."""
    from matplotlib import font_manager, rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    there = {font.name for font in font_manager.fontManager.ttflist}
    with (
        rc_context({"font.family": [font for font in FONTS if font in there], "svg.fonttype": "path"}),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        canvas = Canvas(layout="constrained")
        FigureCanvasAgg(canvas)
        DRAWN[figure.kind](canvas, figure.data)
        canvas.suptitle(_shortened(figure.title, canvas.get_size_inches()[0]), fontsize=11)
        file = io.BytesIO()
        canvas.savefig(file, format=kind, dpi=_dpi(*canvas.get_size_inches()))
    return file.getvalue()


def _dpi(width: float, height: float) -> float:
    """Dots an inch of a picture that is so many inches wide and high."""
    return min(DPI, math.sqrt(PIXELS / (width * height)))


def _heat(canvas: Any, data: dict[str, Any]) -> None:
    """A value between 0 and 1 for each pair of a row and a column."""
    rows, columns = data["rows"], data["columns"]
    longest = max(len(rows), len(columns))
    if longest > MOST:
        raise Refusal(f"the map has {longest:,} rows or columns; at most {MOST} can be read: wanted is a shorter text")
    canvas.set_size_inches(1.6 + 0.32 * len(columns), 1.4 + 0.32 * len(rows))
    axes: Axes = canvas.add_subplot()
    axes.imshow(data["values"], cmap="Blues", vmin=0, vmax=1, aspect="equal")
    axes.set_xticks(
        range(len(columns)),
        [_plain(text) for text in columns],
        rotation=0 if max(map(len, columns)) < 3 else 60,
        ha="center",
    )
    axes.set_yticks(range(len(rows)), [_plain(text) for text in rows])
    axes.set_xlabel("read")
    axes.set_ylabel("written")
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_color("#cccccc")


LETTERS = 10  # letters of a title an inch


DRAWN: dict[str, Callable[[Any, dict[str, Any]], None]] = {"heat": _heat}
"""Kind of figure -> how it is drawn."""


def _plain(text: str) -> str:
    return text.replace("$", r"\$")


def _shortened(text: str, inches: float) -> str:
    """As much of a title as a picture so wide can hold."""
    most = max(12, int(inches * LETTERS))
    return _plain(text if len(text) <= most else text[: most - 1] + "…")
