"""One training: what learns, what validates it, and how both reach a run."""

from __future__ import annotations

import contextlib
import math
import os
import shlex
import sys
import warnings
import weakref
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from melisma.api.device import drawing, require_memory, threads
from melisma.api.report import asked, write_pages, write_report
from melisma.api.saved import SETTLED
from melisma.errors import Failure, Interrupted
from melisma.evaluation.compare import KNOWN
from melisma.evaluation.samples import spread
from melisma.evaluation.validate import Validation
from melisma.quoting import counted, shown_path
from melisma.runs.card import write_card
from melisma.runs.place import step_room
from melisma.runs.sections import same_bits
from melisma.runs.write import RunWriter, SaveFailed
from melisma.task import STOPPED, Corpus, Progress, Task
from melisma.training.descent import learner
from melisma.training.fit import Calls, Course, Fit
from melisma.training.order import drawn
from melisma.training.shards import Shards

Stopped = Callable[[], bool]


def never() -> bool:
    """Nobody asks to stop."""
    return False


class Training:
    """A task, its settings and its data, ready for the first step."""

    def __init__(
        self,
        task: Task[Any, Any],
        settings: Any,
        codec: Any,
        corpus: Corpus[Any],
        shards: Shards,
        stopped: Stopped,
    ) -> None:
        self.task, self.settings, self.codec, self.stopped = task, settings, codec, stopped
        self.shards = shards
        self._began: int | None = None  # the process that iterates over it
        self._left = self._paged = False
        self._remark = ""
        self._code = Failure.exit_code  # how it ends, as the other processes hear it
        prepared = task.prepare(codec, corpus.train, settings)
        self.train, self.known, self.valid = prepared.encoded, spread(corpus.train, KNOWN), corpus.valid
        self.parameters = sum(math.prod(shape) for shape in task.shapes(codec, settings).values())
        require_memory(self.parameters, shards.device, settings.training.copies)
        with drawing(drawn(settings.training.seed, "weights")):
            model = task.build(codec, settings)
        self.learner = learner(task, model, codec, prepared, settings, shards)
        self._led = shards.leading(self.learner)
        self.validation = Validation(task, codec, settings, corpus.valid) if corpus.valid else None
        said = [] if self.validation is None else self.validation.notes
        self.notes, self.size = [*corpus.notes, *prepared.notes, *said], self._size()

    def _size(self) -> str:
        steps, threads = self.learner.epoch_steps(), torch.get_num_threads()
        where = "a GPU" if self.shards.device.type == "cuda" else counted(threads, "thread")
        where += "" if self.shards.size == 1 else f" by each of {self.shards.size} processes"
        data = f"{counted(len(self.train), 'example')}, {counted(steps, 'step')} an epoch"
        return f"{data}; {self.parameters:,} parameters, trained on {where}"

    @property
    def room(self) -> int:
        """Bytes that one saved step takes."""
        return step_room(self.parameters, self.settings.training.copies)

    def into(self, writer: RunWriter, course: Course | None = None) -> Generator[Progress, None, None]:
        """The training itself, saved into a run, which is let go when this ends, or is forgotten without a start.

        Whoever leaves it before its end finds saved what it had reached, as if it had been asked to stop.
        """
        steps = self._into(writer, course)
        weakref.finalize(steps, self._let_go, weakref.ref(steps), writer)
        return steps

    def _into(self, writer: RunWriter, course: Course | None) -> Generator[Progress, None, None]:
        self._began = os.getpid()
        with writer, self._telling():
            if self.settings.training.board:
                writer.begin_board()
            else:
                writer.end_board()
            for note in (*writer.notes, *self.notes):
                yield Progress("note", self.learner.step, None, self.learner.epoch, text=note)
            yield Progress("begin", self.learner.step, None, self.learner.epoch, text=self.size)
            steps = iter(Fit(self._led, self.settings.training, self._measure, self._calls(writer), course))
            try:
                yield from self._told(steps, writer)
            except GeneratorExit:
                if self._began == os.getpid() and not sys.is_finalizing():  # in a fork it is another's training
                    self._leave(steps, writer)
                raise

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """Tells the other processes how it ended, after all else."""
        try:
            yield
        finally:
            if self._began == os.getpid():
                self.shards.end(self._code)

    def following(self) -> Generator[Progress, None, None]:
        """The training as a process takes part in it that is not the first: nothing is told of it but its end."""
        try:
            with threads(self.settings.training.threads):
                code = self.shards.follow(self.learner)
        finally:
            self.shards.end(Failure.exit_code)
        if code not in (0, Interrupted.exit_code):
            raise Failure("process 0 of this training has ended before its time")
        text = "" if code == 0 else STOPPED
        yield Progress("end", self.learner.step, None, self.learner.epoch, text=text)

    def _told(self, steps: Iterator[Progress], writer: RunWriter) -> Generator[Progress, None, None]:
        progress, validated = None, False
        while progress is None or progress.kind != "end":
            with threads(self.settings.training.threads):  # what the caller does between steps is not ours
                progress = self._next(steps, writer)
            validated = progress.kind == "validation" or (validated and progress.kind != "step")
            if progress.kind == "saved" and validated:
                write_pages(writer)
            if progress.kind == "end":
                self._code = Interrupted.exit_code if progress.text == STOPPED else 0
                if self.valid and not self._stopped():
                    yield replace(progress, kind="report", text=asked(self.valid, self.task.example))
                self._write_pages(writer)
                progress = replace(progress, remark=self._shown())
            yield progress
            if progress.kind == "validation":
                yield from self._remarked(progress)

    def _remarked(self, progress: Progress) -> Iterator[Progress]:
        """What a validation showed to go wrong, where the one before did not show the same."""
        remark = self._shown()
        kind = remark.partition(" ")[0]  # the rest holds numbers, which change every time
        if remark and kind != self._remark:
            yield replace(progress, kind="note", text=remark)
        self._remark = kind

    def _shown(self) -> str:
        """What the last validation showed to go wrong; empty where nothing did."""
        return (None if self.validation is None else self.validation.remark) or ""

    def _write_pages(self, writer: RunWriter) -> None:
        write_card(writer)
        write_report(writer, self.known, self.valid, self.settings.training.device, self._stopped)
        self._paged = True

    def _stopped(self) -> bool:
        return self._left or self.stopped() or self.shards.asked

    def _leave(self, steps: Iterator[Progress], writer: RunWriter) -> None:
        """Ends a step that was begun and saves it; nothing is raised, as nobody is there any more to hear it."""
        self._left = True
        try:
            with threads(self.settings.training.threads):
                for _ in steps:
                    pass
            self._code = Interrupted.exit_code
            if not self._paged:
                self._write_pages(writer)
        except Exception as error:
            with contextlib.suppress(Warning):  # where warnings are errors
                warnings.warn(f"a training was left and could not be saved: {error}", RuntimeWarning, stacklevel=2)

    def _let_go(self, steps: weakref.ref[Generator[Progress, None, None]], writer: RunWriter) -> None:
        """Closes the run of a training that is forgotten or, as the program ends, was left somewhere before its end."""
        there = steps()
        if there is None and self._began is not None:
            return  # it is just being closed, which saves and then lets the run go
        with contextlib.suppress(ValueError):  # another thread is within it
            if there is not None:
                there.close()
        if self._began is None:
            self.shards.end(Failure.exit_code)
        with contextlib.suppress(SaveFailed):
            writer.close()

    def _next(self, steps: Iterator[Progress], writer: RunWriter) -> Progress:
        """What happens next in a training; a Failure says from where the training can be gone on with."""
        try:
            return next(steps)
        except Failure as error:
            latest = writer.latest
            step = "" if latest is None else f" from step {int(latest.partition('-')[0]):,}, the last that is saved"
            begins = f"goes on{step}" if step else "begins anew, as no step is saved"
            if step:
                begins += same_bits(self.shards.size, self.settings.training.accumulate)
            raise Failure(f"{error}; melisma resume {shlex.quote(shown_path(writer.path))} {begins}") from error

    @property
    def _measure(self) -> str:
        return str(self.settings.data.validation_measure)

    def _calls(self, writer: RunWriter) -> Calls:
        return Calls(
            validate=self._validate,
            save=lambda course, better: self._save(writer, course, better),
            log=writer.log,
            settled=lambda steps: _settled(writer, steps),
            higher={} if self.validation is None else self.validation.higher,
            stopped=self._stopped,
        )

    def _validate(self) -> Mapping[str, float]:
        if self.validation is None:
            return {}
        with self.learner.answering() as model:
            return self.validation.scores(model)

    def _save(self, writer: RunWriter, course: Mapping[str, Any], better: Sequence[str]) -> str | None:
        model, training, state = self._led.snapshot()
        pointers = [f"best-{name}" for name in better] + (["best"] if self._measure in better else [])
        settled = None if self.validation is None else self.validation.settled
        told = {"learner": state, "course": course} | ({} if settled is None else {SETTLED: settled})
        try:
            writer.save_step(self.learner.step, model, training, told, pointers)
        except SaveFailed as error:
            return str(error)
        return None


def _settled(writer: RunWriter, steps: int) -> None:
    with contextlib.suppress(SaveFailed):  # the save that follows says so; the step holds the number besides
        writer.update_run({"steps": steps})
