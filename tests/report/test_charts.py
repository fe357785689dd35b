"""Pictures: as large as they are to be read, and never larger than memory."""

from __future__ import annotations

import struct

import pytest

from melisma.errors import Refusal
from melisma.report import charts
from melisma.task import Figure


def heat(rows: int, columns: int) -> Figure:
    names = {"rows": ["a"] * rows, "columns": ["b"] * columns}
    return Figure("t", "heat", names | {"values": [[0.5] * columns for _ in range(rows)]})


def size(picture: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


def test_a_small_map_is_drawn_fine_and_a_large_one_coarser(monkeypatch) -> None:
    fine = size(charts.draw(heat(3, 4)))
    assert fine == (int((1.6 + 0.32 * 4) * charts.DPI), int((1.4 + 0.32 * 3) * charts.DPI))
    monkeypatch.setattr(charts, "PIXELS", 50_000)
    width, height = size(charts.draw(heat(3, 4)))
    assert 45_000 < width * height <= 50_000
    assert width / height == pytest.approx(fine[0] / fine[1], rel=0.02)


def test_the_largest_map_fits_the_pixels() -> None:
    side = 1.6 + 0.32 * charts.MOST
    assert (side * charts._dpi(side, side)) ** 2 == pytest.approx(charts.PIXELS)


@pytest.mark.parametrize(("rows", "columns"), [(charts.MOST + 1, 2), (2, charts.MOST + 1)])
def test_a_map_that_nobody_can_read_is_refused(rows: int, columns: int) -> None:
    with pytest.raises(Refusal, match="301 rows or columns; at most 300"):
        charts.draw(heat(rows, columns))
