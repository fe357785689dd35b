"""Pictures: as large as they are to be read, never larger than memory, and the same bytes every time."""

from __future__ import annotations

import struct
from xml.etree import ElementTree

import matplotlib
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.report import charts
from melisma.report.heat import CELL
from melisma.task import Figure

TEXT = "{http://www.w3.org/2000/svg}text"


def heat(rows: int, columns: int) -> Figure:
    names = {"rows": ["a"] * rows, "columns": ["b"] * columns}
    return Figure("t", "heat", names | {"values": [[0.5] * columns for _ in range(rows)]})


def words(rows: list[str], columns: list[str], heading: list[str]) -> Figure:
    values = [[0.25] * len(columns) for _ in rows]
    return Figure(" → ".join(heading), "heat", {"rows": rows, "columns": columns, "values": values, "heading": heading})


def size(picture: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


def texts(picture: bytes) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(picture).iter(TEXT)]


def test_a_small_map_is_drawn_fine_and_a_large_one_coarser(monkeypatch) -> None:
    fine = size(charts.draw(heat(3, 4)))
    assert min(fine) > 3 * charts.DPI
    monkeypatch.setattr(charts, "PIXELS", 50_000)
    width, height = size(charts.draw(heat(3, 4)))
    assert 45_000 < width * height <= 50_000
    assert width / height == pytest.approx(fine[0] / fine[1], rel=0.02)


def test_the_largest_map_fits_the_pixels() -> None:
    side = 2 + CELL[0] * charts.MOST
    assert (side * charts._dpi(side, side)) ** 2 == pytest.approx(charts.PIXELS)


@pytest.mark.parametrize(("rows", "columns"), [(charts.MOST + 1, 2), (2, charts.MOST + 1)])
def test_a_map_that_nobody_can_read_is_refused(rows: int, columns: int) -> None:
    with pytest.raises(Refusal, match="301 rows or columns; at most 300"):
        charts.draw(heat(rows, columns))


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_same_figure_is_the_same_bytes_whatever_else_is_set(kind: str, monkeypatch) -> None:
    figure = words(["a", "</s>"], ["ب", "long word", "</s>"], ["ب long word", "a"])
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    first = charts.draw(figure, kind)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "100000000")
    with matplotlib.rc_context(
        {"figure.facecolor": "red", "font.size": 30, "image.origin": "lower", "axes.grid": True}
    ):
        assert charts.draw(figure, kind) == first
        assert matplotlib.rcParams["font.size"] == 30
    assert b"Matplotlib" not in first.partition(b"</metadata>")[0]


def test_the_values_are_seen() -> None:
    figure = words(["a"], ["b", "c"], ["bc", "a"])
    other = figure._replace(data=figure.data | {"values": [[0.9, 0.1]]})
    assert charts.draw(figure) != charts.draw(other)


def test_the_words_of_an_svg_are_text() -> None:
    figure = words(["$x$", "▁", "</s>"], ["<b>", "&", "日", "\u202e", "</s>"], ["<b>&日", "$x$"])
    seen = texts(charts.draw(figure, "svg"))
    assert seen[:3] == ["<b>&日", "→", "$x$"]
    assert {"$x$", "␣", "<b>", "&", "日", r"\u202e", "end"} <= set(seen)
    assert {"read (source)", "written (answer)", "attention", "0", "1"} <= set(seen)
    assert "</s>" not in seen


def test_text_from_right_to_left_is_isolated_and_source_and_answer_stand_apart() -> None:
    seen = texts(charts.draw(words(["1"], ["ي", "1"], ["27 يوليو 1969", "1969-07-27"]), "svg"))
    assert seen[:3] == ["\u206827 يوليو 1969\u2069", "→", "1969-07-27"]
    assert "read (source), from the left" in seen


def test_arabic_letters_are_joined() -> None:
    page = charts._Page()
    assert page.width("بيت", 12) < 0.9 * sum(page.width(letter, 12) for letter in "بيت")


@settings(max_examples=8, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=()), min_size=1, max_size=30), min_size=1, max_size=4))
def test_any_text_makes_a_picture(tokens: list[str]) -> None:
    figure = words(tokens, tokens, [" ".join(tokens)] * 2)
    assert texts(charts.draw(figure, "svg"))
    assert charts.draw(figure).startswith(b"\x89PNG")
