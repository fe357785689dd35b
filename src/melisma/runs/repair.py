"""What of a run is whole, and how it becomes so again: by going back to the newest step that is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from melisma.errors import Refusal
from melisma.runs.disk import Disk, replace_file
from melisma.runs.inside import names_inside
from melisma.runs.layout import DAMAGED, LATEST, STEPS, StepName
from melisma.runs.place import shown_path
from melisma.runs.read import check_step, following, pointer_names, step_names


@dataclass(frozen=True)
class Survey:
    """Every step and every pointer of a run, and what is wrong with each (None: nothing)."""

    steps: Mapping[StepName, str | None]  # oldest first
    pointers: Mapping[str, StepName | None]  # None: it leads to no whole step
    faults: Mapping[str, str]  # why a pointer leads to none

    @property
    def newest(self) -> StepName | None:
        """The newest whole step."""
        return next((step for step, fault in reversed(list(self.steps.items())) if fault is None), None)

    @property
    def resumed(self) -> StepName | None:
        """The step from which a training goes on: the latest, or the newest whole one where that is lost."""
        return self.pointers.get(LATEST) or self.newest


def survey(path: Path) -> Survey:
    """Looks at every byte of every step of the run; also right while a training goes on."""
    faults: dict[str, str] = {}
    pointers: dict[str, StepName | None] = {}
    known: dict[StepName, Refusal | None] = {}
    for name in pointer_names(path):
        try:
            pointers[name] = following(path, name, lambda step: _whole(path, step, known))
        except Refusal as error:
            pointers[name] = None
            faults[name] = str(error)
    steps: dict[StepName, str | None] = {}
    for step in step_names(path):
        fault = _fault(path, step, known)
        if fault is None or os.path.lexists(path / STEPS / str(step)):  # else it was retired meanwhile
            steps[step] = fault
    return Survey(steps, pointers, faults)


def _whole(path: Path, step: StepName, known: dict[StepName, Refusal | None]) -> StepName:
    """The step itself if it is whole; its bytes are looked at once, however many pointers lead to it."""
    if step not in known:
        known[step] = None
        try:
            check_step(path, step)
        except Refusal as error:
            known[step] = error
    fault = known[step]
    if fault is not None:
        raise fault
    return step


def _fault(path: Path, step: StepName, known: dict[StepName, Refusal | None]) -> str | None:
    try:
        _whole(path, step, known)
    except Refusal as error:
        return str(error)
    return None


def is_lost(found: Survey) -> bool:
    """Whether steps were saved and none of them is whole."""
    return found.resumed is None and bool(found.steps or found.pointers)


def repair(path: Path, disk: Disk) -> tuple[str, ...]:
    """Leads ``latest`` to a whole step, sets damaged steps aside and drops pointers to them; says what it did.

    Only for who holds the lock. Refusal, with nothing changed, where no step is whole.
    """
    found = survey(path)
    if is_lost(found):
        reasons = [*found.faults.values(), *(fault for fault in found.steps.values() if fault)]
        raise Refusal(f"{shown_path(path)} has no whole step to go on from ({reasons[0]}): begin another run")
    notes: list[str] = []
    if found.resumed is not None and found.pointers.get(LATEST) is None:
        replace_file(disk, path / LATEST, f"{found.resumed}\n".encode())
        reason = found.faults.get(LATEST, f"{path / LATEST} is not there")
        notes.append(f"{reason}; going on from step {found.resumed}, the newest that is whole")
    for step, fault in found.steps.items():
        if fault is not None:
            aside = _aside(path, step)
            disk.rename(path / STEPS / str(step), aside)
            notes.append(f"{fault}; the step was set aside as {aside.name}")
    for name, fault in found.faults.items():
        if name != LATEST:
            disk.remove_file(path / name)
            notes.append(f"{fault}; {name} is forgotten until a step is better again")
    if notes:
        disk.sync_folder(path / STEPS)
        disk.sync_folder(path)
    return tuple(notes)


def _aside(path: Path, step: StepName) -> Path:
    taken = set(names_inside(path, STEPS))
    names = (f"{DAMAGED}{step}" if again == 1 else f"{DAMAGED}{step}.{again}" for again in range(1, len(taken) + 2))
    return path / STEPS / next(name for name in names if name not in taken)
