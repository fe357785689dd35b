"""What a check finds: one kind of fault, how often it occurs, what it means, where the first stand, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from melisma.quoting import named, quoted

Severity = Literal["error", "warning", "note"]

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
SHOWN = 3  # places that a finding remembers
QUOTED = 60  # characters of a text that a place shows


class Seen(NamedTuple):
    """A place in the data, the line counted from 1, and what stands there; line 0 is the file as a whole."""

    file: str
    line: int
    text: str
    why: str = ""  # what is wrong with just this line, said whole

    def __str__(self) -> str:
        where = f"{named(self.file)}:{self.line}" if self.line else named(self.file)
        if self.why:
            return f"{where}  {named(self.why)}"
        return f"{where}  {quoted(self.text, QUOTED)}" if self.text else where


@dataclass(frozen=True)
class Finding:
    """One kind of fault; ``count`` of ``of`` lines, pairs or files have it."""

    name: str
    severity: Severity
    count: int
    of: int
    sentence: str
    advice: str
    places: tuple[Seen, ...] = ()
    left_out: bool = False  # whether training goes on without what has it

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.count / self.of if self.of else 0.0


class Spot(NamedTuple):
    """A record by its number, which of its sides (0 source, 1 target, 2 both), and the character that matters."""

    number: int
    side: int
    at: int = 0


BOTH = 2


@dataclass(frozen=True)
class Draft:
    """A finding whose places are still numbers of records: their texts are read once all is known."""

    finding: Finding
    spots: tuple[Spot, ...] = ()


@dataclass
class Spots:
    """Counts, and remembers the first few."""

    count: int = 0
    first: list[Spot] = field(default_factory=list)

    def add(self, number: int, side: int, at: int = 0) -> None:
        """One more."""
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append(Spot(number, side, at))


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors before warnings before notes."""
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


def validation(given: object) -> str:
    """What a sentence calls validation data that this setting names; None: it is cut off the training data."""
    return "valid" if given is not None else "the part cut off for validation"


def percent(part: int, whole: int) -> str:
    """A share for people: as many digits as it takes not to say 0 or 100 of what is neither."""
    share = 100 * part / whole if whole else 0.0
    if part in (0, whole):
        return f"{share:.0f} %"
    if share < 0.01:
        return "<0.01 %"
    return f"{min(share, 99.9):.1f} %" if share >= 1 else f"{share:.2g} %"


def verb(count: int, one: str, many: str) -> str:
    """The form of a word that goes with a number."""
    return one if count == 1 else many
