"""The page that builds a model of its own runs, learns, and stays a page."""

from __future__ import annotations

from typing import Any

import pytest
from examples.drill import EXAMPLES, opened

PAGE = EXAMPLES / "own_model.py"


@pytest.fixture(scope="module")
def page() -> Any:
    return opened(PAGE)


def test_it_is_a_page() -> None:
    assert len(PAGE.read_text(encoding="utf-8").splitlines()) < 100


def test_what_it_is_asked_has_the_answers_that_nesting_gives(page: Any) -> None:
    text, answers = page.made(300, page.Random(5))
    waiting: list[str] = []
    for bracket, answer in zip(text, answers, strict=True):
        if bracket in page.OPEN:
            waiting.append({"(": ")", "[": "]"}[bracket])
        else:
            assert waiting.pop() == bracket
        assert answer == (waiting[-1] if waiting else ".")


def test_it_learns_and_shows_what_it_says(page: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert page.main(steps=70) > 0.75  # always saying the most frequent answer would give half
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown] == ["heard", "wanted", "step", "step"]
    assert len({len(line) for line in shown}) == 1


def test_it_begins_by_guessing(page: Any) -> None:
    assert page.main(steps=1) < 0.6


def test_the_parts_of_its_batches_are_its_texts(page: Any) -> None:
    random = page.Random(2)
    batch = page.Texts([page.made(random.randint(1, 9), random) for _ in range(5)])
    parts = [batch.part(index, 2) for index in range(2)]
    assert [part.pairs for part in parts] == [batch.pairs[0::2], batch.pairs[1::2]]
    assert sum(part.counts["brackets"] for part in parts) == batch.counts["brackets"]
