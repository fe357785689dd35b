"""The tasks and where they are written; a new task is its file and one line in each table."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from melisma.errors import Refusal
from melisma.settings.names import nearest
from melisma.task import Task

TASKS: dict[str, str] = {
    "translate": "melisma.tasks.translate",
    "transcribe": "melisma.tasks.transcribe",
    "trigger": "melisma.tasks.trigger",
}
"""Name -> the module whose ``TASK`` it is: loaded when it is needed, since it loads torch."""

SETTINGS: dict[str, tuple[str, str]] = {
    "translate": ("melisma.settings.translate", "TranslateSettings"),
    "transcribe": ("melisma.settings.transcribe", "TranscribeSettings"),
    "trigger": ("melisma.settings.trigger", "TriggerSettings"),
}
"""Name -> its settings, which load without torch."""


def task(name: str) -> Task[Any, Any]:
    """The task of this name; a run of a task that is not here was made by a newer version."""
    if name not in TASKS:
        raise Refusal(
            f"there is no task {name!r}; known are {', '.join(TASKS)}: a run of another was made by a newer version"
        )
    found: Task[Any, Any] = import_module(TASKS[name]).TASK
    return found


def settings_of(name: str) -> type:
    """The settings class of a task, without loading the task."""
    if name not in SETTINGS:
        near = nearest(name, SETTINGS)
        raise Refusal(
            f"there is no task {name!r}" + (f": did you mean {near}?" if near else f"; known are {', '.join(SETTINGS)}")
        )
    module, attribute = SETTINGS[name]
    found: type = getattr(import_module(module), attribute)
    return found
