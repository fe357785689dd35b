"""A recording and how surely trigger words are heard in it, on one axis of time: wave, spectrogram, scores, alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from melisma.measures.units import at_second
from melisma.report.canvas import INK, MUTED, PALE, SERIES, SHADES, Sheet
from melisma.report.lines import isolated, visible
from melisma.report.over_time import (
    GAP,
    LEFT,
    NARROWEST,
    NEAR,
    PAD,
    RIGHT,
    SMALL,
    SPECTRUM,
    TEXT,
    THICK,
    THIN,
    TITLE,
    WAVE,
    WIDEST,
    Axis,
    draw_seconds,
    draw_spectrum,
    draw_wave,
    require_readable,
)

INCHES = 0.45  # of a second, where that is more than the narrowest picture has
SCORES, NAMES = 1.2, 0.2  # inches, the latter of a row of names
BESIDE, APART = 0.04, 0.06  # inches between a line and its name, and between two names
DASHES, DOTS = (0.05, 0.035), (0.014, 0.028)
DOT = 0.035


def alarms(canvas: Sheet, title: str, data: dict[str, Any]) -> None:
    """Draws what ``looks.alarms`` found, under the ``heading`` where it has one.

    Raises Refusal for a recording too long to be read.
    """
    require_readable(data["seconds"])
    axis = Axis(LEFT, min(WIDEST, max(NARROWEST, INCHES * data["seconds"])), data["seconds"])
    heading = _heading(data)
    wave = PAD + 0.24 * len(heading) + (0.08 if heading else 0.0)
    spectrum = wave + WAVE + GAP
    marks = _marks(canvas, axis, data)
    scores = spectrum + SPECTRUM + GAP + _names_high(marks)
    canvas.size(LEFT + axis.wide + RIGHT, scores + SCORES + NEAR + 0.42)
    for number, (text, points, colour) in enumerate(heading):
        canvas.write(RIGHT, PAD + 0.24 * number + 0.12, text, points, color=colour)
    draw_wave(canvas, axis, wave, data["wave"])
    draw_spectrum(canvas, axis, spectrum, data["spectrogram"])
    _draw_scores(canvas, axis, scores, data)
    _draw_marks(canvas, marks, wave, scores)
    _draw_dots(canvas, axis, scores, data)
    draw_seconds(canvas, axis, scores + SCORES + NEAR)


def _heading(data: Mapping[str, Any]) -> list[tuple[str, float, str]]:
    """What was heard and the recording's name; none where there is no heading."""
    if not data["heading"]:
        return []
    name, text = data["heading"]
    return [(_shown(text or "nothing heard", 80), TITLE, SHADES[-2]), (_shown(name, 100), TEXT, MUTED)]


def _shown(text: str, longest: int = 28) -> str:
    """As much of a text as there is room for."""
    return isolated(visible(text[:longest]) + ("…" if len(text) > longest else ""))


def _colours(data: Mapping[str, Any]) -> dict[str, str]:
    return {one["text"]: SERIES[number % len(SERIES)] for number, one in enumerate(data["words"])}


def _draw_scores(canvas: Sheet, axis: Axis, top: float, data: Mapping[str, Any]) -> None:
    """The scores of all words, each with its threshold."""
    bottom, colours = top + SCORES, _colours(data)
    for share in (0, 0.5, 1):
        y = bottom - share * SCORES
        canvas.line([(axis.left, y), (axis.left + axis.wide, y)], PALE, THIN)
        canvas.write(axis.left - 0.08, y + 0.035, f"{share:g}", SMALL, color=MUTED, ha="right")
    canvas.write(axis.left - 0.4, top + SCORES / 2, "score", SMALL, color=MUTED, ha="center", rotation=90)
    for one in data["words"]:
        colour = colours[one["text"]]
        points = [(axis.at(time), bottom - score * SCORES) for time, score in zip(one["times"], one["scores"])]
        if len(points) > 1:
            canvas.area([(points[0][0], bottom), *points, (points[-1][0], bottom)], colour, 0.15, _shown(one["text"]))
            canvas.line(points, colour, THICK)
        y = bottom - min(1.0, one["threshold"]) * SCORES
        canvas.line([(axis.left, y), (axis.left + axis.wide, y)], colour, THIN, DASHES)
    _name_thresholds(canvas, axis, bottom, data)


def _name_thresholds(canvas: Sheet, axis: Axis, bottom: float, data: Mapping[str, Any]) -> None:
    """Each threshold at its right end; of those that lie too close together only the first is named."""
    named: list[float] = []
    for one in data["words"]:
        y = bottom - min(1.0, one["threshold"]) * SCORES
        if all(abs(y - other) > 0.12 for other in named):
            said = f"threshold {one['threshold']:.2f}" + (f" ({_shown(one['text'])})" if len(data["words"]) > 1 else "")
            below = y - 0.035 if bottom - y < SCORES / 2 else y + 0.11
            canvas.write(axis.left + axis.wide - 0.03, below, said, SMALL, color=MUTED, ha="right")
            named.append(y)


class _Mark(NamedTuple):
    """A line through the picture with a name beside it: an alarm, or where a word that is known to be said ends."""

    x: float
    said: str
    alarm: bool
    colour: str
    left: float  # where its name begins and ends
    right: float
    row: int  # in which its name stands, the lowest being 0


def _marks(canvas: Sheet, axis: Axis, data: Mapping[str, Any]) -> list[_Mark]:
    """All alarms and ends of words, each name in the lowest row in which it stands on no other, whatever that takes."""
    colours, rows, found = _colours(data), list[float](), []
    wanted = [(axis.at(one["second"]), f"{_shown(one['text'])} ends", False, MUTED) for one in data["ends"]]
    wanted += [
        (axis.at(one["second"]), f"{_shown(one['text'])} {at_second(one['second'])}", True, colours[one["text"]])
        for one in data["alarms"]
    ]
    placed = []
    for x, said, alarm, colour in wanted:
        wide = canvas.width(said, TEXT if alarm else SMALL) + BESIDE
        before = x - wide >= RIGHT if not alarm else x + wide > axis.left + axis.wide + RIGHT
        placed.append((x - wide if before else x, x if before else x + wide, x, said, alarm, colour))
    for left, right, x, said, alarm, colour in sorted(placed):
        row = next((number for number, end in enumerate(rows) if left >= end), len(rows))
        rows[row:] = [right + APART, *rows[row + 1 :]]
        found.append(_Mark(x, said, alarm, colour, left, right, row))
    return found


def _draw_marks(canvas: Sheet, marks: Sequence[_Mark], top: float, scores: float) -> None:
    """Each line from ``top`` through the names and the ``scores`` beneath them, with its name."""
    for one in marks:
        dashes, thick = ((), THICK) if one.alarm else (DOTS, THIN)
        for begin, end in _pieces(one, marks, top, scores):
            canvas.line([(one.x, begin), (one.x, end)], one.colour, thick, dashes)
        before = one.left < one.x
        size, colour = (TEXT, INK) if one.alarm else (SMALL, MUTED)
        place = one.x - BESIDE if before else one.x + BESIDE
        side = "right" if before else "left"
        canvas.write(place, scores - NAMES * one.row - 0.06, one.said, size, color=colour, ha=side)


def _pieces(one: _Mark, marks: Sequence[_Mark], top: float, scores: float) -> list[tuple[float, float]]:
    """The line of a mark, from above, without the rows in which it would cross another's name."""
    crossed = {other.row for other in marks if other is not one and other.left < one.x < other.right}
    ends = [top]
    for row in sorted(crossed, reverse=True):
        ends += [scores - NAMES * (row + 1), scores - NAMES * row]
    ends.append(scores + SCORES)
    return [(begin, end) for begin, end in zip(ends[::2], ends[1::2]) if begin < end]


def _names_high(marks: Sequence[_Mark]) -> float:
    """How much room the names take."""
    return NAMES * (1 + max((one.row for one in marks), default=0))


def _draw_dots(canvas: Sheet, axis: Axis, scores: float, data: Mapping[str, Any]) -> None:
    """Each alarm at its score."""
    colours = _colours(data)
    for one in data["alarms"]:
        place = axis.at(one["second"]), scores + (1 - min(1.0, one["score"])) * SCORES
        told = f"{one['text']}: {at_second(one['second'])} s, score {one['score']:.2f}"
        canvas.dot(place, DOT, colours[one["text"]], told)
