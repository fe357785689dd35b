"""A repaired copy of the data: what cannot be used is left out and listed, texts are cleaned; no input is touched."""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from melisma.checks.duplicates import exact_hash, folded_hash, pair_hash
from melisma.checks.encoding import clean
from melisma.checks.lengths import FAR, Usual, fitting, only_goes_on
from melisma.checks.new_folder import REMOVED, NewFile, Repaired, in_cell, reasons, require_free, written_whole
from melisma.checks.reading import Given, Reading, Record
from melisma.checks.sides import COPYING, same
from melisma.checks.spelling import respelled
from melisma.checks.translate import Looked, is_whole
from melisma.errors import Refusal
from melisma.files.made import is_made
from melisma.files.opening import at_home
from melisma.files.tables import kind
from melisma.quoting import named, shown_path
from melisma.settings.translate import DataSettings


def require_new(folder: Path, data: DataSettings) -> None:
    """Refusal where no repaired copy can be written into this folder, known before anything is read."""
    corpora = [*data.train, *(data.valid or ())]
    if all(is_made(corpus) for corpus in corpora):
        raise Refusal(f"fix={shown_path(folder)}: {named(corpora[0][0])} is made by melisma and needs no repair")
    tables = [corpus[0] for corpus in corpora if len(corpus) == 1 and kind(corpus[0]) == "parquet"]
    if tables:
        raise Refusal(
            f"fix={shown_path(folder)}: no repaired copy of a Parquet table is written ({named(tables[0])}); "
            "wanted is a table that is text, such as .jsonl"
        )
    paths = {at_home(path) for corpus in corpora if not is_made(corpus) for path in corpus}
    require_free(folder, sum(os.path.getsize(path) for path in paths if os.path.isfile(path)))


def repaired(looked: Looked, folder: Path) -> Repaired:
    """Writes the repaired copy, whole or not at all; Refusal where the data is beyond what can be repaired."""
    _require_repairable(looked)

    def write(passing: Path) -> _Copy:
        copy = _Copy(looked, passing)
        copy.write()
        _require_some(copy, copy.filled(), folder)
        return copy

    written = written_whole(folder, write)
    corpora = written.filled()
    found = {part: tuple(_corpus(folder, names) for names in there) for part, there in corpora.items()}
    return Repaired(str(folder), dict(written.kept), dict(written.removed.most_common()), found)


def _require_some(written: _Copy, corpora: Mapping[str, object], folder: Path) -> None:
    """Refusal where no training pair would be left."""
    if "train" not in corpora:
        raise Refusal(
            f"fix={shown_path(folder)}: no copy was written, as none of the training pairs would be left "
            f"({reasons(written.removed)}); mend what was found first"
        )


def _corpus(folder: Path, names: Sequence[str]) -> str:
    return ",".join(name if is_made((name,)) else str(folder / name) for name in names)


def _require_repairable(looked: Looked) -> None:
    reading = looked.reading
    for facts in reading.facts:
        if facts.refused:
            raise Refusal(f"this data cannot be repaired before this is mended: {facts.refused}")
    for place, (left, right) in reading.sizes.items():
        if len(left) != len(right) and not only_goes_on(left, right):
            raise Refusal(
                f"{named(str(reading.corpora[place]))} cannot be repaired: from around line {fitting(left, right) + 1}"
                " on its lines no longer fit each other; mend that by hand first"
            )
    for finding in looked.findings:
        if finding.name == "shifted lines":
            raise Refusal(f"this data cannot be repaired before lines fit each other again: {finding.sentence}")


@dataclass
class _Copy:
    """One pass over the data that writes what is kept."""

    looked: Looked
    folder: Path
    kept: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)
    names: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)  # part -> the files of each corpus
    filled_by: Counter[int] = field(default_factory=Counter)  # pairs kept of each corpus, by the object's own number

    def write(self) -> None:
        """Writes all files."""
        before = self.looked.reading
        self._usual: Usual | None = self.looked.lengths.usual()
        self._held_out = self.looked.duplicates.held_out()
        self._fitting = {
            id(before.corpora[place]): fitting(*sizes)
            for place, sizes in before.sizes.items()
            if len(sizes[0]) != len(sizes[1])
        }
        self._seen: dict[str, set[int]] = {"train": set(), "valid": set()}
        self._reading = Reading(before.corpora, before.source, before.target)
        self._open: dict[int, list[NewFile]] = {}
        with ExitStack() as self._files:
            self._removed = self._opened(REMOVED)
            self._removed.put("file\tline\treason\tsource\ttarget\n")
            for given in before.corpora:
                self._begin(given)
            for record in self._reading:
                self._one(record)
            self._partnerless()
        self._require_unchanged()

    def filled(self) -> dict[str, list[tuple[str, ...]]]:
        """The files of each corpus of which something was kept, by part."""
        found: dict[str, list[tuple[str, ...]]] = {}
        for part, files in self.names.items():
            corpora = [given for given in self.looked.reading.corpora if given.part == part]
            there = [names for given, names in zip(corpora, files) if given.kind == "made" or self.filled_by[id(given)]]
            found |= {part: there} if there else {}
        return found

    def _require_unchanged(self) -> None:
        """Refusal where a file is not what it was when it was looked at: a part of it would be missing in the copy."""
        for was, now in zip(self.looked.reading.facts, self._reading.facts, strict=True):
            if (was.lines, was.refused) != (now.lines, now.refused):
                raise Refusal(f"{named(now.path)} changed while it was copied: wanted is a file that stays as it is")

    def _opened(self, name: str) -> NewFile:
        """A new file, closed with all the others."""
        file = NewFile(self.folder / name)
        self._files.callback(file.close)
        return file

    def _begin(self, given: Given) -> None:
        """Makes the files of one corpus under their own names, or under longer ones where these are taken."""
        if given.kind == "made":
            self.names.setdefault(given.part, []).append(given.files)
            return
        taken = {name for corpora in self.names.values() for names in corpora for name in names} | {REMOVED}
        names: list[str] = []
        for path in given.files:
            name = os.path.basename(path)
            choices = [name, f"{given.part}-{name}", *(f"{number}-{name}" for number in range(2, len(taken) + 3))]
            names.append(next(one for one in choices if one not in taken and one not in names))
        self.names.setdefault(given.part, []).append(tuple(names))
        self.kept[given.part] += 0
        files = self._open[id(given)] = [self._opened(name) for name in names]
        if header := self.looked.reading.header(given):
            files[0].put(_row(given.kind, header))

    def _one(self, record: Record) -> None:
        if record.given.kind == "made":
            return
        why = self._why(record)
        if why:
            self._leave_out(record.given.file(0), record.line, why, record.sides)
            return
        source, target = clean(record.source or ""), clean(record.target or "")
        self.kept[record.given.part] += 1
        self.filled_by[id(record.given)] += 1
        files = self._open[id(record.given)]
        if record.given.kind == "lines":
            files[0].put(source + "\n")
            files[1].put(target + "\n")
        else:
            files[0].put(_row(record.given.kind, self._replaced(record, source, target)))

    def _why(self, record: Record) -> str:
        """Why a pair is left out; empty where it is kept."""
        if record.fault:
            return record.fault
        source, target = record.source or "", record.target or ""
        if not is_whole(record):
            return "blank side"
        if record.line > self._fitting.get(id(record.given), record.line):
            return "no sure partner"
        part = record.given.part
        if part == "train" and folded_hash(source) in self._held_out:
            return "source is in valid"
        pair = pair_hash(exact_hash(source), exact_hash(target))
        if pair in self._seen[part]:
            return "duplicate"
        self._seen[part].add(pair)
        if same(source, target) and self.looked.sides.copies(part) < COPYING:
            return "same on both sides"
        if self._usual is not None and abs(self._usual.score(len(source), len(target))) > FAR:
            return "odd lengths"
        return ""

    def _partnerless(self) -> None:
        """Lists the lines at the end of the longer of two files."""
        for place, sizes in self._reading.sizes.items():
            short, long = sorted(map(len, sizes))
            file = self._reading.corpora[place].files[0 if len(sizes[0]) > len(sizes[1]) else 1]
            for line in range(short + 1, long + 1):
                self._leave_out(file, line, "no partner", ("", ""))

    def _leave_out(self, file: str, line: int, why: str, sides: tuple[str | None, str | None]) -> None:
        self.removed[why] += 1
        texts = (in_cell(text or "") for text in sides)
        self._removed.put("\t".join((named(file), str(line), why, *texts)) + "\n")

    def _replaced(self, record: Record, source: str, target: str) -> Any:
        """The row of a table with its two texts cleaned and all else as it was."""
        reading = self._reading
        if isinstance(record.cells, str):
            return respelled(record.cells, {reading.source: source, reading.target: target})
        cells = list(record.cells)
        names = [name.strip() for name in self.looked.reading.header(record.given)]
        columns = (names.index(reading.source), names.index(reading.target)) if names else (0, 1)
        cells[columns[0]], cells[columns[1]] = source, target
        return cells


def _row(kind: str, row: Any) -> str:
    """A row of a table as a line."""
    if kind == "jsonl":
        return f"{row}\n"
    if kind == "tsv":
        return "\t".join(row) + "\n"
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(row)
    return line.getvalue()
