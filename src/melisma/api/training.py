"""One training: what learns, what validates it, and how both reach a run."""

from __future__ import annotations

import contextlib
import math
import shlex
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from melisma.api.device import drawing, require_memory, threads
from melisma.errors import Failure
from melisma.evaluation.validate import Validation
from melisma.quoting import shown_path
from melisma.runs.card import write_card
from melisma.runs.write import RunWriter, SaveFailed
from melisma.task import Corpus, Progress, Task
from melisma.training.descent import learner
from melisma.training.fit import Calls, Course, Fit
from melisma.training.order import drawn

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
        place: torch.device,
        stopped: Stopped,
    ) -> None:
        self.task, self.settings, self.codec, self.stopped = task, settings, codec, stopped
        prepared = task.prepare(codec, corpus.train, settings)
        self.train = prepared.encoded
        self.parameters = sum(math.prod(shape) for shape in task.shapes(codec, settings).values())
        require_memory(self.parameters, place)
        with drawing(drawn(settings.training.seed, "weights")):
            model = task.build(codec, settings)
        self.learner = learner(task, model, codec, prepared, settings, place)
        self.notes, self.size = [*corpus.notes, *prepared.notes], self._size(place)
        self.validation = Validation(task, codec, settings, corpus.valid) if corpus.valid else None

    def _size(self, place: torch.device) -> str:
        steps, threads = self.learner.epoch_steps(), torch.get_num_threads()
        where = "a GPU" if place.type == "cuda" else f"{threads} thread{'s' if threads > 1 else ''}"
        data = f"{len(self.train):,} examples, {steps:,} steps an epoch"
        return f"{data}; {self.parameters:,} parameters, trained on {where}"

    @property
    def room(self) -> int:
        """Bytes that one saved step takes: weights, their averages, and two moments of each."""
        return 4 * 4 * self.parameters

    def into(self, writer: RunWriter, course: Course | None = None) -> Iterator[Progress]:
        """The training itself, saved into a run, which is let go when this ends, or is forgotten without a start."""
        steps = self._into(writer, course)
        weakref.finalize(steps, _let_go, writer)
        return steps

    def _into(self, writer: RunWriter, course: Course | None) -> Iterator[Progress]:
        with writer:
            for note in (*writer.notes, *self.notes):
                yield Progress("note", self.learner.step, None, self.learner.epoch, text=note)
            yield Progress("begin", self.learner.step, None, self.learner.epoch, text=self.size)
            fit = Fit(self.learner, self.settings.training, self._measure, self._calls(writer), course)
            progress, steps, validated = None, iter(fit), False
            while progress is None or progress.kind != "end":
                with threads(self.settings.training.threads):  # what the caller does between steps is not ours
                    progress = self._next(steps, writer)
                validated = progress.kind == "validation" or (validated and progress.kind != "step")
                if progress.kind == "end" or (progress.kind == "saved" and validated):
                    write_card(writer)
                yield progress

    def _next(self, steps: Iterator[Progress], writer: RunWriter) -> Progress:
        """What happens next in a training; a Failure says from where the training can be gone on with."""
        try:
            return next(steps)
        except Failure as error:
            latest = writer.latest
            step = "" if latest is None else f" from step {int(latest.partition('-')[0]):,}, the last that is saved"
            begins = f"goes on{step}" if step else "begins anew, as no step is saved"
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
            stopped=self.stopped,
        )

    def _validate(self) -> Mapping[str, float]:
        if self.validation is None:
            return {}
        with self.learner.answering() as model:
            return self.validation.scores(model)

    def _save(self, writer: RunWriter, course: Mapping[str, Any], better: Sequence[str]) -> str | None:
        model, training, state = self.learner.snapshot()
        pointers = [f"best-{name}" for name in better] + (["best"] if self._measure in better else [])
        try:
            writer.save_step(self.learner.step, model, training, {"learner": state, "course": course}, pointers)
        except SaveFailed as error:
            return str(error)
        return None


def _settled(writer: RunWriter, steps: int) -> None:
    with contextlib.suppress(SaveFailed):  # the save that follows says so; the step holds the number besides
        writer.update_run({"steps": steps})


def _let_go(writer: RunWriter) -> None:
    with contextlib.suppress(SaveFailed):
        writer.close()
