"""Several charts in one picture."""

from __future__ import annotations

import struct

import pytest

from melisma.report.levers import picture
from melisma.task import Figure


def figure(count: int) -> Figure:
    series = {"name": "data", "x": [0, 1], "y": [1.0, 3.0], "low": [0.5, 2.0], "high": [1.5, 4.0]}
    data = {"series": [series], "names": ["50 %", "100 %"], "x": "share", "y": "exact", "mark": 1, "marked": "recipe"}
    return Figure(
        "What <b>levers</b> bring", "levers", {"charts": [Figure(f"Chart {n}", "curves", data) for n in range(count)]}
    )


def test_a_picture_is_the_same_bytes_every_time() -> None:
    assert picture(figure(2), "png") == picture(figure(2), "png")
    assert picture(figure(2), "svg") == picture(figure(2), "svg")


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_two_charts_stand_beside_each_other(count: int) -> None:
    wide, high = struct.unpack(">II", picture(figure(count))[16:24])
    one_wide, one_high = struct.unpack(">II", picture(figure(1))[16:24])
    assert (wide > 1.5 * one_wide) == (count > 1)
    assert (high > 1.5 * one_high) == (count > 2)


def test_a_drawing_holds_every_word_and_no_markup_of_a_title() -> None:
    drawn = picture(figure(3), "svg").decode()
    assert all(text in drawn for text in ("Chart 0", "Chart 1", "Chart 2", "50 %", "recipe", "share"))
    assert "<b>" not in drawn
