"""Whole trainings of the real command, killed again and again and gone on with: a part of kills.py, which says more."""

from __future__ import annotations

import json
import os
import random
import signal
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from killed_runs import AFTER_EACH, WHEN_FINISHED, Promised, Whole, led, states, timeless, try_all, weights_of
from killing import begun, killed, scraps_in, table, tell

from melisma.files.dates import pairs
from melisma.runs.layout import LATEST, LOCK, LOG, MODEL, STEPS
from melisma.runs.place import is_run
from melisma.runs.read import read_pointer
from melisma.runs.verify import verify

SETTINGS = (
    "training.steps=390",
    "training.validate_every=13",
    "training.batch_tokens=200",
    "training.device=cpu",
    "training.threads=1",
    "model.hidden=16",
    "model.embedding=8",
    "model.encoder_hidden=8",
    "model.dropout=0.1",  # draws at every step: its generator must be where it was
    "search.beam=1",
    "data.validation_measure=chrf",  # rises and falls while so little is learned, so that the best is not the latest
)
PAIRS = {"train": 4000, "valid": 100}
STARTING, OPENING = "starting", "opening"
PHASES = {
    STARTING: "while starting, or reading for a new run",
    OPENING: "while opening, repairing, or reading for a resume",
    "begin": "in the first steps of a process, before its first save",
    "validation": "between a validation and the end of its save",
    "saved": "in the steps and the validation after a save",
    "report": "while the page at the end is made",
    "end": "after the end was told",
}
"""The kind of the last progress that was heard -> where the kill fell."""
HARMFUL = ("step", "pointer")  # what no kill does, but a disk may; every third training meets it
DAMAGES = ("none", "none", "log", *HARMFUL)  # a half written line of the log is what a kill leaves
SHARES = {STARTING: 15, OPENING: 23, "begin": 5, "validation": 35, "saved": 20, "end": 2}
"""How often a kill is to fall after what."""


@dataclass(frozen=True)
class Plan:
    """When to kill: ``delay`` seconds after the ``times``-th progress of a kind, and what is damaged before."""

    after: str
    times: int
    delay: float
    damage: str


@dataclass(frozen=True)
class Outcome:
    """How one process ended."""

    phase: str | None  # where it was killed; None: it ended by itself
    code: int
    scraps: int
    repairs: bool  # the run was damaged just before
    harmed: bool  # it was damaged at some time, so that its faults are not those of kills alone
    faults: tuple[tuple[str, str], ...]


def make_data(folder: Path) -> None:
    """The tables of dates that are trained on."""
    for split, count in PAIRS.items():
        lines = (f"{source}\t{target}\n" for source, target in islice(pairs(split), count))  # type: ignore[arg-type]
        (folder / f"{split}.tsv").write_text("".join(lines), encoding="utf-8")


def command_of(path: Path, *more: str) -> list[str]:
    """The command that begins a run, or goes on with it."""
    if is_run(path):
        return ["-m", "melisma", "resume", str(path), "--json"]
    data = [f"data.{split}={path.parent / split}.tsv" for split in PAIRS]
    return ["-m", "melisma", "train", "dates", str(path), "--json", *data, *SETTINGS, *more]


def never_stopped(path: Path) -> Whole:
    """Trains without a kill, keeping every step, and times what goes on between two lines of progress."""
    began = last = time.monotonic()
    gaps: dict[str, list[float]] = {}
    kind = STARTING
    process = begun(*command_of(path, "training.keep=10000"), err=subprocess.DEVNULL)
    assert process.stdout is not None
    for line in process.stdout:
        now = time.monotonic()
        gaps.setdefault(kind, []).append(now - last)
        kind, last = json.loads(line)["kind"], now
    gaps[kind] = [time.monotonic() - last]
    if process.wait() != 0:
        raise ValueError(f"the training that nobody stopped ended with {process.returncode}")
    seconds = {name: statistics.median(times) for name, times in gaps.items()}
    tell(f"trainings: never stopped, {last - began:.1f} s; a save takes {seconds['validation'] * 1000:.1f} ms")
    return Whole(states(path), timeless(path), led(path), weights_of(path), seconds)


def drawn(seed: int, whole: Whole) -> Iterator[Plan]:
    """When each kill falls, and what is damaged before; ends never."""
    instant = random.Random(seed)
    while True:
        after = instant.choices(list(SHARES), list(SHARES.values()))[0]
        times = instant.randint(1, 4) if after in ("validation", "saved") else 1
        damage = instant.choice(DAMAGES) if after == OPENING else "none"
        longest = instant.choice((0.005, 0.02, 0.3)) if after == OPENING else whole.seconds[after]
        yield Plan(after, times, instant.uniform(0, longest), damage)


def holder(path: Path) -> int | None:
    """The process that says it holds a run."""
    try:
        told = (path / LOCK).read_text(encoding="ascii").partition(" ")[0]
    except OSError:
        return None
    return int(told) if told.isdigit() else None


def wait_for(plan: Plan | None, process: subprocess.Popen[str], path: Path, heard: Callable[[str], None]) -> None:
    """Returns at the instant of the kill, or, also where none is planned, when the process has ended."""
    assert process.stdout is not None
    if plan is not None and plan.after == OPENING:
        while holder(path) != process.pid and process.poll() is None:
            time.sleep(0.0005)
    left = 0 if plan is not None and plan.after in (STARTING, OPENING) else 1 if plan is None else plan.times
    while left and (line := process.stdout.readline()):
        heard(line)
        left -= plan is not None and json.loads(line)["kind"] == plan.after
    if plan is None or left:
        process.wait()
    else:
        time.sleep(plan.delay)


def damage(path: Path, kind: str, promised: Promised) -> bool:
    """Damages a run so that the next resume has something to repair; whether it did."""
    if kind == "none" or not is_run(path):
        return False
    if kind == "log":
        with (path / LOG).open("ab") as log:
            log.write(b'{"step": 1, "epo')
        return True
    whole = [step.name for step in verify(path).steps if step.fault is None]
    if kind == "pointer" and whole:
        (path / LATEST).write_text("../../etc\n", encoding="ascii")
    elif kind == "step" and len(whole) > 1:
        tear(path, whole, promised)
    else:
        return False
    promised.torn = promised.harmed = True
    return True


def tear(path: Path, whole: list[str], promised: Promised) -> None:
    """Cuts the newest whole step in half; what is promised from then on is what is left besides."""
    file = path / STEPS / whole[-1] / MODEL
    os.truncate(file, file.stat().st_size // 2)
    promised.steps = {int(name.partition("-")[0]) for name in whole[:-1]}
    best = read_pointer(path, "best")
    promised.best = best.number if best is not None and best.number in promised.steps else None


def one_process(path: Path, plan: Plan | None, promised: Promised, whole: Whole) -> Outcome:
    """Trains or resumes, kills as planned, and compares what is left with what was promised."""
    damaged = plan is not None and damage(path, plan.damage, promised)
    last = [STARTING]

    def heard(line: str) -> None:
        promised.hear(line)
        last.append(json.loads(line)["kind"])

    with tempfile.TemporaryFile("w+", encoding="utf-8") as err:
        process = begun(*command_of(path), err=err)
        assert process.stdout is not None
        wait_for(plan, process, path, heard)
        for line in killed(process):
            heard(line)
        err.seek(0)
        said = err.read().strip().splitlines()[-1:]
    if process.returncode not in (0, -signal.SIGKILL):
        promised.faults.append(("not whole", f"ended with {process.returncode}: {''.join(said)}"))
    try_all(path, promised, whole, AFTER_EACH if process.returncode else WHEN_FINISHED)
    faults = tuple(fault for fault in promised.faults if fault not in promised.known)
    promised.known |= set(faults)
    if promised.harmed:
        faults = tuple((kind, f"{sentence} (after files were damaged on purpose)") for kind, sentence in faults)
    promised.faults = []
    kinds = [kind for kind in last if kind != "note"]
    phase = OPENING if kinds[-1] == STARTING and holder(path) == process.pid else kinds[-1]
    dead = process.returncode == -signal.SIGKILL
    return Outcome(phase if dead else None, process.returncode, scraps_in(path), damaged, promised.harmed, faults)


def one_training(path: Path, whole: Whole, plans: Iterator[Plan], kills: int, harmed: bool) -> Iterator[Outcome]:
    """Trains to the end, killed ``kills`` times at most; where ``harmed``, it is worse than killed now and then."""
    promised, dead = Promised(), 0
    while True:
        plan = next(plans) if dead < kills else None
        if plan is not None and plan.damage in HARMFUL and not harmed:
            plan = replace(plan, damage="none")
        outcome = one_process(path, plan, promised, whole)
        for kind, sentence in outcome.faults:
            tell(f"{kind}: {path.name}: {sentence}")
        yield outcome
        if outcome.phase is None:
            return
        dead += 1


def rows_of(outcomes: list[Outcome]) -> dict[str, object]:
    """The table of what was found."""
    dead = [one for one in outcomes if one.phase is not None]
    phases = Counter(one.phase for one in dead)
    kinds = Counter(kind for one in outcomes for kind, _ in one.faults if not one.harmed)
    return (
        {"kills of whole trainings": len(dead)}
        | {f"  {words}": phases[kind] for kind, words in PHASES.items()}
        | {
            "in the midst of writing or removing": sum(one.scraps > 0 for one in dead),
            "of runs whose files were damaged just before": sum(one.repairs for one in dead),
            "trainings finished": sum(one.phase is None and one.code == 0 for one in outcomes),
            "runs that were not whole": kinds["not whole"],
            "what was saved and lost": kinds["lost"],
            "finished without their page": kinds["not complete"],
            "bits equal to a training that was never stopped": "no" if kinds["other bits"] else "yes",
            "faults where files were damaged on purpose besides": sum(
                len(one.faults) for one in outcomes if one.harmed
            ),
        }
    )


def kill_trainings(kills: int, seed: int, folder: Path) -> list[str]:
    """Prints the table of kills while training; what was wrong, a sentence each."""
    make_data(folder)
    whole = never_stopped(folder / "whole")
    plans = drawn(seed, whole)
    outcomes: list[Outcome] = []
    faults: list[str] = []
    done = number = 0
    while done < kills:
        number += 1
        for outcome in one_training(folder / f"run{number}", whole, plans, kills - done, number % 3 == 0):
            outcomes.append(outcome)
            faults += [f"{kind}: run{number}: {sentence}" for kind, sentence in outcome.faults]
            dead = sum(one.phase is not None for one in outcomes)
            said = PHASES[outcome.phase] if outcome.phase else f"ended with {outcome.code}"
            tell(f"trainings: run{number}, {dead} of {kills} kills, {said}")
        done = dead
    table(rows_of(outcomes))
    return faults
