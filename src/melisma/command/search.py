"""What a command line says of answering, checked against the run before anything heavy is loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from melisma.errors import Refusal
from melisma.runs.read import read_run
from melisma.settings.leaves import shape
from melisma.settings.read import build, with_values
from melisma.settings.search import SearchSettings
from melisma.settings.training import TrainingSettings
from melisma.settings.values import convert
from melisma.settings.words import from_words
from melisma.tasks import settings_of

DEVICE = shape(TrainingSettings).leaves["device"]  # the same words say where to answer
NAMES = (*shape(SearchSettings).names, DEVICE.name)


def options(run: str, given: Mapping[str, Sequence[str]]) -> tuple[dict[str, Any], str]:
    """The search settings that were typed, and the device; Refusal where they, or the run, are not right."""
    searched = dict(given)
    places = searched.pop(DEVICE.name, ["auto"])
    if len(places) > 1:
        raise Refusal(f"setting device is given {len(places)} times ({', '.join(places[:3])}): wants one")
    place: str = convert(DEVICE, places[0])
    values = from_words(SearchSettings, searched)
    found = read_run(run)
    settings: Any = build(settings_of(found.task), found.settings)
    with_values(settings.search, values)
    return values, place
