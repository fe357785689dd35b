"""A trained model, loaded from its run."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

import torch
from torch import nn

from melisma.api.device import device as place_of
from melisma.api.device import threads
from melisma.api.given import folder, step_of
from melisma.api.quick import Quick
from melisma.api.saved import settled
from melisma.errors import Busy, Refusal
from melisma.layers.columns import by_columns
from melisma.looks.alarms import alarms
from melisma.looks.alignment import alignment
from melisma.looks.served import require_served
from melisma.looks.steps import steps
from melisma.quoting import shown_path
from melisma.runs.holder import holder
from melisma.runs.inside import Missing
from melisma.runs.layout import BEST, is_pointer, step_number
from melisma.runs.read import Newer, Run, pointer_names, read_run, read_step, step_names
from melisma.runs.verify import way_out
from melisma.settings.read import build, with_values
from melisma.task import Figure, Stream, Task
from melisma.tasks import task as task_of


@dataclass(frozen=True)
class Model:
    """Answers: ``model("text")`` gives one, ``model(["text", ...], beam=5)`` a list; options are search settings."""

    run: Run
    task: Task[Any, Any]
    settings: Any
    codec: Any
    network: nn.Module
    step: str  # the name of the saved step
    quick: Quick | None = field(default=None, repr=False, compare=False)  # the same in int8, where a run stands behind

    @overload
    def __call__(self, inputs: str, **options: Any) -> Any: ...
    @overload
    def __call__(self, inputs: Sequence[str], **options: Any) -> list[Any]: ...
    def __call__(self, inputs: str | Sequence[str], **options: Any) -> Any:
        """Answers with text, score, alternatives and whatever else the task tells, in the order of the inputs."""
        (asked, single), search = self.task.asked(inputs), self.search(options)
        network = self.answering(search)
        with threads(self.settings.training.threads):
            answers = self.task.answer(network, self.codec, asked, search)
        return answers[0] if single else answers

    def steps(self, source: str, target: str | None = None, **options: Any) -> Figure:
        """Every step of decoding, teacher-forced beside free-running; without a target it is the model's own answer."""
        require_served("steps", self.task.name)
        for name, text in (("input", source), ("target", target)):
            if not isinstance(text, str) and (text is not None or name == "input"):
                raise Refusal(f"the {name} is {type(text).__name__}; a text is wanted")
        with threads(self.settings.training.threads):
            return steps(self.network, self.codec, source, target, self.search(options))

    def alignment(self, recording: str | os.PathLike[str], text: str | None = None, **options: Any) -> Figure:
        """When each symbol and word of a text is said in a recording; without a text it is the model's own answer."""
        require_served("alignment", self.task.name)
        assert self.task.align is not None
        (one, *rest), single = self.task.asked(recording)
        if rest or not single:
            raise Refusal("several recordings are given: wants the path of one")
        if text is not None and not isinstance(text, str):
            raise Refusal(f"the text is {type(text).__name__}: wants a text, or none")
        with threads(self.settings.training.threads):
            return alignment(self.task.align(self.network, self.codec, one, text, self.search(options)))

    def alarms(self, recording: str | os.PathLike[str], **options: Any) -> Figure:
        """How surely trigger words are heard at each instant of a recording, and when an alarm is given."""
        require_served("alarms", self.task.name)
        (one, *rest), single = self.task.asked(recording)
        if rest or not single:
            raise Refusal("several recordings are given: wants the path of one")
        with threads(self.settings.training.threads):
            (found,) = self.task.answer(self.network, self.codec, [one], self.search(options))
        return alarms(found, self.codec.definition, one.samples(self.codec.definition.rate))

    def stream(self, **options: Any) -> Stream:
        """Something to be fed with sound as it comes; Refusal where the model does not listen."""
        if self.task.stream is None:
            raise Refusal(f"a model of {self.task.name} answers whole inputs and has no stream: wants one that listens")
        search = self.search(options)
        return self.task.stream(self.answering(search), self.codec, search)

    def answering(self, search: Any) -> nn.Module:
        """The network that answers with these search settings; Refusal where int8 is asked for and costs too much."""
        if not search.int8:
            return self.network
        if self.quick is None:
            raise Refusal("int8=yes: wants a model that was loaded from a run, as what it costs is measured there")
        return self.quick.network(search.int8_bound)

    def ready(self, options: Mapping[str, Any]) -> list[str]:
        """Makes what these options ask for, and measures what that costs: sentences for the user."""
        search = self.search(options)
        self.answering(search)
        return [] if self.quick is None or not search.int8 else self.quick.notes

    def search(self, options: Mapping[str, Any]) -> Any:
        """The search settings of the run with some replaced."""
        return with_values(self.settings.search, options)

    def __repr__(self) -> str:
        step, where = step_number(self.step), shown_path(self.run.path)
        return f"Model({self.run.recipe}, step {step:,}, {self.parameters:,} parameters, {where})"

    @property
    def parameters(self) -> int:
        """How many numbers were learned."""
        return sum(weight.numel() for weight in self.network.parameters())


def load(run: str | Path, step: str | int = BEST, *, device: str = "auto") -> Model:
    """The model of a run: its best step, or the one that ``step`` names (``latest``, ``best-bleu``, a number).

    It answers on ``device``: ``cpu``, ``gpu``, or ``auto``, the GPU if there is one. Everything is checked before it
    is used; nothing in the folder is executed. Refusal where it is damaged or no run, or where there is no such device;
    Busy where a training has not saved its first step yet.
    """
    path, wanted = folder(run), step_of(step)
    place = place_of(device, "device")
    found = read_run(path)
    task = task_of(found.task)
    settings: Any = build(task.settings, found.settings)
    codec = task.codec(found.codec, settings)
    try:
        saved = read_step(path, wanted, shapes=task.shapes(codec, settings))
    except Refusal as refusal:
        raise _with_what_helps(refusal, path, wanted) from None
    codec = settled(task, codec, saved)
    with torch.device("meta"):
        network = task.build(codec, settings)
    network.load_state_dict(saved.model, strict=False, assign=True)
    by_columns(network.to(place).eval().requires_grad_(False))
    quick = Quick(found, saved.name, task, settings, codec, network)
    return Model(found, task, settings, codec, network, saved.name, quick)


def _with_what_helps(refusal: Refusal, path: Path, step: str) -> Refusal:
    """A refusal to read a step, and what the user can do: wait, resume, or put back a copy."""
    if not step_names(path) and not pointer_names(path):
        other = holder(path)
        if other is not None:
            return Busy(f"{refusal}: it is being trained right now, by {other}, and answers once a step is saved")
        return Refusal(f"{refusal}: melisma resume {shlex.quote(shown_path(path))} trains it")
    if isinstance(refusal, Newer) or (isinstance(refusal, Missing) and not is_pointer(step)):
        return refusal
    return Refusal(f"{refusal}{way_out(path)}")
