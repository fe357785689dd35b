"""A recording and its text, one above the other on one axis of time: wave, spectrogram, outputs, symbols and words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from melisma.report.bars import REST
from melisma.report.canvas import INK, MUTED, PALE, SERIES, SHADES, Point, Sheet
from melisma.report.lines import isolated, label, visible, wrapped
from melisma.report.over_time import (
    GAP,
    LEFT,
    NAME,
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

CLOSE = 1.3  # times the least: so little more room is not worth a page that must be moved
FITTING = {"words": 80, "symbols": 60}  # per cent of these that find room in their boxes, where that is wide enough
OUTPUTS, SYMBOLS, WORDS = 1.1, 0.27, 0.44  # inches
DASHES, RESTING = (0.014, 0.028), (0.03, 0.025)
LEAST = 0.004  # of a probability that can be seen
TOLD = 0.2  # probability from which on a symbol that is not in the text is named


def alignment(canvas: Sheet, title: str, data: dict[str, Any]) -> None:
    """Draws what ``looks.alignment`` found, under the ``heading`` where it has one.

    Raises Refusal for a recording too long to be read.
    """
    require_readable(data["seconds"])
    axis = Axis(LEFT, _width(canvas, data), data["seconds"])
    width = LEFT + axis.wide + RIGHT
    lines = _heading(canvas, data, width - 2 * RIGHT)
    wave = PAD + 0.24 * len(lines) + (0.08 if lines else 0.0)
    spectrum = wave + WAVE + GAP
    outputs = spectrum + SPECTRUM + GAP
    symbols = outputs + OUTPUTS + GAP
    plain = [one["text"] for one in data["symbols"]] == [one["text"] for one in data["words"]]
    words = symbols + (0.0 if plain else SYMBOLS + NEAR)
    bottom = words + WORDS + NEAR
    canvas.size(width, bottom + 0.42)
    for number, (text, points, colour) in enumerate(lines):
        canvas.write(RIGHT, PAD + 0.24 * number + 0.12, text, points, color=colour)
    colours = _colours(data)
    draw_wave(canvas, axis, wave, data["wave"])
    draw_spectrum(canvas, axis, spectrum, data["spectrogram"])
    _draw_outputs(canvas, axis, outputs, data, colours)
    _draw_parts(canvas, axis, (wave, spectrum + SPECTRUM, outputs, words), data["words"])
    if not plain:
        _draw_symbols(canvas, axis, symbols, data["symbols"], colours)
    _draw_words(canvas, axis, words, data["words"], colours if plain else {})
    draw_seconds(canvas, axis, bottom)


def _width(canvas: Sheet, data: Mapping[str, Any]) -> float:
    """How wide the axis is for most words and symbols to find room."""
    inches = NARROWEST
    for kind, points in (("words", NAME), ("symbols", TEXT)):
        lasting = [(one["end"] - one["begin"], _name(one)) for one in data[kind]]
        wanted = [(canvas.width(name, points) + 0.06) / seconds for seconds, name in lasting if seconds > 0]
        if wanted:
            inches = max(inches, float(np.percentile(wanted, FITTING[kind])) * data["seconds"])
    return NARROWEST if inches < CLOSE * NARROWEST else min(inches, WIDEST)


def _name(one: Mapping[str, Any]) -> str:
    return label(one["text"])


def _heading(canvas: Sheet, data: Mapping[str, Any], room: float) -> list[tuple[str, float, str]]:
    """The text and the recording's name, in lines with their sizes and colours; none where there is no heading."""
    if not data["heading"]:
        return []
    name, text = map(visible, data["heading"])
    pieces = wrapped(text, room, lambda piece: canvas.width(isolated(piece), TITLE))
    said = f"{isolated(name)}, {'with the text that was given' if data['given'] else 'with what the model hears'}"
    return [*((isolated(piece), TITLE, SHADES[-2]) for piece in pieces), (said, TEXT, MUTED)]


def _colours(data: Mapping[str, Any]) -> dict[str, str]:
    """A colour for each symbol of the text, another than those of its neighbours as far as there are enough."""
    said = [one["text"] for one in data["symbols"]]
    found: dict[str, str] = {}
    for place, symbol in enumerate(said):
        if symbol not in found:
            beside = {found.get(other) for other in said[max(0, place - 2) : place]}
            counts = {colour: list(found.values()).count(colour) for colour in SERIES}
            found[symbol] = min(SERIES, key=lambda colour: (colour in beside, counts[colour]))
    return found


def _draw_outputs(canvas: Sheet, axis: Axis, top: float, data: Mapping[str, Any], colours: Mapping[str, str]) -> None:
    edges, bottom = data["edges"], top + OUTPUTS
    places = [axis.at((one + other) / 2) for one, other in pairwise(edges)]
    for share in (0, 0.5, 1):
        y = bottom - share * OUTPUTS
        canvas.line([(axis.left, y), (axis.left + axis.wide, y)], PALE, THIN)
        canvas.write(axis.left - 0.08, y + 0.035, f"{share:g}", SMALL, color=MUTED, ha="right")
    middle = top + OUTPUTS / 2
    canvas.write(axis.left - 0.4, middle, "probability", SMALL, color=MUTED, ha="center", rotation=90)
    _name_blank(canvas, axis.left - 0.08, bottom - 0.27 * OUTPUTS)
    others: list[tuple[float, float, str]] = []
    for one in data["posteriors"]:
        points = [(x, bottom - share * OUTPUTS) for x, share in zip(places, one["values"])]
        pieces = _seen(points, one["values"])
        if one["kind"] != "other" and not one["symbol"].strip():
            for piece in pieces:
                canvas.line(piece, REST if one["kind"] == "blank" else MUTED, THIN, RESTING)
            continue
        colour = colours.get(one["symbol"].strip(), MUTED)
        for piece in pieces:
            canvas.area([(piece[0][0], bottom), *piece, (piece[-1][0], bottom)], colour, 0.18, _symbol(one["symbol"]))
            canvas.line(piece, colour, THICK)
        if one["kind"] == "other" and max(one["values"], default=0.0) >= TOLD:
            others.append((*points[int(np.argmax(one["values"]))], _symbol(one["symbol"])))
    _name_others(canvas, others)


def _name_blank(canvas: Sheet, right: float, y: float) -> None:
    """A piece of the line of the blank, and its name."""
    canvas.line([(right - 0.22, y), (right, y)], REST, THIN, RESTING)
    canvas.write(right, y + 0.11, "blank", SMALL, color=MUTED, ha="right")


def _name_others(canvas: Sheet, peaks: Sequence[tuple[float, float, str]]) -> None:
    """Symbols that are not in the text at their peaks; where two would stand on each other, the later is left out."""
    ends: list[tuple[float, float, float]] = []
    for x, y, name in peaks:
        half = canvas.width(name, TEXT) / 2 + 0.03
        if all(abs(y - other) > TEXT / 72 or x - half > right or x + half < left for left, right, other in ends):
            canvas.write(x, y - 0.03, name, TEXT, color=MUTED, ha="center")
            ends.append((x - half, x + half, y))


def _symbol(text: str) -> str:
    """A symbol without the blank that says that it begins a word."""
    return label(text.strip() or text)


def _seen(points: Sequence[Point], shares: Sequence[float]) -> list[list[Point]]:
    """The stretches of a curve that can be told from nothing, each with a point before and behind."""
    pieces: list[list[Point]] = []
    last = -2
    for place in range(len(points)):
        if max(shares[max(0, place - 1) : place + 2]) >= LEAST:
            if place > last + 1:
                pieces.append([])
            pieces[-1].append(points[place])
            last = place
    return [piece for piece in pieces if len(piece) > 1]


def _draw_parts(
    canvas: Sheet, axis: Axis, rows: tuple[float, float, float, float], words: Sequence[Mapping[str, Any]]
) -> None:
    """Where words begin and end, through everything above them."""
    first, second, third, fourth = rows
    for instant in sorted({one[end] for one in words for end in ("begin", "end")}):
        x = axis.at(instant)
        for begin, end in ((first, second), (third, fourth)):
            canvas.line([(x, begin), (x, end)], MUTED, THIN, DASHES)


def _draw_symbols(
    canvas: Sheet, axis: Axis, top: float, symbols: Sequence[Mapping[str, Any]], colours: Mapping[str, str]
) -> None:
    canvas.write(axis.left - 0.08, top + 0.175, "symbols", SMALL, color=MUTED, ha="right")
    for one in symbols:
        left, right = axis.at(one["begin"]), axis.at(one["end"])
        _box(canvas, (left, top, right - left, SYMBOLS), colours[one["text"]], 0.2, _told(one))
        _write_inside(canvas, (left, right), top + 0.18, _name(one), (TEXT, SMALL), INK)


def _draw_words(
    canvas: Sheet, axis: Axis, top: float, words: Sequence[Mapping[str, Any]], colours: Mapping[str, str]
) -> None:
    for place, caption in ((0.2, "words"), (0.36, "confidence")):
        canvas.write(axis.left - 0.08, top + place, caption, SMALL, color=MUTED, ha="right")
    for one in words:
        left, right = axis.at(one["begin"]), axis.at(one["end"])
        _box(
            canvas,
            (left, top, right - left, WORDS),
            colours.get(one["text"], SERIES[0]),
            0.06 + 0.2 * one["confidence"],
            _told(one),
        )
        _write_inside(canvas, (left, right), top + 0.2, _name(one), (NAME, TEXT, SMALL), INK)
        _write_inside(canvas, (left, right), top + 0.36, f"{one['confidence']:.2f}", (SMALL,), MUTED)


def _write_inside(
    canvas: Sheet, ends: tuple[float, float], y: float, text: str, sizes: Sequence[float], colour: str
) -> None:
    """A text in the middle, as large as it fits; nothing where it does not."""
    left, right = ends
    points = next((one for one in sizes if canvas.width(text, one) <= right - left), None)
    if points is not None:
        canvas.write((left + right) / 2, y, text, points, color=colour, ha="center")


def _box(canvas: Sheet, place: tuple[float, float, float, float], colour: str, strength: float, told: str) -> None:
    left, top, wide, high = place
    gap = min(0.01, wide / 4)
    corners = [(left + gap, top), (left + wide - gap, top), (left + wide - gap, top + high), (left + gap, top + high)]
    canvas.area(corners, colour, strength, told)


def _told(one: Mapping[str, Any]) -> str:
    return f"{one['text']}: {one['begin']:.2f} to {one['end']:.2f} s, confidence {one['confidence']:.2f}"
