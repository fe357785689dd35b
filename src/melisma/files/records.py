"""Clips from a table with named columns: a JSON object a line, comma-separated or tab-separated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NamedTuple

from melisma.below import SOUNDS
from melisma.errors import Refusal
from melisma.files.clip import Clip, located, seconds, stretch
from melisma.files.lines import LONGEST, Lines, Place
from melisma.files.tables import comma_records, json_name, json_object, kind, missing, wrong_width
from melisma.quoting import listed, quoted

CALLED: Mapping[str, tuple[str, ...]] = {
    "audio": ("audio", "file", "path", "wav", "audio_filepath", "audio_path", "audio_file", "filename", "file_name"),
    "text": ("text", "sentence", "transcript", "transcription", "normalized_text"),
    "start": ("start", "begin", "offset"),
    "end": ("end",),
    "duration": ("duration",),
    "speaker": ("speaker", "speaker_id", "client_id", "spk"),
}
"""What columns are called: where the first is asked for and not there, another that is there is taken for it."""


@dataclass(frozen=True)
class Columns:
    """The names of a manifest's columns. What is not a default has to be there; of defaults, only ``audio`` has to.

    Where there is no ``end``, a column ``duration`` gives seconds from the begin.
    """

    audio: str = "audio"
    text: str = "text"
    begin: str = "start"
    end: str = "end"
    speaker: str = "speaker"


Wrong = Callable[[Place, Refusal], None]
"""What is done with a row that is no clip: ``stop``, or it is remembered and read on."""


def stop(place: Place, refusal: Refusal) -> None:
    """Raises the Refusal."""
    raise refusal


class _Record(NamedTuple):
    place: Place
    values: Mapping[str, Any]


def recorded(lines: Lines, columns: Columns, wrong: Wrong = stop) -> list[Clip]:
    """The clips of a table file; blank lines are none.

    Raises Refusal with file and line where the column with the sound is not there, or another that was asked for; a row
    that is not what the table promises goes to ``wrong``.
    """
    read = {"tsv": _tab_records, "csv": _named_records, "jsonl": _json_records}[kind(lines.path)]
    thing = "key" if kind(lines.path) == "jsonl" else "column"
    known: dict[tuple[str, ...], dict[str, str | None]] = {}
    clips = []
    for place, values in read(lines, columns, wrong):
        keys = tuple(values)
        try:
            if keys not in known:
                known[keys] = _found([*keys], columns, thing, place)
            clips.append(_clip(values, known[keys], place))
        except Refusal as refusal:
            wrong(place, refusal)
    return clips


def _clip(values: Mapping[str, Any], names: Mapping[str, str | None], place: Place) -> Clip:
    audio = _text(values, names["audio"], place)
    if audio is None:
        raise Refusal(f"{place}: {quoted(names['audio'] or '')} is null, the name of a sound file is wanted")
    begin = _seconds(values, names["start"], place)
    end = _seconds(values, names["end"], place)
    lasts = _seconds(values, names["duration"], place)
    if end is None and lasts is not None:
        end = (begin or 0.0) + lasts
    begin, end = stretch(begin, end, place)
    text, speaker = _text(values, names["text"], place), _spoken_by(values, names["speaker"], place)
    return Clip(located(audio, place.file, place), text, begin, end, speaker, str(place))


def _spoken_by(values: Mapping[str, Any], name: str | None, place: Place) -> str | None:
    value = values.get(name) if name else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return (_text(values, name, place) or "").strip() or None


def _text(values: Mapping[str, Any], name: str | None, place: Place) -> str | None:
    value = values.get(name) if name else None
    if value is None:
        return None
    if not isinstance(value, str):
        raise Refusal(f"{place}: {quoted(name or '')} is {json_name(value)}, text is wanted")
    if "\0" in value:
        raise Refusal(f"{place}: {quoted(name or '')} holds a NUL character, which no text holds; remove it")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise Refusal(f"{place}: {quoted(name or '')} holds half of a character (a lone surrogate); write it whole")
    return value


def _seconds(values: Mapping[str, Any], name: str | None, place: Place) -> float | None:
    return seconds(values.get(name), name, place) if name else None


# --- which column is which -------------------------------------------------------------------------------------------


def _found(names: list[str], columns: Columns, thing: str, place: Place) -> dict[str, str | None]:
    """The name that each part of a clip has in this table; None: there is none."""
    asked = {
        "audio": columns.audio,
        "text": columns.text,
        "start": columns.begin,
        "end": columns.end,
        "speaker": columns.speaker,
        "duration": "duration",
    }
    return {side: _named(names, side, name, thing, place) for side, name in asked.items()}


def _named(names: list[str], side: str, asked: str, thing: str, place: Place) -> str | None:
    if asked in names:
        return asked
    usual = CALLED[side]
    if asked == usual[0]:
        others = [name for name in names if name.strip().lower() in usual]
        if len(others) == 1:
            return others[0]
        if others:
            raise Refusal(f"{place}: {listed(others)} may each hold the {side}; say which: data.{side}={others[0]}")
        if side != "audio" and not (side == "text" and _resembles(names, usual)):
            return None
    raise Refusal(f"{place}: {missing(names, asked, side, thing)}")


def _resembles(names: list[str], usual: tuple[str, ...]) -> bool:
    """Whether one of the names was probably meant to be one of these."""
    return any(get_close_matches(name.strip().lower(), usual, 1, 0.75) for name in names)


# --- rows -------------------------------------------------------------------------------------------------------------


def _json_records(lines: Lines, columns: Columns, wrong: Wrong) -> Iterator[_Record]:
    for number, line in enumerate(lines, 1):
        place = Place(lines.path, number)
        if line is None:
            wrong(place, _not_held(place))
        elif line.strip():
            try:
                values = json_object(line, place)
            except Refusal as refusal:
                wrong(place, refusal)
            else:
                yield _Record(place, values)


def _named_records(lines: Lines, columns: Columns, wrong: Wrong) -> Iterator[_Record]:
    names: list[str] | None = None
    for number, cells in comma_records(lines):
        place = Place(lines.path, number)
        if not any(cell.strip() for cell in cells):
            continue
        if names is None:
            names = _header(cells, place)
            _found(names, columns, "column", place)
            continue
        if len(cells) != len(names):
            wrong(place, wrong_width(place, cells, len(names), "a comma"))
            continue
        yield _Record(place, dict(zip(names, cells)))


def _tab_records(lines: Lines, columns: Columns, wrong: Wrong) -> Iterator[_Record]:
    names: list[str] | None = None
    for number, line in enumerate(lines, 1):
        place = Place(lines.path, number)
        if line is None and names is None:
            raise _not_held(place)
        if line is None:
            wrong(place, _not_held(place))
        if not line or not line.strip():
            continue
        cells = line.split("\t")
        if names is None:
            if len(cells) == 2 and cells[0].strip().lower().endswith(SOUNDS):  # no header: a file and its text
                names = [columns.audio, columns.text]
            else:
                names = _header(cells, place)
                _found(names, columns, "column", place)
                continue
        if len(cells) != len(names):
            wrong(place, wrong_width(place, cells, len(names), "a tab"))
            continue
        yield _Record(place, dict(zip(names, cells)))


def _header(cells: list[str], place: Place) -> list[str]:
    names = [cell.strip() for cell in cells]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Refusal(f"{place}: the column {quoted(twice)} occurs twice; give each column its own name")
    return names


def _not_held(place: Place) -> Refusal:
    return Refusal(f"{place}: the line is longer than {LONGEST:,} bytes; a clip a line is wanted")
