"""Any saved step of a run answers, where ``step=`` names it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command.drill import refused, typed

import melisma
from melisma.runs.read import step_names

ASKED = ("one two three", "six")


@pytest.fixture
def numbers(tiny: Path) -> list[int]:
    """The steps that ``tiny`` has kept, oldest first: two at least."""
    found = [step.number for step in step_names(tiny / "tiny")]
    assert len(found) > 1
    return found


def scores(*words: str) -> list[float]:
    return [
        json.loads(line)["alternatives"][0]["score"]
        for line in typed("predict", "tiny", *words, "--json", *ASKED).lines
    ]


def test_predict_asks_the_step_that_is_named(numbers: list[int]) -> None:
    said = {number: scores(f"step={number}") for number in numbers}
    for number in numbers:
        assert said[number] == [answer.score for answer in melisma.load("tiny", number)(ASKED)]
    assert len(set(map(tuple, said.values()))) == len(numbers)
    assert scores("step=latest") == said[numbers[-1]]
    assert scores("step=best") == scores()


def test_evaluate_measures_it_and_look_shows_it(numbers: list[int], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    told = json.loads(typed("evaluate", "tiny", "data=a.en,a.de", f"step={numbers[0]}", f"report={page}", "--json").out)
    found = melisma.evaluate(melisma.load("tiny", numbers[0]), ("a.en", "a.de"))
    assert (told["step"], told["measures"]["perplexity"]["value"]) == (numbers[0], found.measures["perplexity"].value)
    assert (
        told["measures"]["perplexity"]["value"]
        != melisma.evaluate("tiny", ("a.en", "a.de")).measures["perplexity"].value
    )
    assert page.exists()
    steps = {step: typed("look", "steps", "tiny", f"step={step}", "target=eins", "one").out for step in numbers}
    assert len(set(steps.values())) == len(numbers)


def test_a_step_that_is_not_there_is_refused_and_so_are_two(numbers: list[int]) -> None:
    assert refused("predict", "tiny", "step=7", "one").startswith('tiny has no step "7", it has best,')
    assert 'has no step "../tiny"' in refused("evaluate", "tiny", "data=a.en,a.de", "step=../tiny")
    assert 'has no step ""' in refused("look", "steps", "tiny", "step=", "one")
    assert "setting step is given 2 times (best, latest)" in refused("predict", "tiny", "step=best", "step=latest", "a")
