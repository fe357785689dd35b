"""Tables for a terminal or a pipe: names at the left, numbers at the right, so that their decimal points align."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from melisma.text.unicode import printable

GAP = "  "


def columns(rows: Sequence[Sequence[str]], right: Collection[int] = (), *, indent: str = "") -> list[str]:
    """Rows of equally many cells as plain lines; the columns ``right`` are aligned at their right end.

    A column that is empty throughout is left out, and no cell can break its line.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines = []
    for row in cells:
        shown = [
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths))
            if width
        ]
        lines.append((indent + GAP.join(shown)).rstrip())
    return lines
