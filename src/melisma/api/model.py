"""A trained model, loaded from its run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import torch
from torch import nn

from melisma.api.device import device as place_of
from melisma.api.device import threads
from melisma.errors import Refusal
from melisma.runs.layout import BEST
from melisma.runs.read import Run, read_run, read_step
from melisma.settings.read import build, with_values
from melisma.task import Task
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

    @overload
    def __call__(self, inputs: str, **options: Any) -> Any: ...
    @overload
    def __call__(self, inputs: Sequence[str], **options: Any) -> list[Any]: ...
    def __call__(self, inputs: str | Sequence[str], **options: Any) -> Any:
        """Answers with text, score, alternatives, attention and tokens, in the order of the inputs."""
        if isinstance(inputs, (bytes, bytearray)) or not isinstance(inputs, Iterable):
            raise Refusal(f"the input is {type(inputs).__name__}; a text, or a list of texts, is wanted")
        texts = [inputs] if isinstance(inputs, str) else list(inputs)
        wrong = next((text for text in texts if not isinstance(text, str)), None)
        if wrong is not None:
            raise Refusal(f"an input is {type(wrong).__name__} {str(wrong)[:40]!r}; text is wanted")
        with threads(self.settings.training.threads):
            answers = self.task.answer(self.network, self.codec, texts, self.search(options))
        return answers[0] if isinstance(inputs, str) else answers

    def search(self, options: Mapping[str, Any]) -> Any:
        """The search settings of the run with some replaced."""
        return with_values(self.settings.search, options)

    @property
    def parameters(self) -> int:
        """How many numbers were learned."""
        return sum(weight.numel() for weight in self.network.parameters())


def load(run: str | Path, step: str = BEST, *, device: str = "auto") -> Model:
    """The model of a run: its best step, or the one that ``step`` names (``latest``, ``best-bleu``, a number).

    It answers on ``device``: ``cpu``, ``gpu``, or ``auto``, the GPU if there is one. Everything is checked before it
    is used; nothing in the folder is executed. Refusal where it is damaged or no run, or where there is no such device.
    """
    place = place_of(device, "device")
    found = read_run(run)
    task = task_of(found.task)
    settings: Any = build(task.settings, found.settings)
    codec = task.codec(found.codec, settings)
    saved = read_step(found.path, step, shapes=task.shapes(codec, settings))
    with torch.device("meta"):
        network = task.build(codec, settings)
    network.load_state_dict(saved.model, strict=False, assign=True)
    return Model(found, task, settings, codec, network.to(place).eval().requires_grad_(False), saved.name)
