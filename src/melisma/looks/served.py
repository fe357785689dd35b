"""Which runs can be looked at in which way."""

from __future__ import annotations

from melisma.errors import Refusal

TASKS: dict[str, tuple[str, ...]] = {
    "attention": ("translate",),
    "steps": ("translate",),
    "alignment": ("transcribe",),
    "alarms": ("trigger",),
}
"""Look -> the tasks that it serves."""


def require_served(look: str, task: str) -> None:
    """Refuses a look that shows nothing of such a task, and names those that do."""
    if task in TASKS[look]:
        return
    others = " or ".join(name for name, tasks in TASKS.items() if task in tasks)
    wanted = f"look {others}, or a run of {' or '.join(TASKS[look])}" if others else f"a run of {TASKS[look][0]}"
    raise Refusal(f"look {look} shows nothing of a run of the task {task}: wants {wanted}")
