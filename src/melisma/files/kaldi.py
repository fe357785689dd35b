"""Clips from Kaldi's tables: ``wav.scp`` and ``text``, with ``segments`` and ``utt2spk`` where they stand beside."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from melisma.errors import Refusal
from melisma.files.clip import Clip, ClipReport, located, reported, seconds, stretch
from melisma.files.lines import LONGEST, Lines, Place, Signature
from melisma.quoting import counted, named, quoted

RECORDINGS, TEXTS, SEGMENTS, SPEAKERS = "wav.scp", "text", "segments", "utt2spk"
IN_ARCHIVE = re.compile(r"\.ark:[0-9]+$")  # a place in one of Kaldi's own archives


class _Entry(NamedTuple):
    rest: str  # of the line, behind its name
    place: Place


class _Stretch(NamedTuple):
    recording: str
    begin: float
    end: float | None
    place: Place


@dataclass
class _Tables:
    signatures: dict[str, Signature] = field(default_factory=dict)

    def read(self, path: str) -> dict[str, _Entry]:
        """A table's lines by their first word."""
        found: dict[str, _Entry] = {}
        lines = Lines(path)
        for name, entry in _entries(lines):
            if name in found:
                raise Refusal(f"{entry.place}: {quoted(name)} is there twice, first in line {found[name].place.line}")
            found[name] = entry
        if lines.signature is not None:
            self.signatures[path] = lines.signature
        return found

    def beside(self, scp: str, name: str) -> dict[str, _Entry] | None:
        """The table of this name in the folder of ``wav.scp``; None where there is none."""
        path = os.path.join(os.path.dirname(scp), name)
        return self.read(path) if os.path.exists(path) else None


def is_kaldi(folder: str) -> bool:
    """Whether a folder holds Kaldi's tables."""
    return os.path.isfile(os.path.join(folder, RECORDINGS))


def without_texts(where: str) -> str:
    """What to say of a place in Kaldi's tables beside which there is no table of texts; nothing of any other place."""
    file = where.rpartition(", line ")[0]
    folder, name = os.path.split(file)
    if name not in (RECORDINGS, SEGMENTS) or not os.path.isfile(file) or os.path.exists(os.path.join(folder, TEXTS)):
        return ""
    return f"{named(folder or '.')} has no file {TEXTS}, whose lines say what is said, each behind a name of {name}"


def tabled(scp: str, text: str | None = None) -> tuple[list[Clip], ClipReport]:
    """The clips of ``wav.scp`` and ``text`` (None: the one beside it, if there is one), in the order of the first.

    Raises Refusal with file and line for a command (none is run), a place in an archive, a name that occurs twice, a
    segment of no recording, and where no text belongs to any sound.
    """
    tables = _Tables()
    recordings = tables.read(scp)
    texts = tables.read(text) if text is not None else tables.beside(scp, TEXTS)
    speakers = tables.beside(scp, SPEAKERS) or {}
    audio = {name: _audio(entry) for name, entry in recordings.items()}
    stretches = _stretches(tables.beside(scp, SEGMENTS), recordings)
    clips = [
        Clip(
            audio[each.recording],
            None if texts is None or name not in texts else texts[name].rest,
            each.begin,
            each.end,
            speakers[name].rest or None if name in speakers else None,
            str(each.place),
        )
        for name, each in stretches.items()
    ]
    silent = [str(entry.place) for name, entry in (texts or {}).items() if name not in stretches]
    if texts and len(silent) == len(texts):
        first, there = quoted(next(iter(texts))), quoted(next(iter(stretches)))
        raise Refusal(
            f"{silent[0]}: there is no {first} in {named(scp)}, nor any other of the {counted(len(texts), 'text')};"
            f" lines of both have to begin with the same names (there: {there})"
        )
    return clips, reported(clips, silent, signatures=tables.signatures)


def _entries(lines: Lines) -> Iterator[tuple[str, _Entry]]:
    for number, line in enumerate(lines, 1):
        place = Place(lines.path, number)
        if line is None:
            raise Refusal(f"{place}: the line is longer than {LONGEST:,} bytes; an utterance a line is wanted")
        parts = line.split(maxsplit=1)
        if parts:
            yield parts[0], _Entry(parts[1].strip() if len(parts) > 1 else "", place)


def _audio(entry: _Entry) -> str:
    if IN_ARCHIVE.search(entry.rest):
        raise Refusal(
            f"{entry.place}: {quoted(entry.rest)} is a place in an archive of Kaldi's, which is not read; write it out"
            " as a sound file and name that"
        )
    return located(entry.rest, entry.place.file, entry.place)


def _stretches(segments: Mapping[str, _Entry] | None, recordings: Mapping[str, _Entry]) -> dict[str, _Stretch]:
    """What is said where, by the name of the utterance; without segments each recording is one."""
    if segments is None:
        return {name: _Stretch(name, 0.0, None, entry.place) for name, entry in recordings.items()}
    found = {}
    for name, (rest, place) in segments.items():
        cells = rest.split()
        if len(cells) != 3:
            raise Refusal(
                f"{place}: {counted(len(cells) + 1, 'word')} found, 4 are wanted: utterance, recording, begin and end"
            )
        if cells[0] not in recordings:
            raise Refusal(f"{place}: there is no recording {quoted(cells[0])} in {RECORDINGS}; name one that is there")
        begin, end = seconds(cells[1], "begin", place), seconds(cells[2], "end", place)
        found[name] = _Stretch(cells[0], *stretch(begin, None if end == -1 else end, place), place)
    return found
