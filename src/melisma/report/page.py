"""A run as a page: one file that opens from the disk, without network and without scripts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from melisma.errors import Refusal
from melisma.report.lines import visible
from melisma.report.svg import inline
from melisma.task import Figure

LARGEST = 2_000_000  # bytes of a page
LONGEST = 1_000  # characters of a sentence
CELL = 200  # characters of a cell of a table
ROWS = 150  # of a table, at most
TEMPLATES = Path(__file__).parent / "templates"

Row = tuple[str, ...]
Cell = str | tuple[str, str]  # a value, or a value and what stands smaller beneath it


class Told(Protocol):
    """Facts under a heading: names with their values, and a table whose columns ``numbers`` are aligned right."""

    @property
    def title(self) -> str: ...
    @property
    def rows(self) -> Sequence[tuple[str, str]]: ...
    @property
    def head(self) -> Row: ...
    @property
    def table(self) -> Sequence[Row]: ...
    @property
    def numbers(self) -> frozenset[int]: ...


@dataclass(frozen=True)
class Table:
    """A table; rows that are ``marked`` stand out, columns of ``numbers`` are aligned at their right."""

    head: Row
    rows: tuple[tuple[Cell, ...], ...]
    marked: frozenset[int] = frozenset()
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Head:
    """What is said first."""

    title: str
    about: str  # what the model does, in a line; may be empty
    state: str
    score: str  # the best score, as ``exact 87.50 %``; empty where nothing was measured
    interval: str  # of that score, in words
    meaning: tuple[str, ...]  # sentences
    facts: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scores:
    """Scores beside what simpler ways of answering score."""

    table: Table
    figures: tuple[Figure, ...]
    remarks: tuple[str, ...]  # sentences
    signatures: Table | None = None  # what must agree for two scores to be compared


@dataclass(frozen=True)
class Example:
    """A question, its answer and the reference; the last two in stretches, each with whether the other has it too."""

    source: str
    answer: tuple[tuple[str, bool], ...]
    reference: tuple[tuple[str, bool], ...]
    right: bool  # whether they are the same text, to its end
    score: str  # with its measure
    others: tuple[str, ...] = ()  # what would be right too
    place: int = -1  # among all that were measured


@dataclass(frozen=True)
class Recording:
    """What was heard in an example: FLAC to be played, and what the model heard in it when, where that is known."""

    sound: bytes
    figure: Figure | None

    def room(self) -> int:
        """Bytes of a page that it takes."""
        return len(self.sound) * 4 // 3 + (0 if self.figure is None else len(inline(self.figure)))


@dataclass(frozen=True)
class Examples:
    """Some examples, and why these."""

    name: str
    why: str
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Report:
    """All that a page about a run holds; what is empty is left out."""

    head: Head
    curves: tuple[Figure, ...] = ()
    validations: Told | None = None
    scores: Scores | None = None
    by_length: tuple[Figure, ...] = ()
    by_length_remarks: tuple[str, ...] = ()
    examples: tuple[Examples, ...] = ()
    source: str = "source"  # what an example asks
    recordings: Mapping[int, Recording] = field(default_factory=dict)  # of examples, by their places
    played: str = ""  # what stands beneath each of them
    speakers: Table | None = None
    maps: tuple[Figure, ...] = ()
    settings: Table | None = None
    sections: tuple[Told, ...] = ()
    left_out: tuple[str, ...] = ()  # parts that would have made the page too large


def page(report: Report) -> str:
    """The page, the same characters every time, of at most ``LARGEST`` bytes.

    What users wrote can be no part of its markup, and its policy lets no script, no other file and no address in.
    A figure that is too large to be read is left out, and so is one part after another of too large a page, which then
    names them.
    """
    found = _page(report)
    for name, nothing in _PARTS:
        if len(found.encode()) <= LARGEST:
            break
        if any(getattr(report, part) for part in nothing):
            report = replace(report, **nothing, left_out=(*report.left_out, name))
            found = _page(report)
    return found


_PARTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("recordings to play", {"recordings": {}}),
    ("attention maps", {"maps": ()}),
    ("data, sizes and versions", {"sections": ()}),
    ("settings", {"settings": None}),
    ("validations in numbers", {"validations": None}),
    ("examples", {"examples": ()}),
    ("scores by speaker", {"speakers": None}),
    ("scores by length", {"by_length": (), "by_length_remarks": ()}),
    ("curves", {"curves": ()}),
    ("scores", {"scores": None}),
)
"""What is left out in turn until a page is small enough; the head, whose every text and list is short, never is."""


def _page(report: Report) -> str:
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    sounds = "media-src data:; " if report.recordings else ""
    policy = f"default-src 'none'; style-src '{_hash(style)}'; {sounds}base-uri 'none'; form-action 'none'"
    ours = Markup(style)  # noqa: S704 - a file of this package
    return _ENVIRONMENT.get_template("report.html").render(report=report, style=ours, policy=policy)


def _hash(style: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


def _text(text: str, most: int = LONGEST) -> str:
    """A text as it may stand on a page: nothing in it commands or hides, and none is endless."""
    return visible(text) if len(text) <= most else visible(text[:most]) + "…"


def _playable(sound: bytes) -> Markup:
    """FLAC as an address that holds it whole: letters, digits, + / and = alone."""
    return Markup("data:audio/flac;base64,") + base64.b64encode(sound).decode("ascii")


def _drawn(figures: Sequence[Figure]) -> list[tuple[str, Markup]]:
    """The figures that can be read, each with its title."""
    found = []
    for figure in figures:
        try:
            found.append((figure.title, inline(figure)))
        except Refusal:
            continue
    return found


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: _text(value) if type(value) is str else value,  # what no filter has looked at
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {"text": _text, "cell": partial(_text, most=CELL), "drawn": _drawn, "playable": _playable}
    made.globals |= {"ROWS": ROWS}
    return made


_ENVIRONMENT = _environment()
