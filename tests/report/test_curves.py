"""Lines and bars: what lies where, on a canvas that only takes notes."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.report.bars import bars
from melisma.report.canvas import MUTED, PALE, SERIES, WIDTH
from melisma.report.curves import MANY, curves, thinned
from melisma.report.scale import scale

Point = tuple[float, float]


class Sheet:
    def __init__(self) -> None:
        self.extent = (0.0, 0.0)
        self.texts: list[tuple[float, float, str, dict[str, Any]]] = []
        self.lines: list[tuple[list[Point], str]] = []
        self.dots: list[tuple[Point, str, str]] = []
        self.boxes: list[tuple[tuple[float, float, float, float], str]] = []

    def width(self, text: str, points: float) -> float:
        return len(text) * points / 72 * 0.6

    def size(self, width: float, height: float) -> None:
        self.extent = (width, height)

    def write(self, x: float, y: float, text: str, points: float, **style: Any) -> None:
        self.texts.append((x, y, text, style))

    def image(self, *_: Any) -> None:
        raise AssertionError("nothing here is a map")

    def line(self, points: Any, colour: str, inches: float, dashes: tuple[float, ...] = ()) -> None:
        self.lines.append((list(points), colour))

    def dot(self, place: Point, radius: float, colour: str, told: str = "") -> None:
        self.dots.append((place, colour, told))

    def box(self, place: tuple[float, float, float, float], colour: str, told: str = "") -> None:
        self.boxes.append((place, colour))

    def of(self, colour: str) -> list[list[Point]]:
        return [points for points, own in self.lines if own == colour]


def drawn(*series: dict[str, Any], **data: Any) -> Sheet:
    sheet = Sheet()
    curves(sheet, "title", {"series": list(series), "x": "step", "y": "nats"} | data)
    return sheet


def line(name: str, y: list[float], x: list[float] | None = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "x": x or list(range(len(y))), "y": y, **more}


NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30)


@given(NUMBERS, NUMBERS)
def test_everything_lies_on_the_chart(one: list[float], two: list[float]) -> None:
    sheet = drawn(line("one", one), line("two", two), mark=0, marked="best")
    width, height = sheet.extent
    assert width == WIDTH
    for points in (*(points for points, _ in sheet.lines), *([place] for place, _, _ in sheet.dots)):
        for x, y in points:
            assert -1e-6 <= x <= width + 1e-6
            assert -1e-6 <= y <= height + 1e-6


def test_more_lies_higher_and_later_lies_right() -> None:
    ((first, second),) = drawn(line("one", [1, 3])).of(SERIES[0])
    assert first[0] < second[0]
    assert first[1] > second[1]


def test_beyond_the_limits_a_line_is_cut_where_it_crosses_them() -> None:
    sheet = drawn(line("one", [10, 2, 1]), limits=(0, 2))
    ((first, *_),) = sheet.of(SERIES[0])
    top = min(y for points in sheet.of(PALE) for _, y in points)
    assert first[1] == pytest.approx(top)
    assert len(sheet.dots) == 2


def test_a_value_that_rounding_put_beyond_the_end_is_drawn() -> None:
    assert len(drawn(line("one", [50, 100 + 1e-13, 100])).dots) == 3


def test_what_is_no_number_is_left_out_and_nothing_at_all_is_refused() -> None:
    assert len(drawn(line("one", [1, math.nan, 3])).dots) == 2
    with pytest.raises(Refusal, match="has no points"):
        drawn(line("one", [math.nan]))


def test_lines_have_their_names_once_there_are_two() -> None:
    assert "one" not in [text for _, _, text, _ in drawn(line("one", [1, 2])).texts]
    assert {"one", "two"} <= {text for _, _, text, _ in drawn(line("one", [1, 2]), line("two", [1, 2])).texts}


def test_intervals_stand_at_their_points() -> None:
    sheet = drawn(line("one", [5, 6], low=[4, 5], high=[7, 8]), names=["1–3", "4–9"])
    whiskers = [points for points in sheet.of(SERIES[0]) if points[0][0] == points[1][0]]
    assert [points[0][0] for points in whiskers] == [place[0] for place, _, _ in sheet.dots]
    assert all(low[1] > place[1] > high[1] for (low, high), (place, _, _) in zip(whiskers, sheet.dots))
    assert {"1–3", "4–9"} <= {text for _, _, text, _ in sheet.texts}


def test_a_faint_line_lies_beneath_and_is_not_named() -> None:
    sheet = drawn(line("one", [1, 2]), line("", [1, 3], faint=True))
    colours = [colour for points, colour in sheet.lines if len({x for x, _ in points}) == 2]
    assert colours.index(SERIES[0]) > colours.index(PALE)


def test_the_marked_step_is_marked() -> None:
    sheet = drawn(line("one", [1, 2, 3]), mark=1, marked="best")
    x = next(x for x, _, text, _ in sheet.texts if text == "best")
    assert [points[0][0] for points in sheet.of(MUTED) if points[0][0] == points[1][0]] == [pytest.approx(x)]


@given(st.integers(1, 3000), st.integers(2, 500))
def test_a_long_line_is_thinned_to_its_means(count: int, most: int) -> None:
    points = [(float(x), 2.0 * x) for x in range(count)]
    few = thinned(points, most)
    assert len(few) <= most
    assert few[-1] == points[-1]
    assert all(y == pytest.approx(2 * x) for x, y in few)
    assert sorted(few) == few
    assert MANY >= 100


def test_bars_are_as_long_as_their_values() -> None:
    sheet = Sheet()
    data = [
        {"name": "run", "value": 50.0, "low": 40.0, "high": 60.0, "text": "50", "strong": True},
        {"name": "copy", "value": 25.0, "text": "25"},
    ]
    bars(sheet, "exact", {"bars": data})
    (first, strong), (second, rest) = sheet.boxes
    assert first[2] == pytest.approx(2 * second[2])
    assert strong == SERIES[0] != rest
    assert {"run", "copy", "50", "25", "0"} <= {text for _, _, text, _ in sheet.texts}
    assert scale(0, 60).high * first[2] / 50 <= WIDTH


def test_no_bars_are_refused() -> None:
    with pytest.raises(Refusal, match="has no bars"):
        bars(Sheet(), "exact", {"bars": []})


def test_a_bar_of_nothing_is_drawn() -> None:
    sheet = Sheet()
    bars(sheet, "exact", {"bars": [{"name": "run", "value": 0.0, "low": 0.0, "high": 0.0, "text": "0.00"}]})
    assert sheet.boxes[0][0][2] > 0


def marks(sheet: Sheet) -> list[str]:
    return [text for _, _, text, style in sheet.texts if style.get("ha") == "right"]


@pytest.mark.parametrize("y", [[100.0, 100.0], [0.0, 3.0], [99.0, 97.0], [100.0 + 1e-13, 50.0]])
def test_the_axis_of_a_share_is_from_nothing_to_all(y: list[float]) -> None:
    assert marks(drawn(line("one", y), ends=(0.0, 100.0), most=100.0)) == ["0", "20", "40", "60", "80", "100"]


def test_an_axis_goes_not_beyond_what_can_be() -> None:
    assert marks(drawn(line("one", [100.0, 100.0])))[-1] == "150"
    assert marks(drawn(line("one", [100.0, 100.0]), most=100.0))[-1] == "100"
    assert marks(drawn(line("one", [90.0, 92.0], high=[104.0, 104.0], low=[86.0, 86.0]), most=100.0))[-1] == "100"
    assert marks(drawn(line("one", [100.0, 100.0]), ends=(0.0, None))) == ["0", "20", "40", "60", "80", "100"]
    assert marks(drawn(line("one", [120.0, 60.0]), ends=(0.0, None)))[-1] == "150"
    assert marks(drawn(line("one", [31.0, 33.0]), most=100.0))[0] == "31.0"
