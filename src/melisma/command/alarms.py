"""Alarms on the terminal: how they are told, and where what fired is kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from melisma.api.keeping import Keeping
from melisma.command.columns import columns
from melisma.command.talk import say
from melisma.errors import Refusal
from melisma.quoting import counted, shown_path
from melisma.task import Figure

if TYPE_CHECKING:
    from melisma.api.model import Model

KEEP = ("keep",)


def folder_of(given: dict[str, list[str]]) -> Path | None:
    """Takes keep=FOLDER out of what was typed; Refusal where it names none, or several."""
    values = given.pop(KEEP[0], [])
    if len(values) > 1 or values == [""]:
        found = f"is given {len(values)} times" if len(values) > 1 else "names nothing"
        raise Refusal(f"keep {found}: the name of one folder is wanted")
    return Path(values[0]) if values else None


def keeping_of(model: Model, rate: int, folder: Path | None, source: str) -> Keeping | None:
    """What keeps what fires, where that is asked for; Refusal where the run has no alarms."""
    if folder is None:
        return None
    if model.task.gives != "alarms":
        raise Refusal(
            f"keep={shown_path(folder)} keeps what fired and a run of the task {model.task.name} has no alarms: wants "
            "a run of trigger words, or no keep"
        )
    return Keeping(folder, rate, model.run.path, source)


def say_kept(keeping: Keeping | None) -> None:
    """How much was kept, and what comes next."""
    if keeping is not None and keeping.kept:
        say(
            f"{counted(keeping.kept, 'recording')} kept; next: in {shown_path(keeping.manifest)} fill in as text what "
            "was said in each, the word or anything else, and give it as data.positive and as data.negative"
        )


def heard(figure: Figure) -> list[str]:
    """A figure of kind ``alarms``: each alarm, when and how surely; where there is none, how nearly there was."""
    found = [(one["text"], f"{one['second']:.2f}", f"{one['score']:.2f}") for one in figure.data["alarms"]]
    if found:
        return columns([("word", "second", "score"), *found], {1, 2})
    return [_nearly(one) for one in figure.data["words"]]


def _nearly(word: Mapping[str, Any]) -> str:
    if not word["scores"]:
        return f"{word['text']}: the recording is too short to be heard"
    place = max(range(len(word["scores"])), key=word["scores"].__getitem__)
    return (
        f"{word['text']}: not heard; its highest score is {word['scores'][place]:.2f} at {word['times'][place]:.2f} s, "
        f"and {word['threshold']:.2f} is wanted"
    )


def cells(alarm: Any, second: str) -> tuple[str, ...]:
    """When, which word, and how surely."""
    return second, alarm.word, f"{alarm.score:.2f}"
