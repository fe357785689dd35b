"""The search settings of a command line, checked against the run before anything heavy is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from melisma.runs.read import read_run
from melisma.settings.leaves import shape
from melisma.settings.read import build, with_values
from melisma.settings.search import SearchSettings
from melisma.settings.words import from_words
from melisma.tasks import settings_of

NAMES = shape(SearchSettings).names


def options(run: str, given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The search settings that were typed; Refusal where they, or the run, are not right."""
    values = from_words(SearchSettings, given)
    found = read_run(run)
    settings: Any = build(settings_of(found.task), found.settings)
    with_values(settings.search, values)
    return values
