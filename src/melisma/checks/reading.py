"""Reads pairs as training does, but goes on where training would refuse, and counts what cannot be read."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, NamedTuple

from melisma.checks.finding import SHOWN
from melisma.errors import Refusal
from melisma.files.kinds import BOM
from melisma.files.lines import LONGEST, Place
from melisma.files.made import MADE, PREFIX, is_made
from melisma.files.opening import Stored, blocks
from melisma.files.parquet import Parquet
from melisma.files.tables import comma_cells, json_pair, kind
from melisma.quoting import counted, listed, quoted

SIDES = ("source", "target")
GUESSED_FROM = 1000  # undecodable lines whose bytes are looked at
BROKEN = "broken row"
ENDS = ("\n", "\r\n", "\r")


@dataclass(frozen=True)
class Given:
    """One corpus as it was named, and what it is for: train or valid."""

    part: str
    files: tuple[str, ...]

    @property
    def kind(self) -> str:
        """``lines`` for two parallel files, ``tsv``, ``csv``, ``jsonl`` or ``parquet`` for a table, or ``made``."""
        if is_made(self.files):
            return "made"
        return "lines" if len(self.files) == 2 else kind(self.files[0])

    def file(self, side: int) -> str:
        """The file in which a side stands; both sides are named by the source's."""
        return self.files[side if side == 1 and len(self.files) == 2 else 0]

    def __str__(self) -> str:
        return ",".join(self.files)


class Record(NamedTuple):
    """One pair as it was read; a side is None where it could not be."""

    number: int  # of all records of all corpora, from 0
    given: Given
    line: int
    source: str | None
    target: str | None
    cells: Any  # the whole row of a table: a list, or a line of JSON as it is spelled; None for parallel files
    fault: str  # why a side is None

    @property
    def sides(self) -> tuple[str | None, str | None]:
        return self.source, self.target


@dataclass
class Faults:
    """Lines of a file that have one fault: how many, the first few, and what is wrong with the first."""

    count: int = 0
    first: list[tuple[int, str]] = field(default_factory=list)  # line, what is there

    def add(self, line: int, what: str) -> None:
        """One more line."""
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append((line, what))


@dataclass
class Facts:
    """What was seen of one file while it was read."""

    path: str
    given: Given
    lines: int = 0
    bom: bool = False
    ends: Counter[str] = field(default_factory=Counter)
    undecodable: Faults = field(default_factory=Faults)
    guesses: Counter[str] = field(default_factory=Counter)
    nul: Faults = field(default_factory=Faults)
    too_long: Faults = field(default_factory=Faults)
    rows: Faults = field(default_factory=Faults)  # rows that are not what the table promises
    refused: str = ""  # why nothing more could be read
    header: list[str] = field(default_factory=list)
    first: tuple[int, list[str]] | None = None  # line and cells of the first row of a table that could have had one


class Reading:
    """Iterates over the records of several corpora; ``facts`` tells of the latest pass, a file an item.

    ``source`` and ``target`` name the columns of tables. ``sizes`` has, for each corpus of parallel files, the
    characters of every line of both, those without a partner too.
    """

    def __init__(self, corpora: Sequence[Given], source: str = "source", target: str = "target") -> None:
        self.corpora, self.source, self.target = tuple(corpora), source, target
        self.facts: list[Facts] = []
        self.starts: list[int] = []  # number of the first record of each corpus
        self.sizes: dict[int, tuple[array[int], array[int]]] = {}  # by the corpus's place

    def __iter__(self) -> Iterator[Record]:
        self.facts, self.starts, self.sizes = [], [], {}
        number = 0
        for place, given in enumerate(self.corpora):
            self.starts.append(number)
            for line, source, target, cells, fault in self._rows(place, given):
                yield Record(number, given, line, source, target, cells, fault)
                number += 1

    def header(self, given: Given) -> list[str]:
        """The names of a table's columns as its first line had them, in the latest pass; empty where it had none."""
        return next((facts.header for facts in self.facts if facts.given is given), [])

    def _rows(self, place: int, given: Given) -> Iterator[_Row]:
        if given.kind == "made":
            pairs = enumerate(MADE[given.files[0].removeprefix(PREFIX)](), 1)
            return (_Row(line, source, target, None, "") for line, (source, target) in pairs)
        facts = [Facts(path, given) for path in given.files]
        self.facts += facts
        if given.kind == "lines":
            self.sizes[place] = (array("I"), array("I"))
            return _side_by_side(facts, self.sizes[place])
        return TABLES[given.kind](facts[0], self.source, self.target)


class _Row(NamedTuple):
    line: int
    source: str | None
    target: str | None
    cells: Any
    fault: str


class _Text(NamedTuple):
    text: str | None
    fault: str
    length: int  # characters, of what is no text bytes: good enough to see which lines belong together


# --- one file, line by line -------------------------------------------------------------------------------------------


def _texts(facts: Facts) -> Iterator[_Text]:
    """Every line of a file; what is no text is counted in ``facts``. Ends early where the file cannot be read on."""
    try:
        for line in _lines(facts):
            facts.lines += 1
            yield _decoded(line, facts)
    except Refusal as refusal:
        facts.refused = str(refusal)


def _decoded(line: bytes | None, facts: Facts) -> _Text:
    if line is None:
        facts.too_long.add(facts.lines, "")
        return _Text(None, "too long", LONGEST)
    if b"\0" in line:
        facts.nul.add(facts.lines, line[:80].decode("utf-8", "replace"))
        return _Text(None, "NUL", len(line))
    try:
        text = line.decode("utf-8")
        return _Text(text, "", len(text))
    except UnicodeDecodeError as error:
        if facts.undecodable.count < GUESSED_FROM:
            facts.guesses[looks_like(line)] += 1
        begin = max(0, error.start - 30)
        facts.undecodable.add(facts.lines, line[begin : begin + 60].decode("utf-8", "backslashreplace"))
        return _Text(None, "not UTF-8", len(line))


def _lines(facts: Facts) -> Iterator[bytes | None]:
    r"""The bytes of each line, ended by \n, \r\n or \r; None for one that is longer than any line of text."""
    stored = Stored(facts.path)
    held, skipping, first = b"", False, True
    try:
        for block in blocks(stored):
            data, held = held + block, b""
            if first:
                facts.bom, first = data.startswith(BOM), False
                data = data.removeprefix(BOM)
            if data.endswith(b"\r"):  # a \n may follow
                data, held = data[:-1], b"\r"
            pieces = _plain_ends(data, facts.ends).split(b"\n")
            held = pieces.pop() + held
            for piece in pieces:
                yield None if skipping or len(piece) > LONGEST else piece
                skipping = False
            if len(held) > LONGEST:
                held, skipping = b"\r" if held.endswith(b"\r") else b"", True
        stored.unchanged()
    finally:
        stored.close()
    rest = _plain_ends(held, facts.ends)
    if held or skipping:
        yield None if skipping or len(rest) > LONGEST else rest.removesuffix(b"\n")


def _plain_ends(data: bytes, ends: Counter[str]) -> bytes:
    if b"\r" in data:
        both = data.count(b"\r\n")
        ends["\r\n"] += both
        ends["\r"] += data.count(b"\r") - both
        ends["\n"] += data.count(b"\n") - both
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    ends["\n"] += data.count(b"\n")
    return data


def looks_like(line: bytes) -> str:
    """What the bytes of a line that is no UTF-8 may be, in words."""
    high = [byte for byte in line if byte >= 0x80]
    runs = sum(1 for before, byte in zip(b" " + line, line) if byte >= 0x80 and before < 0x80)
    if len(high) > 2 * runs:
        return "text in another encoding (such as GB18030, Shift JIS or windows-1251)"
    return "windows-1252" if any(byte < 0xA0 for byte in high) else "Latin-1"


# --- two parallel files -----------------------------------------------------------------------------------------------


def _side_by_side(facts: Sequence[Facts], sizes: tuple[array[int], array[int]]) -> Iterator[_Row]:
    both = zip_longest(_texts(facts[0]), _texts(facts[1]))
    for line, (left, right) in enumerate(both, 1):
        if left is not None:
            sizes[0].append(left.length)
        if right is not None:
            sizes[1].append(right.length)
        if left is not None and right is not None:
            yield _Row(line, left.text, right.text, None, left.fault or right.fault)


# --- tables -----------------------------------------------------------------------------------------------------------


def _tab_rows(facts: Facts, source: str, target: str) -> Iterator[_Row]:
    columns: tuple[int, int, int] | None = None
    for line, (text, fault, _) in enumerate(_texts(facts), 1):
        if text is None or not text.strip():
            yield _Row(line, None if text is None else "", None if text is None else "", None, fault)
            continue
        cells = text.split("\t")
        if columns is None:
            columns = _columns(cells, source, target, facts)
            if columns is None and len(cells) == 2:
                columns, facts.first = (0, 1, 2), (line, cells)
            if columns is None:
                facts.refused = _no_columns(facts, cells, source, target)
                return
            if facts.header:
                continue
        yield _cut(line, cells, columns, facts)


def _comma_rows(facts: Facts, source: str, target: str) -> Iterator[_Row]:
    columns: tuple[int, int, int] | None = None
    for line, cells, fault in _records(facts):
        if cells is None:
            yield _Row(line, None, None, None, fault)
        elif not any(cell.strip() for cell in cells):
            yield _Row(line, "", "", None, "")
        elif columns is None:
            columns = _columns(cells, source, target, facts)
            if columns is None:
                facts.refused = _no_columns(facts, cells, source, target)
                return
        else:
            yield _cut(line, cells, columns, facts)


def _records(facts: Facts) -> Iterator[tuple[int, list[str] | None, str]]:
    """The records of a .csv, each with the line it begins in; a quote may hold line ends (RFC 4180)."""
    spoilt: list[str] = []  # of the record that is being read

    def fed() -> Iterator[tuple[int, str]]:
        for number, (text, fault, _) in enumerate(_texts(facts), 1):
            spoilt.extend([fault] if text is None else [])
            yield number, text or ""

    numbered = fed()
    for begin, line in numbered:
        place = Place(facts.path, begin)
        try:
            cells = comma_cells(line, numbered, place)
        except Refusal as refusal:
            facts.rows.add(begin, str(refusal).removeprefix(f"{place}: "))
            yield begin, None, BROKEN
        else:
            yield (begin, None, spoilt[0]) if spoilt else (begin, cells, "")
        spoilt.clear()


def _columns(cells: list[str], source: str, target: str, facts: Facts) -> tuple[int, int, int] | None:
    """Where source and target stand, and how many columns there are, if this row names both."""
    names = [cell.strip() for cell in cells]
    if source not in names or target not in names:
        return None
    facts.header = cells
    return names.index(source), names.index(target), len(names)


def _no_columns(facts: Facts, cells: list[str], source: str, target: str) -> str:
    return (
        f"{facts.path}, line {facts.lines}: no columns {quoted(source)} and {quoted(target)}, only {listed(cells)}; "
        "say which ones hold them: data.source=… data.target=…"
    )


def _cut(line: int, cells: list[str], columns: tuple[int, int, int], facts: Facts) -> _Row:
    if len(cells) != columns[2]:
        facts.rows.add(line, f"{counted(len(cells), 'column')}, {columns[2]} wanted")
        return _Row(line, None, None, cells, BROKEN)
    return _Row(line, cells[columns[0]], cells[columns[1]], cells, "")


def _json_rows(facts: Facts, source: str, target: str) -> Iterator[_Row]:
    for line, (text, fault, _) in enumerate(_texts(facts), 1):
        if text is None:
            yield _Row(line, None, None, None, fault)
        elif not text.strip():
            yield _Row(line, "", "", None, "")
        else:
            place = Place(facts.path, line)
            try:
                yield _Row(line, *json_pair(text, source, target, place), text, "")
            except Refusal as refusal:
                facts.rows.add(line, str(refusal).removeprefix(f"{place}: "))
                yield _Row(line, None, None, None, BROKEN)


def _stored_rows(facts: Facts, source: str, target: str) -> Iterator[_Row]:
    """The rows of a Parquet table: it holds texts or is refused, so that no row is wrong by itself."""
    try:
        for line, left, right in Parquet(facts.path).rows(source, target):
            facts.lines = line
            if left is None:
                facts.too_long.add(line, "")
            yield _Row(line, left, right, None, "" if left is not None else "too long")
    except Refusal as refusal:
        facts.refused = str(refusal)


TABLES: dict[str, Callable[[Facts, str, str], Iterator[_Row]]] = {
    "tsv": _tab_rows,
    "csv": _comma_rows,
    "jsonl": _json_rows,
    "parquet": _stored_rows,
}
"""How the rows of each kind of table are read."""
