"""What a command line says of subtitles: ``format=``, of the verbs that hear recordings."""

from __future__ import annotations

from typing import Final

from melisma.errors import Refusal
from melisma.files.subtitles import Subtitles
from melisma.runs.read import read_run

OWN: Final = ("format",)
PLAIN: Final = "txt"  # text without times, as it is without a format
TASKS: Final = ("transcribe",)  # whose answers are words and their times


def subtitles_of(run: str, given: dict[str, list[str]]) -> Subtitles | None:
    """The subtitles that ``format=`` asks for, which it takes out of what is given; None: none are.

    Refusal for several, for another format, and for a run that hears no words.
    """
    kinds = given.pop("format", [])
    if len(kinds) > 1:
        raise Refusal(f"setting format is given {len(kinds)} times ({', '.join(kinds[:3])}): wants one")
    if not kinds or kinds[0] == PLAIN:
        return None
    found = Subtitles(kinds[0])
    task = read_run(run).task
    if task not in TASKS:
        raise Refusal(f"format={kinds[0]} is for words that are heard and this is a run of {task}: wants no format")
    return found
