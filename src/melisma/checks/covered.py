"""What a check learns of examples as training sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from melisma.checks.coverage import Coverage
from melisma.checks.finding import Finding


class Covered(NamedTuple):
    """What validation shares with training, what follows from it, and what a repaired copy has to know of it."""

    coverage: Coverage | None  # None: nothing is written in symbols
    findings: list[Finding]
    left_out: Mapping[tuple[str, str], str] = {}  # part and place of an example -> why training leaves it out
    sessions: Mapping[str, int] = {}  # place of a recording -> its guessed session
