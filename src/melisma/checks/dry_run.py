"""What a training will take: some of its own steps are timed, one validation is, and both are counted up."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from melisma.checks.finding import Finding
from melisma.settings.training import TrainingSettings
from melisma.task import Learner

WARM = 2  # steps that are not counted: the first ones set memory up
FEWEST = 10  # steps that are counted …
ENOUGH = 5.0  # … and seconds that they shall take …
LONGEST = 20.0  # … unless all have taken so many
MOST = 200  # steps in any case
ROOM = 2.0  # times the bytes that a run will take, below which the disk is called full


@dataclass(frozen=True)
class Timed:
    """Steps that were taken, and what one takes."""

    steps: int
    seconds: float  # of one step, on the average
    symbols: float  # a second
    processor: float  # seconds of the processor for each second that passed: far below 1 the machine is busy elsewhere


@dataclass(frozen=True)
class Cost:
    """What a whole training takes; None where its end, or the system's answer, is not known."""

    device: str
    parameters: int
    timed_steps: int
    step_seconds: float
    symbols_per_second: float
    processor: float  # as in ``Timed``
    epoch_steps: int
    epoch_seconds: float  # its validations included
    validation_seconds: float
    steps: int | None  # of the whole training
    seconds: float | None
    memory: int  # bytes, of this process at its largest
    room: int  # bytes that the run takes on the disk at most
    free: int | None  # bytes that the disk has


def time_steps(learner: Learner, clock: Callable[[], float] = time.monotonic) -> Timed:
    """Takes some steps; Failure where the loss is no number."""
    spent: list[float] = []
    symbols: list[int] = []
    began, used = clock(), time.process_time()
    while len(spent) < MOST:
        before = clock()
        tallies = learner.advance()
        spent.append(clock() - before)
        symbols.append(next(iter(tallies.values())).units)
        elapsed = clock() - began
        if (len(spent) >= WARM + FEWEST and elapsed >= ENOUGH) or elapsed >= LONGEST:
            break
    warm = WARM if len(spent) > WARM else 0
    seconds = max(1e-9, sum(spent[warm:]))
    return Timed(
        len(spent),
        seconds / len(spent[warm:]),
        sum(symbols[warm:]) / seconds,
        (time.process_time() - used) / max(1e-9, sum(spent)),
    )


def planned(
    settings: TrainingSettings, epoch_steps: int, step: float, validation: float
) -> tuple[int | None, float | None]:
    """Steps and seconds of a whole training, if its end can be foreseen; ``step`` and ``validation`` in seconds."""
    every = settings.validate_every or epoch_steps
    each = step + validation / every
    ends = [settings.steps] if settings.steps is not None else []
    if settings.minutes is not None:
        ends.append(int(settings.minutes * 60 / each))
    elif settings.epochs is not None:
        ends.append(settings.epochs * epoch_steps)
    if not ends:
        return None, None
    steps = min(ends)
    validations = -(-steps // every)
    return steps, steps * step + validations * validation


def memory_peak() -> int:
    """Bytes of memory that this process has had at most."""
    told = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return told if sys.platform == "darwin" else told * 1024


def of_cost(cost: Cost) -> list[Finding]:
    """What is wrong with what a training will take."""
    if cost.free is None or cost.free > ROOM * cost.room:
        return []
    sentence = f"the run takes up to {cost.room / 1e9:.1f} GB and the disk here has {cost.free / 1e9:.1f} GB free"
    severity = "error" if cost.free < cost.room else "warning"
    return [Finding("little room", severity, 1, 1, sentence, "make room, or train into a folder on another disk")]  # type: ignore[arg-type]
