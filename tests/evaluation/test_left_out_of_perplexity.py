"""Examples that have no symbols of the model: their answers are measured, perplexity and loss leave them out."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from melisma.errors import Refusal
from melisma.evaluation.evaluate import evaluate
from melisma.evaluation.validate import Validation
from melisma.measures.perplexity import perplexity
from melisma.measures.table import measured
from melisma.task import Task
from melisma.tasks.translate import TASK

RIGHT = ["ab", "a longer one that nobody can spell", "b"]
NATS = [(1.5, 2), (0.0, 0), (0.5, 1)]
SETTINGS: Any = SimpleNamespace(search=TASK.settings().search, data=SimpleNamespace(measured=("exact",)))


def task(nats: list[tuple[float, int]]) -> Task[Any, Any]:
    """Answers texts rightly, with these nats."""
    changed: dict[str, Any] = {
        "check": lambda codec, examples: ["1 of them cannot be spelled"],
        "inputs": list,
        "references": list,
        "answer": lambda model, codec, inputs, search, traced: [
            SimpleNamespace(text=one, source=one) for one in inputs
        ],
        "measure": lambda answers, examples, names: {
            name: measured(name, examples, [one.text for one in answers], examples) for name in names
        },
        "measures": lambda settings: ("exact",),
        "nats": lambda model, codec, examples: nats,
    }
    return replace(TASK, **changed)


def test_references_without_nats_are_no_characters() -> None:
    """They would make it look better than it is."""
    found = evaluate(task(NATS), SimpleNamespace(), None, SETTINGS, RIGHT)  # type: ignore[arg-type]
    assert found.notes == ("1 of them cannot be spelled",)
    assert found.measures["exact"].count == 3
    assert found.measures["perplexity"] == perplexity([1.5, 0.5], [2, 1], "symbol")
    assert found.measures["character_perplexity"].value == pytest.approx(math.exp(2.0 / (3 + 2)))


def test_without_any_nats_there_is_no_perplexity() -> None:
    none = task([(0.0, 0)] * 3)
    assert list(evaluate(none, SimpleNamespace(), None, SETTINGS, RIGHT).measures) == ["exact"]  # type: ignore[arg-type]
    validation = Validation(none, None, SETTINGS, RIGHT)
    assert validation.notes == ["1 of them cannot be spelled"]
    assert validation.scores(SimpleNamespace()) == {"exact": 100.0}  # type: ignore[arg-type]


@pytest.mark.parametrize("count", [0, 2])
def test_no_number_is_refused_whatever_it_counts(count: int) -> None:
    broken = task([(0.5, 1), (math.nan, count), (0.0, 0)])
    with pytest.raises(Refusal, match="is NaN"):
        evaluate(broken, SimpleNamespace(), None, SETTINGS, RIGHT)  # type: ignore[arg-type]


def test_a_part_of_validation_is_not_refused_without_the_others() -> None:
    asked: list[int] = []

    def check(codec: object, examples: list[str]) -> list[str]:
        asked.append(len(examples))
        return []

    whole = Validation(replace(task(NATS[:1]), check=check), None, SETTINGS, RIGHT)
    part = whole.of(RIGHT[:1])
    assert asked == [3]
    assert part.scores(SimpleNamespace()) == {"loss": 0.75, "exact": 100.0}  # type: ignore[arg-type]
    assert (part.examples, whole.examples) == (RIGHT[:1], RIGHT)
