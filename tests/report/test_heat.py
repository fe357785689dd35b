"""The map: what lies where, on a canvas that only takes notes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.report.heat import CELL, MUTED, heat, names


class Notes:
    def __init__(self) -> None:
        self.extent = (0.0, 0.0)
        self.texts: list[tuple[float, float, str, float, dict[str, Any]]] = []
        self.images: list[tuple[tuple[float, float, float, float], Any]] = []

    def width(self, text: str, points: float) -> float:
        return len(text.strip("\u2068\u2069")) * points / 72 * 0.6

    def size(self, width: float, height: float) -> None:
        self.extent = (width, height)

    def write(self, x: float, y: float, text: str, points: float, **style: Any) -> None:
        self.texts.append((x, y, text, points, style))

    def image(self, place: tuple[float, float, float, float], values: Any, shades: Any, grid: bool) -> None:
        self.images.append((place, values))

    def of(self, text: str) -> tuple[float, float, str, float, dict[str, Any]]:
        return next(written for written in self.texts if written[2] == text)


def drawn(rows: list[str], columns: list[str], heading: list[str]) -> Notes:
    notes = Notes()
    heat(
        notes,
        "title",
        {"rows": rows, "columns": columns, "values": [[0.0] * len(columns)] * len(rows), "heading": heading},
    )
    return notes


TOKENS = st.lists(st.sampled_from(["a", "▁", "ab", "▁long", "ab" * 20, "ب", "بيت", "日"]), min_size=1, max_size=70)


@given(TOKENS, TOKENS)
def test_cells_are_square_and_everything_is_inside_the_picture(rows: list[str], columns: list[str]) -> None:
    rows, columns = [*rows, "</s>"], [*columns, "</s>"]
    notes = drawn(rows, columns, ["".join(columns), "".join(rows)])
    left, top, wide, high = notes.images[0][0]
    assert wide / len(columns) == pytest.approx(high / len(rows))
    assert CELL[0] - 1e-9 <= wide / len(columns) <= CELL[1] + 1e-9
    width, height = notes.extent
    assert 0 < left < left + wide < width
    assert 0 < top < top + high < height
    for x, y, text, points, style in notes.texts:
        long = notes.width(text, points)
        before = {"left": 0, "center": 0.5, "right": 1}[style.get("ha", "left")]
        turn = {0: (1.0, 0.0), 60: (0.5, 0.866), 90: (0.0, 1.0)}[style.get("rotation", 0)]
        for share in (-before, 1 - before):
            assert 0 <= x + share * long * turn[0] <= width
            assert 0 < y - share * long * turn[1] < height


def test_single_characters_and_the_end_stand_upright() -> None:
    for columns in (["a", "▁", "b", "</s>"], ["a", "▁", "b"] * 30 + ["</s>"], ["a", "b", "▁word", "</s>"]):
        notes = drawn(["x"], columns, ["a", "x"])
        for name in ("a", "b", "end"):
            assert "rotation" not in notes.of(name)[4]
    assert notes.of("␣word")[4]["rotation"] == 60
    assert notes.of("end")[4]["color"] == MUTED


def test_only_the_last_symbol_is_the_end() -> None:
    assert names(["</s>", "a", "</s>"]) == ["</s>", "a", "end"]
    assert names(["end"]) == ["end"]
    assert names([]) == []


def test_names_stand_at_the_middle_of_their_cells() -> None:
    notes = drawn(["p", "q", "r"], ["a", "b"], ["ab", "pqr"])
    left, top, wide, high = notes.images[0][0]
    assert notes.of("b")[0] == pytest.approx(left + wide * 0.75)
    assert notes.of("b")[1] < top
    assert notes.of("q")[1] == pytest.approx(top + high / 2, abs=0.08)
    assert notes.of("q")[0] < left


def test_a_scale_from_0_to_1_is_beneath_the_map() -> None:
    notes = drawn(["p"], ["a"], ["a", "p"])
    (_, top, _, high), ((x, y, wide, _), values) = notes.images[0][0], notes.images[1]
    assert y > top + high
    assert (values[0][0], values[0][-1]) == (0, 1)
    assert values[0] == sorted(values[0])
    assert notes.of("attention")[0] < notes.of("0")[0] < x < x + wide < notes.of("1")[0]


def test_a_heading_has_two_lines_a_part_and_says_what_it_leaves_out() -> None:
    notes = drawn(["p"], ["a"], ["word " * 12, "other " * 100])
    heading = [text for _, _, text, points, _ in notes.texts if points == 12]
    assert [text.split()[0] for text in heading] == ["word", "word", "→", "other", "other"]
    assert "".join(heading[:2]).count("word") == 12
    assert [text.endswith("…") for text in heading] == [False, False, False, False, True]


def test_without_a_heading_the_title_stands_there() -> None:
    notes = Notes()
    heat(notes, "the title", {"rows": ["p"], "columns": ["a"], "values": [[0.0]]})
    assert notes.texts[0][2] == "the title"
