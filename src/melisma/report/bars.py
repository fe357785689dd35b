"""A few numbers beside each other as bars, each with its interval."""

from __future__ import annotations

import math
from typing import Any

from melisma.errors import Refusal
from melisma.report.canvas import INK, MUTED, PALE, SERIES, WIDTH, Plot
from melisma.report.lines import isolated, visible
from melisma.report.scale import scale

ROW = 0.46  # inches
BAR = 0.13
TEXT, TITLE = 8.5, 9.5  # points
THIN = 0.0085  # inches
REST = "#9aa7b5"  # of bars to compare with
LONGEST = 40  # characters of a name


def bars(canvas: Plot, title: str, data: dict[str, Any]) -> None:
    """Draws ``bars``, each with ``name``, ``value``, ``text`` and, where known, ``low`` and ``high`` of its interval.

    One that is ``strong`` has the colour that matters. The axis begins at 0 and ends at ``most`` where that is given.
    Raises Refusal where there is no bar.
    """
    rows = [one for one in data["bars"] if math.isfinite(one["value"])]
    if not rows:
        raise Refusal(f"the chart {visible(title)!r} has no bars; at least one is wanted")
    right = WIDTH - max(canvas.width(visible(one["text"]), TEXT) for one in rows) - 0.1
    found = max(max(one["value"], one.get("high", 0.0)) for one in rows)
    axis = scale(0.0, data.get("most") or found or 1.0)
    canvas.size(WIDTH, 0.42 + ROW * len(rows) + 0.26)
    canvas.write(0, 0.15, isolated(visible(title)), TITLE, color=INK)
    bottom = 0.32 + ROW * len(rows)
    for value, name in zip(axis.marks, axis.names):
        x = axis.share(value) * right
        canvas.line([(x, 0.3), (x, bottom)], PALE, THIN)
        side = "left" if not value else "right" if value == axis.high else "center"
        canvas.write(x, bottom + 0.18, name, TEXT, color=MUTED, ha=side)
    for number, one in enumerate(rows):
        _bar(canvas, one, 0.34 + ROW * number, right / axis.high)


def _bar(canvas: Plot, one: dict[str, Any], top: float, inch: float) -> None:
    """One bar beneath its name; ``inch`` is how wide 1 is."""
    strong = one.get("strong")
    canvas.write(0, top + 0.14, isolated(visible(one["name"])[:LONGEST]), TEXT, color=INK if strong else MUTED)
    middle = top + 0.2 + BAR / 2
    colour = SERIES[0] if strong else REST
    canvas.box((0, top + 0.2, max(0.01, one["value"] * inch), BAR), colour, f"{one['name']}: {one['text']}")
    if "low" in one:
        low, high = (min(max(one[end], 0.0) * inch, WIDTH) for end in ("low", "high"))
        canvas.line([(low, middle), (high, middle)], INK, THIN * 1.4)
        for x in (low, high):
            canvas.line([(x, middle - 0.035), (x, middle + 0.035)], INK, THIN * 1.4)
    canvas.write(WIDTH, middle + 0.045, isolated(visible(one["text"])), TEXT, color=INK, ha="right")
