"""Validation while training: by loss, and by the task's own measures on answers searched greedily."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

from torch import nn

from melisma.evaluation.samples import spread_for
from melisma.measures.asked import BY_SOURCE
from melisma.task import Task

ANSWERED = 2000  # examples that are answered, at most: enough that chance is small, few enough to be quick


class Validation:
    """The scores of a model on examples it does not learn from; Refusal where one is too long to be answered."""

    def __init__(self, task: Task[Any, Any], codec: Any, settings: Any, examples: Sequence[Any]) -> None:
        self.notes = task.check(codec, examples)  # sentences for the user
        self.task, self.codec, self.settings = task, codec, settings
        self.examples = examples
        self.measured = task.validating(settings)
        self.answered = list(examples[:: max(1, math.ceil(len(examples) / ANSWERED))])
        if not BY_SOURCE.isdisjoint(self.measured):  # a source without some of its targets would be judged too hard
            self.answered = spread_for(self.measured, examples, list(map(str, task.inputs(examples))), ANSWERED)
        self.search: Any = task.quickly(settings.search)
        self.remark: str | None = None  # what the last validation showed to go wrong
        self.settled: Any = None  # what the last one found that answers need besides the weights; plain data

    def of(self, some: Sequence[Any]) -> Validation:
        """The same on some of the examples, which may be such as would be refused without the others."""
        part = copy(self)
        part.examples, part.answered = some, list(some)
        return part

    @property
    def higher(self) -> Mapping[str, bool]:
        """Measure -> whether more of it is better."""
        return {"loss": False} | {name: better == "higher" for name, better in self.measured.items()}

    def scores(self, model: nn.Module) -> dict[str, float]:
        """Loss in nats a symbol, if any has nats, and each measure that the task validates by."""
        asked, codec = self.task.inputs(self.answered), self.codec
        if self.task.settling is not None:
            self.settled = self.task.settling.find(model, codec, self.examples, self.settings)
            codec = self.task.settling.into(codec, self.settled)
        answers = self.task.answer(model, codec, asked, self.search, traced=False)
        self.remark = self.task.remark(answers, self.answered)
        measured = self.task.measure(answers, self.answered, tuple(self.measured))
        nats = self.task.nats(model, self.codec, self.examples)
        symbols = sum(count for _, count in nats)
        loss = {"loss": sum(nat for nat, _ in nats) / symbols} if symbols else {}
        return loss | {name: measure.value for name, measure in measured.items()}
