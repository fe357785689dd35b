"""Recordings that cannot be used at all, and what their files are instead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from melisma.checks.finding import Finding, verb
from melisma.checks.recording import Marked, Recording
from melisma.quoting import counted
from melisma.sound.unusable import Kind


class _Kind(NamedTuple):
    name: str
    kind: Kind
    one: str
    many: str
    advice: str


OUT = "; fix=FOLDER leaves them out, as training does"
KINDS = (
    _Kind(
        "missing files",
        "missing",
        "names a file that is not there",
        "name files that are not there",
        "correct the names, which are seen from the manifest's folder, or bring the files" + OUT,
    ),
    _Kind(
        "Git LFS pointers",
        "pointer",
        "is a Git LFS pointer in place of the sound",
        "are Git LFS pointers in place of the sound",
        "get the files themselves, in their repository: git lfs pull" + OUT,
    ),
    _Kind(
        "web pages",
        "page",
        "is a web page in place of the sound",
        "are web pages in place of the sound",
        "download the files again, and look at one of them before all" + OUT,
    ),
    _Kind("empty recordings", "empty", "holds no sound", "hold no sound", "record them again, or get them again" + OUT),
    _Kind(
        "parts beyond the end",
        "beyond",
        "is a part that its file does not have",
        "are parts that their files do not have",
        "correct the times, or get the whole files" + OUT,
    ),
    _Kind(
        "damaged files",
        "damaged",
        "is damaged and cannot be decoded to its end",
        "are damaged and cannot be decoded to their end",
        "get them again" + OUT,
    ),
    _Kind(
        "samples that are no numbers",
        "numbers",
        "holds samples that are no numbers of sound",
        "hold samples that are no numbers of sound",
        "look at what wrote these files, and write them again" + OUT,
    ),
    _Kind(
        "no sound files",
        "other",
        "is no sound file that can be read",
        "are no sound files that can be read",
        "convert them, or name the files that were meant" + OUT,
    ),
)
"""What a recording that training leaves out is counted as."""


def kind_of(recording: Recording) -> str:
    """What a recording that cannot be used is called."""
    return next(kind.name for kind in KINDS if kind.kind == recording.kind)


class Unreadable:
    """Counts what cannot be used, by what it is."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._found: dict[tuple[str, str], Marked] = {}  # part and kind

    def see(self, recording: Recording) -> None:
        """One recording."""
        self._seen[recording.part] = self._seen.get(recording.part, 0) + 1
        if recording.heard is None:
            marked = self._found.setdefault((recording.part, kind_of(recording)), Marked())
            marked.add(recording.clip, recording.fault)

    def findings(self) -> Iterator[Finding]:
        """A finding for each kind."""
        for kind in KINDS:
            for part, of in self._seen.items():
                marked = self._found.get((part, kind.name))
                if marked is not None:
                    what = verb(marked.count, kind.one, kind.many)
                    sentence = f"{counted(marked.count, 'recording')} of {part} {what}; training leaves "
                    sentence += f"{verb(marked.count, 'it', 'them')} out"
                    some, places = marked.count < of, marked.places
                    yield Finding(kind.name, "error", marked.count, of, sentence, kind.advice, places, left_out=some)
