"""A recording as a check sees it: what its manifest says, and what was heard in it or why nothing was."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from melisma.checks.finding import SHOWN, Finding, Seen
from melisma.files.clip import Clip
from melisma.files.columns import blank
from melisma.quoting import named
from melisma.sound.heard import SoundFacts
from melisma.sound.unusable import Kind

MANY = 0.01  # of the recordings: more of what is wrong with some is worth a warning


class Recording(NamedTuple):
    """One line of a manifest, or one file of a folder."""

    number: int  # of all recordings of all corpora, from 0
    part: str  # train or valid
    clip: Clip
    heard: SoundFacts | None  # None: it cannot be used
    fault: str = ""  # why not, as training says it
    kind: Kind = "other"  # of that fault

    @property
    def text(self) -> str:
        """What is said; empty where nobody says."""
        return "" if self.clip.text is None or blank(self.clip.text) else self.clip.text


class RecordingCheck(Protocol):
    """One concern: sees every recording, and says what it found when all were seen."""

    def see(self, recording: Recording) -> None:
        """One recording."""

    def findings(self) -> Iterator[Finding]:
        """What was found."""


@dataclass
class Marked:
    """Counts recordings, and remembers where the first few stand."""

    count: int = 0
    first: list[Seen] = field(default_factory=list)

    def add(self, clip: Clip, why: str = "") -> None:
        """One more, and what is wrong with just this one."""
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append(place(clip, why))

    @property
    def places(self) -> tuple[Seen, ...]:
        """Where the first few stand."""
        return tuple(self.first)


def place(clip: Clip, why: str = "") -> Seen:
    """Where a clip stands, its line in a manifest or its file; beside a line, what is said of it names the file."""
    file, line = stands(clip.where)
    path = named(clip.audio)
    if not line:
        return Seen(file, 0, "", why.removeprefix(f"{path} "))
    span = f" {clip.begin:g}-{'' if clip.end is None else f'{clip.end:g} s'}" if clip.begin or clip.end else ""
    name = named(os.path.basename(clip.audio)) + span
    return Seen(file, line, clip.text or "", why if path in why else f"{name}: {why}" if why else name)


def stands(where: str) -> tuple[str, int]:
    """The file and line of a place that is told as ``train.jsonl, line 3``; line 0 is the file as a whole."""
    file, _, line = where.rpartition(", line ")
    return (file, int(line)) if file and line.isdigit() else (where, 0)
