"""Answers in 8-bit integers: the network, what it costs on the run's own validation data, and when it is refused."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn

from melisma.api.data import check_known, check_unchanged, seen_from_here
from melisma.api.device import threads
from melisma.errors import Refusal
from melisma.evaluation.samples import spread_for
from melisma.layers.int8 import exact_sums, in_int8
from melisma.measures.measure import Measure
from melisma.measures.units import figure
from melisma.runs.quick import Cost, recall, remember
from melisma.runs.read import Run
from melisma.settings.leaves import shape
from melisma.settings.search import SearchSettings
from melisma.task import Task

MEASURED = 500  # validation examples that both answer, at most
INSTEAD = "wants int8=no"


@dataclass
class Quick:
    """A saved step's network in int8, made when it is first asked for, and what that costs."""

    run: Run
    step: str
    task: Task[Any, Any]
    settings: Any
    codec: Any
    plain: nn.Module
    notes: list[str] = field(default_factory=list)  # sentences for the user
    cost: Cost | None = None
    _network: nn.Module | None = None

    def network(self, bound: float) -> nn.Module:
        """The network in int8; Refusal where it loses more than ``bound``, or where that cannot be known.

        What it loses is measured at the first time and remembered in the run.
        """
        if self._network is None:
            self._network = self._made()
        if self.cost is None:
            self.cost = self._costs(self._network)
        if self.cost.lost > bound:
            raise _costly(self.cost, bound)
        return self._network

    def _made(self) -> nn.Module:
        if any(weight.device.type != "cpu" for weight in self.plain.parameters()):
            raise Refusal("int8=yes is for the processor, and the model is on the GPU: wants device=cpu, or int8=no")
        if not exact_sums():
            raise Refusal(f"int8=yes: this processor cannot add up products of 8 bits without loss (VNNI): {INSTEAD}")
        with torch.device("meta"):
            blank = self.task.build(self.codec, self.settings)
        return in_int8(blank, dict(self.plain.named_parameters())).eval()

    def _costs(self, quick: nn.Module) -> Cost:
        known = recall(self.run.path, self.step)
        if known is None:
            known = measured(self.task, self.codec, self.settings, (self.plain, quick), self._examples())
            if not remember(self.run.path, self.step, known):
                self.notes.append("what int8 costs is measured again next time: the run could not be written to now")
        self.notes.insert(0, str(known))
        return known

    def _examples(self) -> Sequence[Any]:
        """The validation examples of the training, wherever they still lie."""
        try:
            here = seen_from_here(self.run.path, self.settings)
            if here.data.valid is None:
                corpus = self.task.read(here)
                check_unchanged(self.run, corpus.signatures)
                return corpus.valid
            check_known(self.run, here.data.valid)
            return self.task.examples(here, here.data.valid)[0]
        except (Refusal, OSError) as error:
            raise Refusal(
                f"int8=yes: what it costs is not known yet, and the validation data cannot be read ({error}): {INSTEAD}"
            ) from None


def _costly(cost: Cost, bound: float) -> Refusal:
    """That int8 loses more than it may, what a single answer weighs where that is more, and the ways out."""
    weight = 100 / cost.examples
    few = f" (of so few a single answer weighs up to {figure(cost.measure, weight)})" if weight > bound else ""
    enough, largest = math.ceil(100 * cost.lost) / 100, shape(SearchSettings).leaves["int8_bound"].meaning.high
    allowed = largest is None or enough <= largest
    more = f", or a larger int8_bound such as int8_bound={enough:g}" if allowed else ""
    lost = f"that loses {figure(cost.measure, cost.lost)}, more than int8_bound={figure(cost.measure, bound)}"
    return Refusal(f"{cost}; {lost}{few}: {INSTEAD}{more}")


def measured(
    task: Task[Any, Any], codec: Any, settings: Any, networks: tuple[nn.Module, nn.Module], examples: Sequence[Any]
) -> Cost:
    """What the second network scores against the first, on a spread of the examples; in CPU-seconds how much faster."""
    names = task.measures(settings)
    name = next((name for name in names if name in task.validated), names[0])
    pairs = spread_for((name,), examples, [str(one) for one in task.inputs(examples)], MEASURED)
    if not pairs:
        raise Refusal(f"int8=yes: what it costs cannot be measured, as the run has no validation data: {INSTEAD}")
    task.check(codec, pairs)
    search = replace(settings.search, temperature=None, alternatives=1, prefix="", int8=False)

    def scored(network: nn.Module) -> tuple[Measure, float]:
        began = time.process_time()
        answers = task.answer(network, codec, task.inputs(pairs), search, traced=False)
        return task.measure(answers, pairs, (name,))[name], time.process_time() - began

    with threads(settings.training.threads):
        (before, slow), (after, fast) = map(scored, networks)
    values = (float(before.value), float(after.value))
    return Cost(name, before.better == "higher", *values, len(pairs), slow / max(1e-9, fast))
