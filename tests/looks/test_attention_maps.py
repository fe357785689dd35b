"""The map of an answer's attention, and the answers that have none."""

from __future__ import annotations

import pytest

from melisma.errors import Refusal
from melisma.looks.attention import attention
from melisma.report.charts import draw
from melisma.tasks.answering import Alternative, Answer

WEIGHTS = ((0.25, 0.75), (0.5, 0.5))


def answer(source: str, tokens: tuple[str, ...], weights: tuple[tuple[float, ...], ...] | None) -> Answer:
    return Answer(source, tokens, (Alternative("x", -1.0, -1.0, ("x",), (-0.5, -0.5), weights, True),))


def test_a_row_for_each_token_written_and_a_column_for_each_read() -> None:
    figure = attention(answer(" a\t b ", ("a", "</s>"), WEIGHTS))
    assert figure.title == "a b → x"
    assert figure.data == {
        "rows": ["x", "</s>"],
        "columns": ["a", "</s>"],
        "values": [list(row) for row in WEIGHTS],
        "heading": ["a b", "x"],
    }


def test_an_answer_from_right_to_left_is_drawn() -> None:
    figure = attention(answer("السبت", ("ا", "</s>"), WEIGHTS))
    drawn = draw(figure, "svg").decode()
    assert "\u2068السبت\u2069" in drawn
    assert drawn == draw(figure, "svg").decode()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (answer(" \u3000", ("</s>",), ()), "the input is blank"),
        (answer("a", ("a", "</s>"), None), "this model has no attention"),
        (answer("a" * 400, ("a",) * 401, None), "the input has 401 symbols"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(given: Answer, says: str) -> None:
    with pytest.raises(Refusal, match=says):
        attention(given)
