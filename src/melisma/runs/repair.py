"""What of a run is whole, and how it becomes so again: by going back to the newest step that is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from melisma.errors import Refusal
from melisma.quoting import shown_path
from melisma.runs.disk import Disk, replace_file
from melisma.runs.inside import names_inside
from melisma.runs.layout import DAMAGED, LATEST, STEPS, StepName
from melisma.runs.read import Newer, check_step, following, pointer_names, read_better, read_pointer, step_names


@dataclass(frozen=True)
class Survey:
    """Every step and every pointer of a run, and what is wrong with each (None: nothing)."""

    steps: Mapping[StepName, str | None]  # oldest first
    pointers: Mapping[str, StepName | None]  # None: it leads to no whole step
    faults: Mapping[str, str]  # why a pointer leads to none

    @property
    def resumed(self) -> StepName | None:
        """The step from which a training goes on: the newest whole one, even where a crash left ``latest`` behind."""
        return next((step for step, fault in reversed(list(self.steps.items())) if fault is None), None)

    @property
    def behind(self) -> bool:
        """Whether ``latest`` does not lead to the step that is gone on from."""
        return self.resumed is not None and self.pointers.get(LATEST) != self.resumed


def survey(path: Path) -> Survey:
    """Looks at every byte of every step of the run; also right while a training goes on."""
    faults: dict[str, str] = {}
    pointers: dict[str, StepName | None] = {}
    known: dict[StepName, Refusal | None] = {}
    for name in pointer_names(path):
        try:
            pointers[name] = following(path, name, lambda step: _whole(path, step, known))
        except Newer:  # not to be set aside as if it were damaged
            raise
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
    except Newer:
        raise
    except Refusal as error:
        return str(error)
    return None


def is_lost(found: Survey) -> bool:
    """Whether steps were saved and none of them is whole."""
    return found.resumed is None and bool(found.steps or found.pointers)


def require_whole(path: Path, found: Survey) -> None:
    """Refusal where steps were saved and none of them is whole."""
    if is_lost(found):
        reasons = [*found.faults.values(), *(fault for fault in found.steps.values() if fault)]
        raise Refusal(f"{shown_path(path)} has no whole step to go on from ({reasons[0]}): begin another run")


def repair(path: Path, disk: Disk, found: Survey | None = None) -> tuple[str, ...]:
    """Leads ``latest`` to a whole step, sets damaged steps aside and drops pointers to them; says what it did.

    Only for who holds the lock, as ``found`` must still be so. Refusal, with nothing changed, where no step is whole.
    """
    found = found or survey(path)
    require_whole(path, found)
    led = {name: _named(path, name) for name in found.faults}
    again = _again(path, found)
    for name, step in again.items():
        replace_file(disk, path / name, f"{step}\n".encode())
    aside = {step: _aside(path, step) for step, fault in found.steps.items() if fault is not None}
    for step, place in aside.items():
        disk.rename(path / STEPS / str(step), place)
    for name in found.faults:
        if name not in again:
            disk.remove_file(path / name)
    if aside or again or found.faults:
        disk.sync_folder(path / STEPS)
        disk.sync_folder(path)
    return _told(path, found, led, aside, again)


def _again(path: Path, found: Survey) -> dict[str, StepName]:
    """Where pointers are to lead: those that lead nowhere, and all of a step whose saving was cut off before them.

    Such a step remembers what it was the best by, and would never again be saved as that. ``latest`` comes last.
    """
    if found.resumed is None:
        return {}
    again: dict[str, StepName] = {}
    for step, fault in found.steps.items():
        if fault is None:
            cut_off = found.behind and step == found.resumed
            again |= {name: step for name in read_better(path, step) if cut_off or name in found.faults}
    return again | ({LATEST: found.resumed} if found.behind else {})


def _named(path: Path, pointer: str) -> StepName | None:
    try:
        return read_pointer(path, pointer)
    except Refusal:
        return None


def _told(
    path: Path,
    found: Survey,
    led: Mapping[str, StepName | None],
    aside: Mapping[StepName, Path],
    again: Mapping[str, StepName],
) -> tuple[str, ...]:
    """What was repaired, each thing once: a step with the pointers that led to it, then pointers that led nowhere."""
    begins = "" if found.resumed is None else f"going on from step {found.resumed.number:,}"
    notes: list[str] = []
    for step, place in aside.items():
        fault = (found.steps[step] or "").replace(f"{path / STEPS / str(step)}{os.sep}", "")
        told = [
            f"step {step.number:,} is damaged ({fault.replace(' is damaged: ', ': ', 1)}): set aside as {place.name}"
        ]
        told += _pointers([name for name, to in led.items() if to == step and name != LATEST], again)
        notes.append("; ".join(told + ([begins] if led.get(LATEST) == step else [])))
    for name, to in led.items():
        if to not in aside:
            told = [begins] if name == LATEST else _pointers([name], again)
            notes.append("; ".join([found.faults[name], *filter(None, told)]))
    if begins and LATEST not in found.pointers:
        notes.append(f"{path / LATEST} is not there; {begins}, the newest that is whole")
    elif found.behind and found.pointers[LATEST] is not None:
        notes.append(f"a save was cut off when its step was whole already; {begins}")
    return tuple(notes)


def _pointers(names: Sequence[str], again: Mapping[str, StepName]) -> list[str]:
    """What became of pointers to what is damaged: they lead to an older best, or are forgotten."""
    told = [f"{name} leads to step {again[name].number:,} again" for name in names if name in again]
    gone = [name for name in names if name not in again]
    return told + _forgotten(gone)


def _forgotten(names: list[str]) -> list[str]:
    verb = "are" if len(names) > 1 else "is"
    return [f"{', '.join(names)} {verb} forgotten until a step is better again"] if names else []


def _aside(path: Path, step: StepName) -> Path:
    taken = set(names_inside(path, STEPS))
    names = (f"{DAMAGED}{step}" if again == 1 else f"{DAMAGED}{step}.{again}" for again in range(1, len(taken) + 2))
    return path / STEPS / next(name for name in names if name not in taken)
