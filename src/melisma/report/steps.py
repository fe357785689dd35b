"""The steps of a decoder as a table: what was heard, what was said and how surely, and where two ways part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from melisma.errors import Refusal
from melisma.report.heat import INK, MUTED, SHADES, Canvas
from melisma.report.lines import isolated, label, visible, wrapped

MOST = 300  # steps of a picture; of more, none could be read
ROW = 0.24  # inches
PAD, GAP, BETWEEN = 0.3, 0.16, 0.5  # inches: around everything, between columns, between both sides
NARROWEST = 6.0  # inches, so that a title has room
TEXT, TITLE, CAPTION = 9.0, 12.0, 9.0  # points
PARTED = "#b4540a"  # of the step at which they part
SIDES = (("forced", "hearing the target (teacher forcing)"), ("free", "hearing itself (free running)"))
LONGEST = 16  # characters of a symbol


@dataclass(frozen=True)
class Column:
    """Texts beneath each other, or shares as cells."""

    title: str
    texts: tuple[str, ...]
    colour: str = INK
    shares: tuple[float, ...] = ()


def steps(canvas: Canvas, title: str, data: dict[str, Any]) -> None:
    """Draws ``forced`` and ``free`` side by side under the ``heading``; the step ``parting`` is marked.

    Each is a list of steps with ``heard``, ``says``, ``share`` and ``others``; those of ``forced`` have ``wanted`` and
    ``likely`` as well. Raises Refusal for more steps than can be read.
    """
    count = max(len(data["forced"]), len(data["free"]))
    if count > MOST:
        raise Refusal(f"there are {count:,} steps; at most {MOST} can be read: wanted is a shorter text")
    numbers = Column("step", tuple(str(number + 1) for number in range(count)), MUTED)
    sides = [_columns(data[name]) for name, _ in SIDES]
    edge = PAD + _wide(canvas, numbers) + GAP
    starts, width = [edge], edge
    for columns, (_, caption) in zip(sides, SIDES):
        held = sum(_wide(canvas, column) + GAP for column in columns) - GAP
        width = starts[-1] + max(held, canvas.width(caption, CAPTION))
        starts.append(width + BETWEEN)
    width = max(width + PAD, NARROWEST)
    heading = _heading(canvas, data.get("heading", [title]), width - 2 * PAD)
    top = PAD + len(heading) * TITLE / 72 * 1.5 + 0.62
    canvas.size(width, top + count * ROW + PAD)
    for number, (text, colour) in enumerate(heading):
        canvas.write(PAD, PAD + (number + 0.75) * TITLE / 72 * 1.5, text, TITLE, color=colour)
    _draw(canvas, [numbers], PAD, top)
    for columns, (_, caption), left in zip(sides, SIDES, starts):
        canvas.write(left, top - 0.36, caption, CAPTION, color=MUTED)
        _draw(canvas, columns, left, top)
    if data["parting"] is not None:
        y = top + (data["parting"] + 0.5) * ROW + TEXT / 72 * 0.36
        canvas.write(starts[1] - BETWEEN / 2, y, "≠", TITLE, color=PARTED, ha="center")


def _columns(told: Sequence[Mapping[str, Any]]) -> list[Column]:
    columns = [Column("heard", tuple(_symbol(step["heard"]) for step in told), MUTED)]
    if told and "wanted" in told[0]:
        columns += [Column("target", tuple(_symbol(step["wanted"]) for step in told))]
        columns += _shares([step["likely"] for step in told])
    columns += [Column("says", tuple(_symbol(step["says"]) for step in told))]
    columns += _shares([step["share"] for step in told])
    runners_up = tuple("   ".join(f"{_symbol(name)} {share:.2f}" for name, share in step["others"]) for step in told)
    return [*columns, Column("or", runners_up, MUTED)]


def _shares(shares: Sequence[float]) -> list[Column]:
    """Cells as dark as they are sure, and the numbers beside them."""
    return [Column("", (), shares=tuple(shares)), Column("p", tuple(f"{share:.2f}" for share in shares))]


def _symbol(name: str) -> str:
    return isolated(label(name, LONGEST))


def _wide(canvas: Canvas, column: Column) -> float:
    if column.shares:
        return ROW
    return max(canvas.width(text, TEXT) for text in (column.title, *column.texts))


def _heading(canvas: Canvas, parts: Sequence[str], room: float) -> list[tuple[str, str]]:
    """Lines with their colours: the source, then what it became."""
    lines = []
    for number, part in enumerate(map(visible, parts)):
        arrow = "→ " if number else ""
        pieces = wrapped(part, room - canvas.width(arrow, TITLE), lambda text: canvas.width(isolated(text), TITLE))
        colour = SHADES[-2] if number else INK
        lines += [(arrow * (not first) + isolated(text), colour) for first, text in enumerate(pieces or [""])]
    return lines


def _draw(canvas: Canvas, columns: Sequence[Column], left: float, top: float) -> None:
    for column in columns:
        canvas.write(left, top - 0.12, column.title, CAPTION, color=MUTED)
        if column.shares:
            place = (left, top, ROW, len(column.shares) * ROW)
            canvas.image(place, [[share] for share in column.shares], SHADES, True)
        for number, text in enumerate(column.texts):
            canvas.write(left, top + (number + 0.5) * ROW + TEXT / 72 * 0.36, text, TEXT, color=column.colour)
        left += _wide(canvas, column) + GAP
