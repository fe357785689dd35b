"""Everything that is looked for in pairs of texts, in one pass over the files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

from melisma.checks import encoding, headers, lengths
from melisma.checks.duplicates import Duplicates
from melisma.checks.encoding import Encoding
from melisma.checks.finding import BOTH, QUOTED, Draft, Finding, Seen, Spot, ordered
from melisma.checks.hours import Sounds
from melisma.checks.lengths import Lengths
from melisma.checks.reading import Given, Reading, Record
from melisma.checks.scripts import Scripts
from melisma.checks.sides import Sides
from melisma.checks.swapped import Swapped
from melisma.files.columns import Pair, Pairs, blank
from melisma.files.lines import Place
from melisma.files.made import is_made, require_made
from melisma.files.opening import at_home
from melisma.files.stored import StoredPairs
from melisma.settings.translate import DataSettings
from melisma.task import Corpus


class Check(Protocol):
    """One concern: sees every record, and says what it found when all were seen."""

    def see(self, record: Record, whole: bool) -> None:
        """One record; ``whole``: both sides could be read and show something."""

    def drafts(self) -> Iterator[Draft]:
        """The findings."""


CHECKS: dict[str, Callable[[], Check]] = {
    "sides": Sides,
    "encoding": Encoding,
    "duplicates": Duplicates,
    "lengths": Lengths,
    "scripts": Scripts,
    "swapped": Swapped,
}
"""What looks at each record."""

OF_FILES: tuple[Callable[[Reading], Iterable[Draft]], ...] = (
    lambda reading: encoding.of_files(reading.facts),
    lambda reading: headers.of_files(reading.facts),
    lengths.of_files,
)
"""What looks at the files as a whole, once they have been read."""


@dataclass(frozen=True)
class Looked:
    """What one pass over the data showed: the findings, and what repairing needs to know."""

    reading: Reading
    examples: Mapping[str, int]  # pairs of each part, blank and broken ones included
    findings: tuple[Finding, ...]
    sides: Sides
    duplicates: Duplicates
    lengths: Lengths
    sounds: ClassVar[Mapping[str, Sounds]] = {}  # there are none


def look(data: DataSettings) -> Looked:
    """Reads all the data once and gathers what is wrong with it; Refusal only where a file is not there at all."""
    reading = Reading(_given(data), data.source, data.target)
    sides, duplicates, sizes = Sides(), Duplicates(), Lengths()
    ours: dict[str, Check] = {"sides": sides, "duplicates": duplicates, "lengths": sizes}
    checks = [ours[name] if name in ours else make() for name, make in CHECKS.items()]
    pairs = dict.fromkeys((given.part for given in reading.corpora), 0)
    for record in reading:
        whole = is_whole(record)
        pairs[record.given.part] += 1
        for check in checks:
            check.see(record, whole)
    drafts = [draft for of_files in OF_FILES for draft in of_files(reading)]
    drafts += [draft for check in checks for draft in check.drafts()]
    return Looked(reading, pairs, ordered(_placed(drafts, reading)), sides, duplicates, sizes)


def is_whole(record: Record) -> bool:
    """Whether both sides could be read and show something."""
    source, target = record.sides
    return source is not None and target is not None and not blank(source) and not blank(target)


def readable(looked: Looked) -> Corpus[Pair]:
    """The pairs that can be read, where training would refuse the whole; they lie on the disk."""
    return Corpus(_readable(looked, "train"), _readable(looked, "valid"), {})


def _readable(looked: Looked, part: str) -> Sequence[Pair]:
    again = Reading([given for given in looked.reading.corpora if given.part == part], *_columns(looked))
    return StoredPairs(
        Pair(record.source or "", record.target or "", Place(record.given.file(0), record.line))
        for record in again
        if is_whole(record)
    )


def _columns(looked: Looked) -> tuple[str, str]:
    return looked.reading.source, looked.reading.target


def _given(data: DataSettings) -> list[Given]:
    """The corpora of both parts; Refusal where they are no pairs, or a file is not there."""
    found = [Given("train", corpus) for corpus in data.train] + [Given("valid", corpus) for corpus in data.valid or ()]
    for given in found:
        if is_made(given.files):
            require_made(given.files[0])
        else:
            Pairs(given.files, data.source, data.target)
    return [Given(given.part, tuple(map(at_home, given.files))) for given in found]


def _placed(drafts: Sequence[Draft], reading: Reading) -> Iterator[Finding]:
    """The findings with the places and texts of their records, which are read for it once more."""
    wanted = {spot.number for draft in drafts for spot in draft.spots}
    records = _fetched(wanted, reading)
    for draft in drafts:
        places = tuple(_seen(records[spot.number], spot) for spot in draft.spots if spot.number in records)
        yield replace(draft.finding, places=draft.finding.places + places)


def _fetched(wanted: set[int], reading: Reading) -> dict[int, Record]:
    found: dict[int, Record] = {}
    if wanted:
        last = max(wanted)
        for record in Reading(reading.corpora, reading.source, reading.target):
            if record.number in wanted:
                found[record.number] = record
            if record.number == last:
                break
    return found


def _seen(record: Record, spot: Spot) -> Seen:
    texts = [text or "" for text in record.sides]
    if spot.side == BOTH:
        return Seen(record.given.file(0), record.line, " | ".join(texts))
    text = texts[spot.side]
    begin = spot.at - QUOTED // 3 if spot.at > QUOTED // 2 else 0
    return Seen(record.given.file(spot.side), record.line, ("…" if begin else "") + text[begin:])
