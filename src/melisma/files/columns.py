"""Pairs of texts, from two parallel files or from two columns of a table."""

from __future__ import annotations

import unicodedata
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import NamedTuple

from melisma.errors import Refusal
from melisma.files.alignment import parting
from melisma.files.lines import Lines, Place, Signature
from melisma.files.opening import BUDGET, Budget
from melisma.files.tables import ENDINGS, kind, rows
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
        self._files = [Lines(path, budget=budget) for path in self.corpus]

    def __iter__(self) -> Iterator[Pair]:
        tally = _Tally()
        yield from self._kept(tally)
        signatures = {lines.path: lines.signature for lines in self._files if lines.signature is not None}
        self.report = tally.report(signatures)
        if not self.report.pairs:
            seen = counted(tally.seen, "row" if len(self._files) == 1 else "line")
            dropped = f"{self.report.blank:,} blank on a side, {self.report.too_long:,} too long"
            raise Refusal(
                f"{named(','.join(self.corpus))}: no pair in {seen} ({dropped}); text on both sides is wanted"
            )

    def _kept(self, tally: _Tally) -> Iterator[Pair]:
        parallel = len(self._files) == 2
        triples = _side_by_side(*self._files) if parallel else rows(self._files[0], self.source, self.target)
        file = self._files[0].path
        for line, source, target in triples:
            if source and target and source[0].isalnum() and target[0].isalnum():
                tally.pairs += 1
                yield Pair(source, target, Place(file, line))
            elif tally.keeps(source, target, Place(file, line)):
                yield Pair(source or "", target or "", Place(file, line))


def read_pairs(
    corpora: Sequence[Sequence[str]], source: str = "source", target: str = "target"
) -> tuple[list[Pair], ReadReport]:
    """All pairs of several corpora, in order, and what was dropped; every file is looked for before any is read."""
    found: list[Pair] = []
    report = ReadReport()
    for pairs in [Pairs(corpus, source, target) for corpus in corpora]:
        found.extend(pairs)
        report += pairs.report
    return found, report


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
    sizes = (array("L"), array("L"))
    over = _Over()
    for line, (a, b) in enumerate(zip_longest(left, right, fillvalue=over), 1):
        if not isinstance(a, _Over):
            sizes[0].append(len(a or ""))
        if not isinstance(b, _Over):
            sizes[1].append(len(b or ""))
        if not isinstance(a, _Over) and not isinstance(b, _Over):
            yield line, a, b
    if left.count != right.count:
        raise _unequal(left, right, sizes)


class _Over:
    """Stands for the lines that the shorter of two files does not have."""


def _unequal(left: Lines, right: Lines, sizes: tuple[array[int], array[int]]) -> Refusal:
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
            f"{shown}: a single file must be a table ({endings}, also .gz or .xz);"
            " two parallel files are joined by a comma: a.en,a.de"
        )


def _places(places: tuple[Place, ...], number: int) -> str:
    return ("the first: " if number > len(places) else "") + "; ".join(map(str, places))
