"""A repaired copy of manifests: what training cannot use is left out and listed; no sound is copied or changed."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from melisma.checks.covered import Covered
from melisma.checks.new_folder import REMOVED, NewFile, Repaired, in_cell, reasons, require_free, written_whole
from melisma.checks.parted import to_train_on
from melisma.checks.recording import place
from melisma.checks.recordings import BROKEN, LookedRecordings
from melisma.errors import Refusal
from melisma.files.clip import Clip
from melisma.quoting import named, shown_path
from melisma.settings.transcribe import RecordingSettings
from melisma.settings.trigger import TriggerDataSettings

ROOM = 1 << 20  # bytes that a copy is told to need before its lines are counted: it holds no sound
SESSION = "session"
STRAY = "a name that is no UTF-8"  # which JSON cannot hold
Columned = RecordingSettings | TriggerDataSettings


def require_new(folder: Path, data: Columned) -> None:
    """Refusal where no repaired copy can be written into this folder, known before anything is heard."""
    require_free(folder, ROOM)


def repaired(looked: LookedRecordings, covered: Covered | None, data: Columned, folder: Path) -> Repaired:
    """Writes ``train.jsonl`` and ``valid.jsonl``, or one for each kind of recordings, whole or not at all; Refusal
    where none of the first kind would be left to train on."""
    for finding in looked.findings:
        if finding.name == "broken manifest":
            raise Refusal(f"this data cannot be repaired before this is mended: {finding.sentence}")

    def write(passing: Path) -> _Copy:
        copy = _Copy(looked, covered, data, passing, folder)
        copy.write()
        if not copy.kept[next(iter(looked.examples))]:
            raise Refusal(
                f"fix={shown_path(folder)}: no copy was written, as none of the training recordings would be left "
                f"({reasons(copy.removed)}); mend what was found first"
            )
        return copy

    written = written_whole(folder, write)
    corpora = to_train_on({part: str(folder / f"{part}.jsonl") for part, count in written.kept.items() if count})
    return Repaired(str(folder), dict(written.kept), dict(written.removed.most_common()), corpora, "recording")


@dataclass
class _Copy:
    """One pass over the clips that writes what is kept."""

    looked: LookedRecordings
    covered: Covered | None
    data: Columned
    passing: Path
    folder: Path
    kept: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)

    def write(self) -> None:
        """Writes all files."""
        with ExitStack() as opened:
            files = {part: NewFile(self.passing / f"{part}.jsonl") for part in self.looked.examples}
            files[REMOVED] = NewFile(self.passing / REMOVED)
            for file in files.values():
                opened.callback(file.close)
            self.kept.update(dict.fromkeys(self.looked.examples, 0))
            files[REMOVED].put("file\tline\treason\taudio\ttext\n")
            for row in self.looked.broken:
                self.removed[BROKEN] += 1
                files[REMOVED].put(f"{named(row.file)}\t{row.line}\t{BROKEN}: {in_cell(row.why)}\t\t\n")
            for number, (part, clip) in enumerate(self.looked.clips):
                line = json.dumps(self._line(clip), ensure_ascii=False) + "\n"
                if why := self._why(number, part, clip) or _stray(line):
                    self.removed[why] += 1
                    files[REMOVED].put(_row(clip, why))
                else:
                    self.kept[part] += 1
                    files[part].put(line)

    def _why(self, number: int, part: str, clip: Clip) -> str:
        """Why a recording is left out; empty where it is kept."""
        found = self.looked.unusable.get(number, "")
        return found or (self.covered.left_out.get((part, clip.where), "") if self.covered is not None else "")

    def _line(self, clip: Clip) -> Mapping[str, Any]:
        found: dict[str, Any] = {self.data.audio: self._seen_from(clip.audio), self.data.text: clip.text}
        if clip.begin:
            found["start"] = clip.begin
        if clip.end is not None:
            found["end"] = clip.end
        if clip.speaker is not None or self.data.speaker != RecordingSettings.speaker:
            found[self.data.speaker] = clip.speaker  # a column that was asked for by its name has to be there
        if self.covered is not None and clip.where in self.covered.sessions:
            found[SESSION] = str(self.covered.sessions[clip.where])
        return found

    def _seen_from(self, audio: str) -> str:
        """The file as seen from the new folder where it lies beside it, so that both can move; else its whole path."""
        above, path = os.path.abspath(self.folder.parent), os.path.abspath(audio)
        beside = os.path.commonpath((above, path)) == above and above != os.path.abspath(os.sep)
        return os.path.relpath(path, os.path.join(above, self.folder.name)) if beside else path


def _stray(line: str) -> str:
    """Why a line is not written; empty where it can be."""
    try:
        line.encode()
    except UnicodeEncodeError:
        return STRAY
    return ""


def _row(clip: Clip, why: str) -> str:
    seen = place(clip)
    cells = (named(seen.file), str(seen.line), why, in_cell(clip.audio), in_cell(clip.text or ""))
    return "\t".join(cells) + "\n"
