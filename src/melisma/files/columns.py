"""Pairs of texts, from two parallel files or from two columns of a table."""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import NamedTuple, Protocol

from melisma.errors import Refusal
from melisma.files.alignment import parting
from melisma.files.lines import Lines, Place, Signature
from melisma.files.opening import BUDGET, Budget
from melisma.files.parquet import Parquet
from melisma.files.tables import ENDINGS, kind, rows
from melisma.files.watch import passing
from melisma.quoting import counted, named

SHOWN = 3  # places that a report remembers for each reason to drop


class Pair(NamedTuple):
    """A source and its target, exactly as written, and where they stand (in the source's file)."""

    source: str
    target: str
    place: Place


@dataclass(frozen=True)
class ReadReport:
    """What became of the lines of one or more corpora; reports add up."""

    pairs: int = 0
    one_blank: int = 0  # one side blank, the other not: dropped, both sides
    both_blank: int = 0
    too_long: int = 0  # a line over the limit on either side
    one_blank_at: tuple[Place, ...] = ()  # the first few
    too_long_at: tuple[Place, ...] = ()
    signatures: Mapping[str, Signature] = field(default_factory=dict)  # by file name, as given

    @property
    def blank(self) -> int:
        """Pairs dropped because a side is blank, or both."""
        return self.one_blank + self.both_blank

    def __add__(self, other: ReadReport) -> ReadReport:
        return ReadReport(
            self.pairs + other.pairs,
            self.one_blank + other.one_blank,
            self.both_blank + other.both_blank,
            self.too_long + other.too_long,
            (self.one_blank_at + other.one_blank_at)[:SHOWN],
            (self.too_long_at + other.too_long_at)[:SHOWN],
            {**self.signatures, **other.signatures},
        )

    def warnings(self) -> list[str]:
        """One sentence for each kind of dropped line that a user should know of."""
        said = []
        if self.one_blank:
            where = _places(self.one_blank_at, self.one_blank)
            said.append(f"dropped {counted(self.one_blank, 'pair')} with one blank side ({where})")
        if self.too_long:
            where = _places(self.too_long_at, self.too_long)
            said.append(f"dropped {counted(self.too_long, 'pair')} with a line that is too long ({where})")
        return said


class Pairs:
    """Iterates over the pairs of one corpus: two parallel files, or one table with the columns `source` and `target`.

    A pair with a blank or over-long side is dropped whole and counted, so nothing shifts; `report` tells of the latest
    whole pass. Raises Refusal for unreadable files, unequal numbers of lines, wrong rows, a corpus without any pair.
    """

    def __init__(
        self, corpus: Sequence[str], source: str = "source", target: str = "target", *, budget: Budget = BUDGET
    ) -> None:
        self.corpus, self.source, self.target = tuple(corpus), source, target
        self.report = ReadReport()
        _require_corpus(self.corpus)
        self._files: list[Lines | Parquet] = [_file(path, len(self.corpus), budget) for path in self.corpus]

    def __iter__(self) -> Iterator[Pair]:
        tally = _Tally()
        yield from self._kept(tally)
        signatures = {lines.path: lines.signature for lines in self._files if lines.signature is not None}
        self.report = tally.report(signatures)
        if not self.report.pairs:
            seen = counted(tally.seen, "row" if len(self._files) == 1 else "line")
            counts = ((self.report.blank, "blank on a side"), (self.report.too_long, "too long"))
            dropped = ", ".join(f"{count:,} {what}" for count, what in counts if count) or "none of them whole"
            raise Refusal(
                f"{named(','.join(self.corpus))}: no pair in {seen} ({dropped}); text on both sides is wanted"
            )

    def _kept(self, tally: _Tally) -> Iterator[Pair]:
        file = self._files[0].path
        for line, source, target in self._rows():
            if source and target and source[0].isalnum() and target[0].isalnum():
                tally.pairs += 1
                yield Pair(source, target, Place(file, line))
            elif tally.keeps(source, target, Place(file, line)):
                yield Pair(source or "", target or "", Place(file, line))

    def _rows(self) -> Iterator[tuple[int, str | None, str | None]]:
        match self._files:
            case [Lines() as left, Lines() as right]:
                return _side_by_side(left, right)
            case [Lines() as lines]:
                return rows(lines, self.source, self.target)
            case [Parquet() as table]:
                return table.rows(self.source, self.target)
        raise AssertionError("a corpus is two parallel files or one table")


def _file(path: str, files: int, budget: Budget) -> Lines | Parquet:
    table = files == 1 and kind(path) == "parquet"
    return Parquet(path, budget=budget) if table else Lines(path, budget=budget)


def read_pairs(
    corpora: Sequence[Sequence[str]], source: str = "source", target: str = "target"
) -> tuple[list[Pair], ReadReport]:
    """All pairs of several corpora, in order, and what was dropped; every file is looked for before any is read."""
    found: list[Pair] = []
    return found, read_into(found, corpora, source, target)


class Growing(Protocol):
    """What pairs can be added to: a list, or one that lies in a file."""

    def extend(self, pairs: Iterable[Pair], /) -> None:
        """Adds pairs."""


def read_into(
    found: Growing, corpora: Sequence[Sequence[str]], source: str = "source", target: str = "target"
) -> ReadReport:
    """Adds all pairs of several corpora to ``found``, one at a time, as ``read_pairs`` does; gives what was dropped."""
    report = ReadReport()
    for pairs in [Pairs(corpus, source, target) for corpus in corpora]:
        found.extend(passing("pairs read", pairs))
        report += pairs.report
    return report


def blank(text: str) -> bool:
    """Whether a text shows nothing: only spaces, controls, and marks without width."""
    return not text or text.isspace() or all(unicodedata.category(character) in _UNSEEN for character in text)


_UNSEEN = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})


@dataclass
class _Tally:
    """Counts while reading; becomes a ReadReport."""

    pairs: int = 0
    one_blank: int = 0
    both_blank: int = 0
    too_long: int = 0
    one_blank_at: list[Place] = field(default_factory=list)
    too_long_at: list[Place] = field(default_factory=list)

    @property
    def seen(self) -> int:
        return self.pairs + self.one_blank + self.both_blank + self.too_long

    def keeps(self, source: str | None, target: str | None, place: Place) -> bool:
        if source is None or target is None:
            self.too_long += 1
            self.too_long_at += [place] if len(self.too_long_at) < SHOWN else []
            return False
        blanks = blank(source) + blank(target)
        if blanks == 1:
            self.one_blank += 1
            self.one_blank_at += [place] if len(self.one_blank_at) < SHOWN else []
        self.both_blank += blanks == 2
        self.pairs += blanks == 0
        return blanks == 0

    def report(self, signatures: Mapping[str, Signature]) -> ReadReport:
        return ReadReport(
            self.pairs,
            self.one_blank,
            self.both_blank,
            self.too_long,
            tuple(self.one_blank_at),
            tuple(self.too_long_at),
            signatures,
        )


def _side_by_side(left: Lines, right: Lines) -> Iterator[tuple[int, str | None, str | None]]:
    over = _Over()
    for line, (a, b) in enumerate(zip_longest(left, right, fillvalue=over), 1):
        if not isinstance(a, _Over) and not isinstance(b, _Over):
            yield line, a, b
    if left.count != right.count:
        raise _unequal(left, right)


class _Over:
    """Stands for the lines that the shorter of two files does not have."""


def _unequal(left: Lines, right: Lines) -> Refusal:
    # both are read once more for this, so that the lengths of all lines need not be kept where all is well
    sizes = [array("I", (len(line or "") for line in lines)) for lines in (left, right)]
    first = parting(*sizes)
    shorter, longer = (left, right) if left.count < right.count else (right, left)
    if first >= shorter.count:
        tail = sizes[0 if longer is left else 1][shorter.count :]
        nature = "blank, and " if not any(tail) else ""
        where = f"the lines of {named(longer.path)} from line {shorter.count + 1} on are {nature}without a partner"
    else:
        where = f"from around line {first + 1} on they no longer fit each other"
    return Refusal(
        f"{named(left.path)} has {counted(left.count, 'line')} and {named(right.path)} has"
        f" {counted(right.count, 'line')}: {where}; parallel files need equally many"
    )


def _require_corpus(corpus: tuple[str, ...]) -> None:
    shown = named(",".join(corpus))
    kinds = [kind(path) for path in corpus]
    if len(corpus) == 2:
        if all(kinds):
            raise Refusal(
                f"{shown}: two tables are two corpora, not two sides; give each its own setting:"
                f" data.train={named(corpus[0])} data.train={named(corpus[1])}"
            )
        return
    if len(corpus) != 1:
        raise Refusal(
            f"{shown or 'a corpus'}: {counted(len(corpus), 'file')} given; one table or two parallel files wanted"
        )
    if not kinds[0] and corpus[0]:
        Lines(corpus[0])  # a folder, a stream or a missing file is worth its own sentence
        endings = " ".join(ENDINGS)
        raise Refusal(
            f"{shown}: a single file must be a table ({endings}, also .gz, .xz or .zst);"
            " two parallel files are joined by a comma: a.en,a.de"
        )


def _places(places: tuple[Place, ...], number: int) -> str:
    return ("the first: " if number > len(places) else "") + "; ".join(map(str, places))
