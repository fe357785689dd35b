"""Trains any miniature into a run, and goes on with one: the same lines for all of them. As a program, is killed on the way."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from laws.miniatures import MINIATURES, Miniature

from melisma.evaluation.validate import Validation
from melisma.runs.log import read_log
from melisma.runs.read import read_run, read_step
from melisma.runs.write import RunWriter, claim, create
from melisma.task import Task
from melisma.training.descent import GradientDescent, learner
from melisma.training.fit import Calls, Course, Fit

TIMES = ("seconds", "symbols_per_second")  # in a line of the log: no two trainings have the same


class Drill:
    """One training of a miniature, from its beginning or from where its run stands."""

    def __init__(self, task: Task[Any, Any], settings: Miniature, path: Path, seed: int) -> None:
        """``seed`` is that of torch's global generator: it decides how a new training begins, and nothing once it is resumed."""
        self.resumed = path.exists()
        corpus = task.read(settings)
        codec = task.codec(read_run(path).codec, settings) if self.resumed else task.learn(corpus.train, settings)
        torch.manual_seed(seed)
        model = task.build(codec, settings)
        self.learner: GradientDescent = learner(
            task, model, codec, task.prepare(codec, corpus.train, settings), settings
        )
        self.validation = Validation(task, codec, settings, corpus.valid)
        self.writer = claim(path).begin() if self.resumed else self._created(task, settings, codec, path)
        course = None
        if self.writer.latest is not None:
            saved = read_step(path, "latest", shapes=task.shapes(codec, settings), training=True)
            self.learner.restore(saved.model, saved.training, saved.state["learner"])
            course = Course(**saved.state["course"])
        calls = Calls(self.scores, self.save, self.writer.log, lambda steps: None, self.validation.higher)
        self.fit = Fit(self.learner, settings.training, "loss", calls, course)

    @staticmethod
    def _created(task: Task[Any, Any], settings: Miniature, codec: Any, path: Path) -> RunWriter:
        return create(path, {"task": task.name, "recipe": task.name, "settings": asdict(settings)}, codec.to_json())

    def scores(self) -> Mapping[str, float]:
        with self.learner.answering() as model:
            return self.validation.scores(model)

    def save(self, course: Mapping[str, Any], better: list[str]) -> None:
        model, training, state = self.learner.snapshot()
        names = [f"best-{name}" for name in better]
        self.writer.save_step(self.learner.step, model, training, {"learner": state, "course": course}, names)

    def until(self, step: int | None = None) -> None:
        """Trains to the end, or until the step is taken; what was not saved by then is lost."""
        with self.writer:
            for progress in self.fit:
                if progress.kind == "step" and progress.step == step:
                    return


def outcome(
    path: Path,
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], dict[str, Any], list[dict[str, Any]]]:
    """What a training left behind, but for times: weights, what resuming needs, log lines."""
    saved = read_step(path, "latest", training=True)
    course = {name: value for name, value in saved.state["course"].items() if name != "seconds"}
    lines = [{name: value for name, value in line.items() if name not in TIMES} for line in read_log(path)]
    return saved.model, saved.training, {"learner": saved.state["learner"], "course": course}, lines


def same(first: Path, second: Path) -> list[str]:
    """In what the outcomes of two trainings differ, in bits."""
    one, other = outcome(first), outcome(second)
    differing = [] if one[2:] == other[2:] else ["position or log lines"]
    for some, others in zip(one[:2], other[:2]):
        names = sorted(set(some) | set(others))
        differing += [n for n in names if n not in some or n not in others or not torch.equal(some[n], others[n])]
    return differing


if __name__ == "__main__":
    name, folder, seed, step = sys.argv[1:]
    Drill(*MINIATURES[name], Path(folder), int(seed)).until(int(step))
    os.kill(os.getpid(), signal.SIGKILL)
