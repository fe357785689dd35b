"""Several trainings at once, each in a process that lives no longer than the one that started it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Protocol

from melisma.api.sweep_trial import Done, Job, trained

LOOK = 0.1  # seconds between two looks at whether to stop
GRACE = 600.0  # seconds that a training has to save itself before it is ended


class Trainers(Protocol):
    """Whoever trains: ``free`` says how many more jobs may be handed in before some must be waited for."""

    @property
    def free(self) -> int: ...
    def begin(self, job: Job) -> None: ...
    def ended(self, stopped: Callable[[], bool]) -> list[Done]: ...
    def close(self) -> list[Done]: ...
    def kill(self) -> None: ...


class Here:
    """Trains in this process, one after another."""

    def __init__(self) -> None:
        self._job: Job | None = None

    @property
    def free(self) -> int:
        """One job at a time."""
        return int(self._job is None)

    def begin(self, job: Job) -> None:
        """Takes a job, to be done when its end is asked for."""
        self._job = job

    def ended(self, stopped: Callable[[], bool]) -> list[Done]:
        """Does the job."""
        assert self._job is not None
        job, self._job = self._job, None
        return [trained(job, stopped)]

    def close(self) -> list[Done]:
        """Nothing goes on between calls."""
        return []

    def kill(self) -> None:
        """Nothing goes on between calls."""


class _Worker:
    def __init__(self) -> None:
        env = os.environ | {"OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "melisma.api.sweep_trial"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env,
            start_new_session=True,  # Ctrl-C is for whoever started it, who asks it to save
        )
        self.job: Job | None = None

    @property
    def out(self) -> int:
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def give(self, job: Job) -> None:
        self.job = job
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # its end is seen where its answer is read
            self.process.stdin.write(json.dumps(asdict(job)).encode() + b"\n")
            self.process.stdin.flush()

    def answer(self) -> Done:
        """What it says of its job; that it failed, where it ended without a word."""
        assert self.job is not None
        assert self.process.stdout is not None
        line, name = self.process.stdout.readline(), self.job.name
        self.job = None
        if line:
            return Done(**json.loads(line))
        code = self.process.wait()
        return Done(name, "failed", f"its process ended without a word ({f'signal {-code}' if code < 0 else code})")

    def hang_up(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()


class Elsewhere:
    """Trains in so many processes, which are started when they are needed."""

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._workers: list[_Worker] = []

    @property
    def free(self) -> int:
        """How many processes have nothing to do."""
        return self._processes - sum(worker.job is not None for worker in self._workers)

    def begin(self, job: Job) -> None:
        """Hands a job to a process that has none."""
        self._workers = [worker for worker in self._workers if worker.job is not None or worker.process.poll() is None]
        idle = next((worker for worker in self._workers if worker.job is None), None)
        if idle is None:
            idle = _Worker()
            self._workers.append(idle)
        idle.give(job)

    def ended(self, stopped: Callable[[], bool]) -> list[Done]:
        """Waits until a job has ended, or for nothing where it is to stop."""
        while not stopped():
            if found := self._answers(LOOK):
                return found
        return []

    def close(self) -> list[Done]:
        """Asks all to stop and save, and waits for them."""
        for worker in self._workers:
            worker.hang_up()
        found, end = list[Done](), time.monotonic() + GRACE
        while self._busy and time.monotonic() < end:
            found += self._answers(LOOK)
        self.kill()
        return found

    def kill(self) -> None:
        """Ends all at once; what they have saved stays."""
        for worker in self._workers:
            worker.hang_up()
            if worker.job is not None:
                worker.process.kill()
            worker.process.wait()
            assert worker.process.stdout is not None
            worker.process.stdout.close()
        self._workers = []

    @property
    def _busy(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.job is not None]

    def _answers(self, seconds: float) -> list[Done]:
        ready, _, _ = select.select([worker.out for worker in self._busy], [], [], seconds)
        return [worker.answer() for worker in self._busy if worker.out in ready]
