"""The table of steps as a picture: what lies where, on a canvas that only takes notes."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report.test_heat import Notes

from melisma.errors import Refusal
from melisma.report.charts import draw, missing_letters
from melisma.report.steps import MOST, PARTED, ROW, steps
from melisma.task import Figure

TOKEN = st.sampled_from(["a", "▁", "▁Mann", "<start>", "<end>", "x" * 40, "ب", "日", "\u0301"])
SHARE = st.floats(0, 1)


def step(heard: str, says: str, share: float, others: list, wanted: str | None = None) -> dict[str, Any]:
    told = {"heard": heard, "says": says, "share": share, "others": others}
    return told if wanted is None else told | {"wanted": wanted, "likely": share / 2}


STEP = st.builds(step, TOKEN, TOKEN, SHARE, st.lists(st.tuples(TOKEN, SHARE), max_size=2))
FORCED = st.builds(step, TOKEN, TOKEN, SHARE, st.lists(st.tuples(TOKEN, SHARE), max_size=2), TOKEN)


def data(forced: list, free: list, parting: int | None = None) -> dict[str, Any]:
    return {"heading": ["a source", "a target"], "forced": forced, "free": free, "parting": parting, "given": True}


@settings(max_examples=40)
@given(st.lists(FORCED, max_size=6), st.lists(STEP, max_size=6), st.data())
def test_everything_is_inside_the_picture_and_no_column_meets_another(forced: list, free: list, more) -> None:
    count = max(len(forced), len(free))
    parting = more.draw(st.none() | st.integers(0, count - 1)) if count else None
    notes = Notes()
    steps(notes, "title", data(forced, free, parting))
    width, height = notes.extent
    spans: dict[float, list[tuple[float, float]]] = {}
    for x, y, text, points, style in notes.texts:
        left = x - notes.width(text, points) / 2 if style.get("ha") == "center" else x
        assert 0 <= left <= left + notes.width(text, points) <= width + 1e-9
        assert 0 < y < height
        spans.setdefault(round(y, 6), []).append((left, left + notes.width(text, points)))
    for (x, y, wide, high), values in notes.images:
        assert x + wide < width
        assert y + high < height
        assert high == pytest.approx(len(values) * ROW)
    for line in spans.values():
        line.sort()
        assert all(one[1] <= other[0] + 1e-9 for one, other in itertools.pairwise(line))
    marks = [(y, style) for _, y, text, _, style in notes.texts if text == "≠"]
    assert len(marks) == (parting is not None)
    if parting is not None:
        assert marks[0][1]["color"] == PARTED
        number = next(y for _, y, text, _, _ in notes.texts if text == str(parting + 1))
        assert marks[0][0] == pytest.approx(number)


def test_each_step_stands_in_its_row_with_its_shares() -> None:
    forced = [step("<start>", "b", 0.75, [("c", 0.2)], "a"), step("a", "<end>", 0.5, [], "<end>")]
    free = [step("<start>", "b", 0.75, [("c", 0.2)])]
    notes = Notes()
    steps(notes, "title", data(forced, free, 0))
    assert [values for _, values in notes.images] == [[[0.375], [0.25]], [[0.75], [0.5]], [[0.75]]]
    rows: dict[float, list[str]] = {}
    for _, y, text, _, _ in sorted(notes.texts, key=lambda written: (written[1], written[0])):
        rows.setdefault(round(y, 2), []).append(text)
    told = [row for row in rows.values() if row[0] in ("1", "2")]
    first = ["1", "<start>", "a", "0.38", "b", "0.75", "c 0.20"]
    assert [text for text in told[0] if text != "≠"] == [*first, "<start>", "b", "0.75", "c 0.20"]
    assert [text for text in told[1] if text] == ["2", "a", "<end>", "0.25", "<end>", "0.50"]


def test_it_is_drawn_as_any_figure() -> None:
    figure = Figure("title", "steps", data([step("<start>", "▁日", 1.0, [], "▁日")], [], None))
    drawn = draw(figure, "svg").decode()
    assert "␣日" in drawn
    assert drawn == draw(figure, "svg").decode()
    assert draw(figure).startswith(b"\x89PNG")
    assert set(missing_letters(figure)) <= {"日", "␣"}


def test_more_steps_than_can_be_read_are_refused() -> None:
    free = [step("a", "a", 1.0, [])] * (MOST + 1)
    with pytest.raises(Refusal, match="there are 301 steps; at most 300 can be read"):
        steps(Notes(), "title", data([], free))
