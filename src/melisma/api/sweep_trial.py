"""One training of a sweep, here or in a process of its own; with ``python -m`` this is such a process.

Such a process reads jobs from its stdin, a JSON object a line, and answers each with a line on stdout. When its stdin
ends, because it is to stop or whoever started it has died, it stops after the step it is at and saves.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from melisma.api.train import resume, train
from melisma.errors import Busy, Failure, Refusal, out_of_memory
from melisma.runs.place import is_run
from melisma.task import STOPPED


@dataclass(frozen=True)
class Job:
    """A training to be done, or gone on with."""

    name: str
    recipe: str
    path: str
    settings: Mapping[str, Any] = field(default_factory=dict)  # by dotted name, beside the recipe's own


@dataclass(frozen=True)
class Done:
    """How it ended."""

    name: str
    how: str  # "finished", "stopped", "busy", "refused" or "failed"
    said: str = ""
    seconds: float = 0.0  # that were spent on it now


def trained(job: Job, stopped: Callable[[], bool]) -> Done:
    """Trains into a new run, or goes on with the one that is there; never raises for what a training may come to."""
    began = time.monotonic()
    done = _trained(job, stopped)
    return replace(done, seconds=time.monotonic() - began)


def _trained(job: Job, stopped: Callable[[], bool]) -> Done:
    path, end = Path(job.path), ""
    try:
        there = is_run(path)
        steps = resume(path, stopped=stopped) if there else train(job.recipe, path, job.settings, stopped=stopped)
        for progress in steps:
            end = progress.text if progress.kind == "end" else end
    except Busy as error:
        return Done(job.name, "busy", str(error))
    except Refusal as error:
        return Done(job.name, "refused", str(error))
    except Failure as error:
        return Done(job.name, "failed", str(error))
    except Exception as error:
        told = f"this should not have happened ({type(error).__name__}: {str(error)[:200]})"
        return Done(job.name, "failed", "there is not enough memory for it" if out_of_memory(error) else told)
    return Done(job.name, "stopped" if end == STOPPED else "finished")


def main() -> None:
    """Does the jobs that come in, one after another."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what else is printed is no answer
    read = b""
    while True:
        while b"\n" not in read:
            more = os.read(0, 65536)
            if not more:
                return
            read += more
        line, _, read = read.partition(b"\n")
        done = trained(Job(**json.loads(line)), _closed)
        try:
            answers.write(json.dumps(asdict(done)) + "\n")
            answers.flush()
        except BrokenPipeError:  # whoever started it has died
            os._exit(0)


def _closed() -> bool:
    """Whether stdin has ended: no job comes before the last one is answered."""
    return bool(select.select([0], [], [], 0)[0])


if __name__ == "__main__":
    main()
