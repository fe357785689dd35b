"""A stretch of sound and what is said in it, as a manifest, Kaldi's tables or a folder tell it; nothing is heard."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from melisma.errors import Refusal
from melisma.files.columns import blank
from melisma.files.lines import Signature
from melisma.files.opening import at_home
from melisma.quoting import counted, quoted

SHOWN = 3  # names that a report remembers of each kind
LATEST = 1e9  # seconds: no recording lasts thirty years, and what is more is no time

OTHER_SOUNDS = (".m4a", ".mp4", ".aac", ".wma", ".amr", ".webm", ".mka", ".ape", ".wv", ".3gp", ".sph", ".m4b")
"""Endings of sound that is not read."""


@dataclass(frozen=True)
class Clip:
    """A stretch of a sound file and what is said in it; nothing here is known to be true but that it was written."""

    audio: str  # the path of the file
    text: str | None  # None: nobody says; "": nothing is spoken
    begin: float  # seconds
    end: float | None  # None: the end of the file
    speaker: str | None
    where: str  # what says so: "train.jsonl, line 3"


@dataclass(frozen=True)
class ClipReport:
    """What is worth knowing of one or more corpora of clips; reports add up."""

    clips: int = 0
    without_text: int = 0
    blank_text: int = 0
    repeated: int = 0  # the same stretch of the same file as a clip before
    contradicting: int = 0  # of these, with another text
    silent: int = 0  # texts that no sound belongs to
    unread: int = 0  # sounds of kinds that are not read
    without_text_at: tuple[str, ...] = ()  # the first few
    blank_text_at: tuple[str, ...] = ()
    repeated_at: tuple[str, ...] = ()
    silent_at: tuple[str, ...] = ()
    unread_at: tuple[str, ...] = ()
    signatures: Mapping[str, Signature] = field(default_factory=dict)  # of the files that say so, by name

    def __add__(self, other: ClipReport) -> ClipReport:
        return ClipReport(
            self.clips + other.clips,
            self.without_text + other.without_text,
            self.blank_text + other.blank_text,
            self.repeated + other.repeated,
            self.contradicting + other.contradicting,
            self.silent + other.silent,
            self.unread + other.unread,
            (self.without_text_at + other.without_text_at)[:SHOWN],
            (self.blank_text_at + other.blank_text_at)[:SHOWN],
            (self.repeated_at + other.repeated_at)[:SHOWN],
            (self.silent_at + other.silent_at)[:SHOWN],
            (self.unread_at + other.unread_at)[:SHOWN],
            {**self.signatures, **other.signatures},
        )

    def warnings(self) -> list[str]:
        """One sentence for each thing that a user should know of; that no clip has a text is none of them."""
        contradicting = f", {self.contradicting:,} of them with another text" if self.contradicting else ""
        some = 0 < self.without_text < self.clips
        found = (
            (some, self.without_text, "clip", "without a text", self.without_text_at),
            (bool(self.blank_text), self.blank_text, "clip", "with a blank text", self.blank_text_at),
            (bool(self.repeated), self.repeated, "clip", f"named more than once{contradicting}", self.repeated_at),
            (bool(self.silent), self.silent, "text", "to which no sound belongs", self.silent_at),
            (bool(self.unread), self.unread, "sound", "of a kind that is not read", self.unread_at),
        )
        return [
            f"{counted(number, thing)} {what} ({'the first: ' if number > len(places) else ''}{'; '.join(places)})"
            for true, number, thing, what, places in found
            if true
        ]


def reported(
    clips: Iterable[Clip],
    silent: list[str] | None = None,
    unread: list[str] | None = None,
    signatures: Mapping[str, Signature] | None = None,
) -> ClipReport:
    """The report of clips; ``silent`` texts and ``unread`` sounds are where they stand."""
    count = contradicting = 0
    without: list[str] = []
    empty: list[str] = []
    repeated: list[str] = []
    seen: dict[tuple[str, float, float | None], str | None] = {}
    for clip in clips:
        count += 1
        if clip.text is None:
            without.append(clip.where)
        elif blank(clip.text):
            empty.append(clip.where)
        stretch = (os.path.normpath(clip.audio), clip.begin, clip.end)
        if stretch in seen:
            repeated.append(clip.where)
            contradicting += seen[stretch] != clip.text
        seen.setdefault(stretch, clip.text)
    silent, unread = silent or [], unread or []
    return ClipReport(
        clips=count,
        without_text=len(without),
        blank_text=len(empty),
        repeated=len(repeated),
        contradicting=contradicting,
        silent=len(silent),
        unread=len(unread),
        without_text_at=tuple(without[:SHOWN]),
        blank_text_at=tuple(empty[:SHOWN]),
        repeated_at=tuple(repeated[:SHOWN]),
        silent_at=tuple(silent[:SHOWN]),
        unread_at=tuple(unread[:SHOWN]),
        signatures=signatures or {},
    )


def located(audio: str, manifest: str, where: object) -> str:
    """The path of a sound as a manifest names it: as seen from the manifest's folder, unless it is absolute.

    Raises Refusal for a command, an address or a place within an archive: only files are read.
    """
    name = audio.strip()
    if not name:
        raise Refusal(f"{where}: no sound file is named; name one")
    if name.endswith("|") or name.startswith("|"):
        raise Refusal(
            f"{where}: {quoted(name)} is a command, and none is run; run it yourself and name the file it makes"
        )
    if "://" in name:
        raise Refusal(
            f"{where}: {quoted(name)} is an address, and nothing is downloaded; download it and name the file"
        )
    if "\0" in name:
        raise Refusal(f"{where}: {quoted(name)} is no file name: it holds a NUL character")
    return os.path.join(os.path.dirname(manifest), at_home(name))


def seconds(value: object, name: str, where: object) -> float | None:
    """A time in seconds, as a table or JSON gives it; None where there is none."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        found = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not abs(found) <= LATEST:
        raise Refusal(f"{where}: {quoted(name)} is {quoted(str(value))}, a number of seconds is wanted")
    return found


def stretch(begin: float | None, end: float | None, where: object) -> tuple[float, float | None]:
    """Where a clip begins and ends, in seconds; Refusal for what cannot be."""
    begin = begin or 0.0
    if begin < 0 or (end is not None and end <= begin):
        until = "the end" if end is None else f"{end:g}"
        raise Refusal(
            f"{where}: the clip is from {begin:g} to {until} s; it has to begin at 0 or later and end after that"
        )
    return begin, end
