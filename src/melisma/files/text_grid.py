"""Intervals of a recording as a TextGrid, the file in which Praat keeps what is said when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

HEAD = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'


class Interval(NamedTuple):
    """What is said from ``begin`` to ``end``, in seconds."""

    begin: float
    end: float
    text: str


def text_grid(seconds: float, tiers: Mapping[str, Sequence[Interval]]) -> str:
    """A recording of so many seconds as a TextGrid in Praat's long text format: an interval tier for each name.

    Praat wants each tier filled from 0 to the end: where nothing is said there are intervals without text. Quotation
    marks are doubled, as there. Raises ValueError for intervals that are empty, overlap, or lie beyond the recording.
    """
    lines = [f"xmin = 0 \nxmax = {_number(seconds)} \ntiers? <exists> \nsize = {len(tiers)} \nitem []: \n"]
    for place, (name, intervals) in enumerate(tiers.items(), 1):
        filled = list(_filled(seconds, intervals))
        lines.append(f'    item [{place}]:\n        class = "IntervalTier" \n        name = {_quoted(name)} \n')
        lines.append(f"        xmin = 0 \n        xmax = {_number(seconds)} \n")
        lines.append(f"        intervals: size = {len(filled)} \n")
        for number, (begin, end, text) in enumerate(filled, 1):
            lines.append(f"        intervals [{number}]:\n            xmin = {_number(begin)} \n")
            lines.append(f"            xmax = {_number(end)} \n            text = {_quoted(text)} \n")
    return HEAD + "".join(lines)


def _filled(seconds: float, intervals: Sequence[Interval]) -> Iterator[Interval]:
    """The intervals, and what is between them."""
    at = 0.0
    for one in intervals:
        if not at <= one.begin < one.end <= seconds:
            raise ValueError(f"an interval from {one.begin} to {one.end} after {at}, in a recording of {seconds} s")
        if one.begin > at:
            yield Interval(at, one.begin, "")
        yield one
        at = one.end
    if at < seconds:
        yield Interval(at, seconds, "")


def _number(seconds: float) -> str:
    return f"{seconds:.6f}".rstrip("0").rstrip(".") or "0"


def _quoted(text: str) -> str:
    """A text on one line, as Praat's texts are."""
    return '"' + " ".join(text.split()).replace('"', '""') + '"'
