"""A recording along one axis of time: its wave, its spectrogram, and the seconds beneath."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from melisma.errors import Refusal
from melisma.report.canvas import MUTED, Sheet
from melisma.report.scale import inside

LONGEST = 60.0  # seconds of a picture; of more, neither a word nor an alarm could be told from the next
NARROWEST, WIDEST = 6.1, 20.0  # inches of the time axis
LEFT, RIGHT = 0.72, 0.22  # inches beside it
PAD = 0.18  # inches above and below
WAVE, SPECTRUM = 0.62, 1.5  # inches
GAP, NEAR = 0.13, 0.05
TITLE, NAME, TEXT, SMALL = 11.5, 10.0, 8.5, 7.0  # points
THICK, THIN = 0.014, 0.0085  # inches
WAVING = "#7f93a8"


@dataclass(frozen=True)
class Axis:
    """Where seconds lie."""

    left: float
    wide: float
    seconds: float

    def at(self, second: float) -> float:
        """The place of a time."""
        return self.left + min(max(second / self.seconds, 0.0), 1.0) * self.wide


def require_readable(seconds: float) -> None:
    """Refuses a recording of nothing, and one too long to be read in one picture."""
    if not 0 < seconds <= LONGEST:
        raise Refusal(
            f"the recording has {seconds:,.0f} s; a picture of at most {LONGEST:.0f} can be read: wants a part of it"
        )


def draw_wave(canvas: Sheet, axis: Axis, top: float, wave: Sequence[Sequence[float]]) -> None:
    """The least and the greatest sample of each of equally long stretches, as high as the loudest of them."""
    peak = max((abs(one) for pair in wave for one in pair), default=0.0) or 1.0
    middle, half = top + WAVE / 2, WAVE / 2 / peak
    step = axis.wide / len(wave)
    places = [axis.left + (number + 0.5) * step for number in range(len(wave))]
    above = [(x, middle - high * half - THIN / 2) for x, (_, high) in zip(places, wave)]
    below = [(x, middle - low * half + THIN / 2) for x, (low, _) in zip(places, wave)]
    canvas.area([*above, *reversed(below)], WAVING)


def draw_spectrum(canvas: Sheet, axis: Axis, top: float, found: Mapping[str, Any]) -> None:
    """A spectrogram with its frequencies; ``begin`` and ``end`` are where in time it lies."""
    left, right = axis.at(found["begin"]), axis.at(found["end"])
    canvas.field((left, top, right - left, SPECTRUM), found["rows"][::-1])
    for hertz, share in found["marks"]:
        y = top + (1 - share) * SPECTRUM
        canvas.line([(axis.left - 0.05, y), (axis.left, y)], MUTED, THIN)
        canvas.write(axis.left - 0.08, y + 0.035, f"{hertz / 1000:g}", SMALL, color=MUTED, ha="right")
    canvas.write(axis.left - 0.4, top + SPECTRUM / 2, "kHz", SMALL, color=MUTED, ha="center", rotation=90)


def draw_seconds(canvas: Sheet, axis: Axis, top: float) -> None:
    """The axis itself."""
    right = axis.left + axis.wide
    canvas.line([(axis.left, top), (right, top)], MUTED, THIN)
    marks = inside(0.0, axis.seconds, max(5, round(axis.wide * 1.3)))
    for value, name in zip(marks.marks, marks.names):
        x = axis.at(value)
        canvas.line([(x, top), (x, top + 0.04)], MUTED, THIN)
        canvas.write(x, top + 0.17, name, TEXT, color=MUTED, ha="center")
    canvas.write(axis.left + axis.wide / 2, top + 0.34, "seconds", TEXT, color=MUTED, ha="center")
