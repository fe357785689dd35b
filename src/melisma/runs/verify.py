"""Whether a run is whole, repairable or damaged, step by step, without changing anything."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from melisma.errors import Refusal
from melisma.quoting import shown_path
from melisma.runs.disk import PASSING, TRASH
from melisma.runs.inside import names_inside
from melisma.runs.layout import DAMAGED, LATEST, LOG, STEPS, StepName
from melisma.runs.log import log_lines
from melisma.runs.place import is_run
from melisma.runs.read import Damaged, Newer, read_run
from melisma.runs.repair import Survey, is_lost, survey

State = Literal["whole", "repairable", "damaged", "newer"]


@dataclass(frozen=True)
class StepVerdict:
    """A step, the pointers that lead to it, and what is wrong with it (None: nothing)."""

    name: str
    pointers: tuple[str, ...]
    fault: str | None


@dataclass(frozen=True)
class Verdict:
    """What of a run stands, and each fault and remark in a sentence.

    whole: everything is as it was written. repairable: the next ``resume`` sets it right by itself and loses at most
    the steps that are named as damaged. damaged: no step can be used, or the run's own description cannot. newer: made
    by a newer version, which alone can tell.
    """

    state: State
    resumes: str | None  # the step a training would go on from
    steps: tuple[StepVerdict, ...]  # oldest first
    sentences: tuple[str, ...]
    behind: bool = False  # whether ``latest`` does not lead there, as a crash came between


def verify(path: str | Path) -> Verdict:
    """The verdict on the run in the folder ``path``; Refusal only where there is no run at all."""
    path = Path(path)
    try:
        read_run(path)
        found = survey(path)
    except Refusal as error:
        if not is_run(path):
            raise
        state: State = "newer" if isinstance(error, Newer) else "damaged"
        return Verdict(state, None, (), (error.fault if isinstance(error, Damaged) else str(error),))
    faults = list(dict.fromkeys([*found.faults.values(), *(fault for fault in found.steps.values() if fault)]))
    if found.steps and LATEST not in found.pointers:
        begins = "no step" if found.resumed is None else f"step {found.resumed.number:,}"
        faults.append(f"{path / LATEST} is not there; {begins} would be gone on from")
    log_faults, remarks = _log(path)
    faults += log_faults
    resumed = found.resumed
    state = "damaged" if is_lost(found) else "repairable" if faults else "whole"
    return Verdict(
        state,
        None if resumed is None else str(resumed),
        tuple(_of_step(found, step) for step in found.steps),
        (*faults, *remarks, *_leftovers(path)),
        found.behind,
    )


def way_out(path: Path) -> str:
    """What sets the run at ``path`` right, as the end of a sentence on what is wrong; nothing where nothing is."""
    state = verify(path).state
    if state == "repairable":
        return f"; melisma resume {shlex.quote(shown_path(path))} sets it right"
    return "; put back a copy that you kept, or train again into another folder" if state == "damaged" else ""


def _of_step(found: Survey, step: StepName) -> StepVerdict:
    return StepVerdict(str(step), tuple(name for name, to in found.pointers.items() if to == step), found.steps[step])


def _log(path: Path) -> tuple[list[str], list[str]]:
    try:
        lines = [
            (number, line.torn) for number, line in enumerate(log_lines(path), 1) if line.torn or line.value is None
        ]
    except Refusal as error:
        return [str(error)], []
    faults = [f"{path / LOG} line {number} is not a JSON object" for number, torn in lines if not torn]
    return faults, [f"{path / LOG} line {number} has no end yet" for number, torn in lines if torn]


def _leftovers(path: Path) -> list[str]:
    names = [*names_inside(path), *names_inside(path, STEPS)]
    passing = sum(name.startswith((PASSING, TRASH)) for name in names)
    half = "1 file or folder is" if passing == 1 else f"{passing:,} files or folders are"
    remarks = [f"{half} being written, or left half written"] if passing else []
    return remarks + [f"{path / STEPS / name} was set aside as damaged" for name in names if name.startswith(DAMAGED)]
