"""What a run must hold after a kill: all that was said to be saved, in the bits of a training that never stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from killing import begun

from melisma.runs.layout import LATEST, MODEL, STATE, TRAINING
from melisma.runs.log import read_log
from melisma.runs.place import is_run
from melisma.runs.read import pointer_names, read_file, read_files, read_manifest, read_pointer, step_names
from melisma.runs.verify import verify

KEEP = 2  # recent steps that a run keeps: training.keep


@dataclass(frozen=True)
class Whole:
    """The training that was never stopped: what each step, each line and each pointer must be."""

    steps: Mapping[int, Mapping[str, Any]]
    log: list[dict[str, Any]]
    pointers: Mapping[str, int]
    weights: Mapping[str, bytes]  # of best and latest
    seconds: Mapping[str, float]  # from each kind of progress to the next


@dataclass
class Promised:
    """What a run must hold: the steps that were said to be saved and the best of them."""

    steps: set[int] = field(default_factory=set)
    best: int | None = None
    improved: int | None = None  # the step that was last said to be the best
    torn: bool = False  # damaged by us and not known to be repaired
    harmed: bool = False  # damaged by us at some time, which is worse than a kill
    faults: list[tuple[str, str]] = field(default_factory=list)  # kind, sentence
    known: set[tuple[str, str]] = field(default_factory=set)  # what was said before: a fault that stays is one fault

    def hear(self, line: str) -> None:
        """Takes note of a line of ``--json`` progress."""
        told = json.loads(line)
        step = told["step"]
        if told["kind"] == "begin":
            self.torn = False
            newest = max(self.steps, default=0)
            if step < newest:
                self.faults.append(("lost", f"resume began at step {step}, step {newest} was said to be saved"))
            elif step > newest:  # killed after it was on the disk and before that was said
                self.keep(step)
        elif told["kind"] == "validation" and told["best"]:
            self.improved = step
        elif told["kind"] == "saved":
            self.keep(step)

    def keep(self, step: int) -> None:
        """From now on this step must be there."""
        self.steps.add(step)
        self.best = step if self.improved == step else self.best


Look = Callable[[Path, Promised, Whole], Iterator[str]]


def states(path: Path) -> dict[int, dict[str, Any]]:
    """What each step of a run holds: the SHA-256 of its tensors, and its state without what the clock says."""
    held = {}
    for step in step_names(path):
        manifest = read_manifest(path, step)
        state = json.loads(read_file(path, step, STATE, manifest[STATE]))
        del state["course"]["seconds"]
        held[step.number] = {MODEL: manifest[MODEL].sha256, TRAINING: manifest[TRAINING].sha256, STATE: state}
    return held


def timeless(path: Path) -> list[dict[str, Any]]:
    """The log without what the clock says."""
    return [{name: value for name, value in line.items() if name != "seconds"} for line in read_log(path)]


def led(path: Path) -> dict[str, int]:
    """Pointer -> the number of the step that it leads to."""
    found = {name: read_pointer(path, name) for name in pointer_names(path)}
    return {name: step.number for name, step in found.items() if step is not None}


def weights_of(path: Path) -> dict[str, bytes]:
    """The weights of the best and of the latest step."""
    return {name: read_files(path, name)[1][MODEL] for name in ("best", LATEST)}


def try_all(path: Path, promised: Promised, whole: Whole, looks: tuple[tuple[str, Look], ...]) -> None:
    """Adds to the faults whatever is wrong with what a process left."""
    if not is_run(path):
        if promised.steps:
            promised.faults.append(("lost", f"{path.name} is no run any more"))
        return
    for kind, look in looks:
        try:
            promised.faults += [(kind, sentence) for sentence in look(path, promised, whole)]
        except Exception as error:  # whatever it is, it is what this program is for
            promised.faults.append((kind, f"{type(error).__name__}: {error}"))


def not_whole(path: Path, promised: Promised, whole: Whole) -> Iterator[str]:
    """Whether a run can be read, and is as it was written unless it was damaged on purpose."""
    verdict = verify(path)
    repairable = promised.torn or not promised.steps  # a first step that nothing leads to yet is repaired by resume
    if verdict.state != "whole" and not (repairable and verdict.state == "repairable"):
        yield f"{verdict.state}: {verdict.sentences}"
    show = begun("-m", "melisma", "show", "--json", str(path))
    told = show.communicate()[0]
    if show.returncode != 0 or f'"{verdict.state}"' not in json.dumps(json.loads(told)):
        yield f"melisma show ended with {show.returncode} and told {told[:80]!r}"


def lost(path: Path, promised: Promised, whole: Whole) -> Iterator[str]:
    """What was said to be saved, is among the ``KEEP`` newest or the best, and is not there."""
    verdict = verify(path)
    there = {int(step.name.partition("-")[0]) for step in verdict.steps if step.fault is None}
    recent = set(sorted(there | promised.steps)[-KEEP:])
    best = set() if promised.best is None else {promised.best}
    gone = (recent | best) & promised.steps - there
    pointed = led(path).get("best") if not promised.torn else promised.best
    newest = max(promised.steps, default=0)
    if pointed is not None and pointed > newest:  # saved, or being saved, and not yet said to be
        gone -= best
    elif pointed != promised.best:
        yield f"best leads to {pointed}, step {promised.best} was said to be saved as the best"
    if gone:
        yield f"steps {sorted(gone)} were said to be saved and are not there"
    if int((verdict.resumes or "0").partition("-")[0]) < newest:
        yield f"a resume would begin at {verdict.resumes}, step {newest} was said to be saved"


def other_bits(path: Path, promised: Promised, whole: Whole) -> Iterator[str]:
    """What is there and is not what a training that was never stopped had at that place."""
    for number, state in states(path).items():
        unlike = [name for name, held in state.items() if held != whole.steps[number][name]]
        if unlike:
            yield f"step {number}: {', '.join(unlike)} differ"
    log, latest = timeless(path), max(promised.steps, default=0)
    if log != whole.log[: len(log)]:
        yield "the log has other lines"
    if len(log) < sum(line["step"] <= latest for line in whole.log):
        yield "the log lacks lines of steps that were said to be saved"


def differing(path: Path, promised: Promised, whole: Whole) -> Iterator[str]:
    """What of a finished run is not as if it had never been stopped."""
    for name, weights in weights_of(path).items():
        if weights != whole.weights[name]:
            yield f"finished, the weights of {name} differ"
    if timeless(path) != whole.log:
        yield "finished, the log differs"
    if led(path) != whole.pointers:
        yield f"finished, its pointers are {led(path)}, never stopped {dict(whole.pointers)}"


def incomplete(path: Path, promised: Promised, whole: Whole) -> Iterator[str]:
    """Which page a finished run lacks."""
    if not (path / "README.md").exists():
        yield "finished, and it has no README.md"


AFTER_EACH = (("not whole", not_whole), ("lost", lost), ("other bits", other_bits))
WHEN_FINISHED = (*AFTER_EACH, ("other bits", differing), ("not complete", incomplete))
