"""A folder of takes: numbered recordings, each in the folder of what is said, and the manifest that lists them."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from melisma.below import SOUNDS
from melisma.errors import Failure, Refusal
from melisma.files.lines import Lines, Place
from melisma.files.tables import json_object
from melisma.quoting import shown_path
from melisma.runs.disk import DISK, new_file, reason, replace_file

MANIFEST = "manifest.jsonl"


class Shelf:
    """Takes of one kind below ``path``. Recordings come first and their lines after: the manifest lists what is there.

    What another process adds meanwhile stays. Nothing is overwritten; Failure where the disk does not take it.
    """

    def __init__(self, path: Path, texts: Mapping[str, str | None]) -> None:
        """``texts``: folder -> what is said in it, where all in it is one word; what lies there unlisted is listed."""
        self.path, self._texts = path, texts
        self._rows()  # what cannot be read is said before anybody speaks

    def count(self, folder: str, text: str | None) -> int:
        """How many takes of this there are."""
        return sum(os.path.dirname(row["audio"]) == folder and row.get("text") == text for row in self._there())

    def sessions(self) -> int:
        """In how many sessions they were recorded, as far as is written."""
        return len({row["session"] for row in self._there() if row.get("session")})

    def add(self, folder: str, sound: bytes, told: Mapping[str, str | None]) -> str:
        """One more recording, whole or not at all -> its name as the manifest has it."""
        place = self.path / folder
        try:
            for each in (*reversed(self.path.absolute().parents), self.path, place):
                if not each.is_dir():
                    DISK.make_folder(each)
            name = f"{1 + max(map(_number, _sounds(place)), default=0):04d}.wav"
            new_file(DISK, place / name, sound)
            audio = f"{folder}/{name}"
            self._write([*(row for row in self._rows() if row.get("audio") != audio), {"audio": audio, **told}])
        except OSError as error:
            raise Failure(f"{shown_path(place)}: the take cannot be written: {reason(error)}") from None
        return audio

    def remove(self, audio: str) -> None:
        """Takes one away again."""
        try:
            with contextlib.suppress(FileNotFoundError):
                DISK.remove_file(self.path / audio)
            self._write([row for row in self._rows() if row.get("audio") != audio])
        except OSError as error:
            raise Failure(f"{shown_path(self.path / audio)} cannot be removed: {reason(error)}") from None

    def _there(self) -> list[dict[str, Any]]:
        """The rows whose recordings are there."""
        rows = (row for row in self._rows() if isinstance(row.get("audio"), str))
        return [row for row in rows if (self.path / row["audio"]).is_file()]

    def _rows(self) -> list[dict[str, Any]]:
        """All rows as they are written, and one for each recording without, with what its folder says."""
        rows = self._written()
        listed = {row.get("audio") for row in rows}
        for folder, text in self._texts.items():
            names = (f"{folder}/{name}" for name in _sounds(self.path / folder))
            rows += [
                {"audio": name, "text": text, "speaker": None, "session": None} for name in names if name not in listed
            ]
        return rows

    def _written(self) -> list[dict[str, Any]]:
        path = self.path / MANIFEST
        if not path.exists():
            return []
        found = []
        for number, line in enumerate(Lines(path, may_be_empty=True), 1):
            if line is None or line.strip():
                place = Place(str(path), number)
                if line is None:
                    raise Refusal(f"{place}: the line is too long to list a take")
                found.append(json_object(line, place))
        return found

    def _write(self, rows: list[dict[str, Any]]) -> None:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        replace_file(DISK, self.path / MANIFEST, text.encode())


def _sounds(folder: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if name.lower().endswith(SOUNDS) and name[0] != ".")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Refusal(f"{shown_path(folder)}: takes cannot lie there: {reason(error)}") from None


def _number(name: str) -> int:
    stem = os.path.splitext(name)[0]
    return int(stem) if stem.isdecimal() and len(stem) < 9 else 0
