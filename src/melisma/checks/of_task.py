"""How the data of each task is checked: all in which recordings differ from pairs of texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from melisma.checks import learnable, recordings, repair, repair_recordings, takes, translate
from melisma.checks.coverage import cover
from melisma.checks.covered import Covered
from melisma.checks.finding import Finding
from melisma.checks.hours import Sounds
from melisma.checks.new_folder import Repaired
from melisma.task import Corpus


class Looked(Protocol):
    """What one pass over the data showed; each task has its own, and repairs by it."""

    @property
    def examples(self) -> Mapping[str, int]:
        """How many there are of each part, blank and broken ones included."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong."""

    @property
    def sounds(self) -> Mapping[str, Sounds]:
        """What can be heard of each part; empty where the data is no sound."""


@dataclass(frozen=True)
class DataCheck:
    """What a check asks of a task."""

    thing: str  # what an example is called
    look: Callable[[Any], Any]  # settings -> ``Looked``
    # looked, settings -> what training would take without what is broken, where it refuses the whole; Refusal where it
    # would refuse that too
    readable: Callable[[Any, Any], Corpus[Any]]
    cover: Callable[[Any, Sequence[Any], Sequence[Any], Any], Covered]  # codec, train, valid, settings
    # search settings, codec, examples -> settings by which a new model answers for about as long as a trained one
    answering: Callable[[Any, Any, Sequence[Any]], Any]
    require_new: Callable[[Path, Any], None]  # folder, data settings; Refusal where no copy can be written there
    repaired: Callable[[Any, Covered | None, Any, Path], Repaired]  # looked, covered, data settings, folder


def _cover_pairs(codec: Any, train: Sequence[Any], valid: Sequence[Any], settings: Any) -> Covered:
    return Covered(*cover(codec, train, valid, settings.data, settings.text.units))


def _as_long(search: Any, codec: Any, examples: Sequence[Any]) -> Any:
    """Answers as long as the references: a model that has learned nothing yet never ends its own."""
    longest = max(len(target) for _, target in codec.symbols(examples)) + 1
    return replace(search, maximum=longest, minimum=min(search.minimum, longest))


CHECKS: Mapping[str, DataCheck] = {
    "translate": DataCheck(
        thing="pair",
        look=lambda settings: translate.look(settings.data),
        readable=lambda looked, settings: translate.readable(looked),
        cover=_cover_pairs,
        answering=_as_long,
        require_new=repair.require_new,
        repaired=lambda looked, covered, data, folder: repair.repaired(looked, folder),
    ),
    "transcribe": DataCheck(
        thing="recording",
        look=recordings.look,
        readable=recordings.readable,
        cover=learnable.cover,
        answering=lambda search, codec, examples: search,
        require_new=repair_recordings.require_new,
        repaired=repair_recordings.repaired,
    ),
    "trigger": DataCheck(
        thing="recording",
        look=takes.look,
        readable=lambda looked, settings: Corpus((), (), {}),
        cover=takes.cover,
        answering=lambda search, codec, examples: search,
        require_new=repair_recordings.require_new,
        repaired=repair_recordings.repaired,
    ),
}
"""Task -> how its data is checked."""
