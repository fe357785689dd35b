"""Everything that a check found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from melisma.checks.coverage import Coverage
from melisma.checks.dry_run import Cost
from melisma.checks.finding import Finding
from melisma.checks.hours import Sounds
from melisma.checks.new_folder import Repaired


@dataclass(frozen=True)
class Report:
    """What is wrong, what can be heard, what validation shares with training, what training takes, what was repaired.

    ``coverage`` and ``cost`` are None where there was nothing to measure them on, or it was not asked for.
    """

    thing: str  # what an example is called: "pair", "recording"
    examples: Mapping[str, int]  # of train and valid, blank and broken ones included
    findings: tuple[Finding, ...]  # errors first
    sounds: Mapping[str, Sounds]  # of train and valid; empty where the data is no sound
    coverage: Coverage | None = None
    cost: Cost | None = None
    repaired: Repaired | None = None
    unrepaired: str = ""  # why a repair that was asked for could not be done

    @property
    def faulty(self) -> bool:
        """Whether there is an error among the findings."""
        return any(finding.severity == "error" for finding in self.findings)

    @property
    def trainable(self) -> bool:
        """Whether training goes on without whatever has an error."""
        return all(finding.left_out for finding in self.findings if finding.severity == "error")
