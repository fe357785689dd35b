"""A recording and how surely trigger words are heard in it, on one axis of time: wave, spectrogram, scores, alarms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
SCORES, NAMES = 1.2, 0.2  # inches
DASHES = (0.05, 0.035)
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
    scores = spectrum + SPECTRUM + GAP + NAMES
    canvas.size(LEFT + axis.wide + RIGHT, scores + SCORES + NEAR + 0.42)
    for number, (text, points, colour) in enumerate(heading):
        canvas.write(RIGHT, PAD + 0.24 * number + 0.12, text, points, color=colour)
    draw_wave(canvas, axis, wave, data["wave"])
    draw_spectrum(canvas, axis, spectrum, data["spectrogram"])
    _draw_ends(canvas, axis, (wave, scores + SCORES), data)
    _draw_scores(canvas, axis, scores, data)
    _draw_alarms(canvas, axis, (wave, scores), data)
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


def _draw_ends(canvas: Sheet, axis: Axis, ends: tuple[float, float], data: Mapping[str, Any]) -> None:
    """Where words that are known to be said end."""
    top, bottom = ends
    for one in data["ends"]:
        x = axis.at(one["second"])
        canvas.line([(x, top), (x, bottom)], MUTED, THIN, (0.014, 0.028))
        canvas.write(x - 0.04, bottom - SCORES - 0.06, f"{_shown(one['text'])} ends", SMALL, color=MUTED, ha="right")


def _draw_alarms(canvas: Sheet, axis: Axis, ends: tuple[float, float], data: Mapping[str, Any]) -> None:
    """Each alarm through everything, with its word; names that would stand on each other are left out."""
    top, scores = ends
    colours, free = _colours(data), 0.0
    for one in data["alarms"]:
        x, y = axis.at(one["second"]), scores + (1 - min(1.0, one["score"])) * SCORES
        canvas.line([(x, top), (x, scores + SCORES)], colours[one["text"]], THICK)
        canvas.dot((x, y), DOT, colours[one["text"]], f"{one['text']}: {one['second']:.2f} s, score {one['score']:.2f}")
        said = f"{_shown(one['text'])} {one['second']:.2f}"
        if x >= free:
            left = x + 0.04 + canvas.width(said, TEXT) > axis.left + axis.wide + RIGHT
            canvas.write(
                x + (-0.04 if left else 0.04), scores - 0.06, said, TEXT, color=INK, ha="right" if left else "left"
            )
            free = x + 0.1 + canvas.width(said, TEXT)
