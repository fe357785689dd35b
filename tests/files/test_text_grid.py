"""TextGrids: what was written is read back as Praat's documentation has it."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.files.text_grid import Interval, text_grid

PLACE = r"xmin = ([0-9.]+) \n\s*xmax = ([0-9.]+) \n\s*"


def read_back(grid: str) -> tuple[float, dict[str, list[Interval]]]:
    """The length and the tiers of a TextGrid in the long format, every count checked."""
    assert grid.startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0 \n')
    head = re.search(r"\nxmax = ([0-9.]+) \ntiers\? <exists> \nsize = (\d+) \nitem \[\]: \n", grid)
    assert head is not None
    tiers = {}
    for part in re.split(r"    item \[\d+\]:\n", grid)[1:]:
        opened = re.match(
            rf'        class = "IntervalTier" \n        name = "(.*)" \n        {PLACE}intervals: size = (\d+) \n', part
        )
        assert opened is not None
        assert (opened[2], opened[3]) == ("0", head[1])
        found = re.findall(rf'        intervals \[\d+\]:\n            {PLACE}text = "((?:[^"]|"")*)" \n', part)
        assert len(found) == int(opened[4]) == part.count("intervals [")
        tiers[opened[1]] = [Interval(float(a), float(b), text.replace('""', '"')) for a, b, text in found]
    assert len(tiers) == int(head[2])
    return float(head[1]), tiers


def test_what_lies_between_is_filled() -> None:
    words = [Interval(0.25, 0.5, 'say "ah"'), Interval(0.5, 0.75, "é")]
    seconds, tiers = read_back(text_grid(1.0, {"words": words, "symbols": []}))
    assert seconds == 1.0
    assert tiers["words"] == [Interval(0, 0.25, ""), *words, Interval(0.75, 1.0, "")]
    assert tiers["symbols"] == [Interval(0, 1.0, "")]


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=12, unique=True), st.text(max_size=20))
def test_every_tier_is_full_and_every_text_is_read_back(edges: list[int], text: str) -> None:
    edges = sorted(edges)[: len(edges) // 2 * 2]
    said = [Interval(a / 1000, b / 1000, text) for a, b in zip(edges[::2], edges[1::2])]
    _, tiers = read_back(text_grid(10.0, {"words": said}))
    found = tiers["words"]
    assert (found[0].begin, found[-1].end) == (0, 10)
    assert all(one.end == other.begin for one, other in itertools.pairwise(found))
    assert all(one.begin < one.end for one in found)
    plain = " ".join(text.split())
    assert [Interval(one.begin, one.end, plain) for one in said] == [
        one for one in found if (one.begin, one.end) in {(said_.begin, said_.end) for said_ in said}
    ]


@pytest.mark.parametrize(
    "said", [[Interval(0.5, 0.5, "a")], [Interval(0, 0.6, "a"), Interval(0.5, 1, "b")], [Interval(0.5, 2, "a")]]
)
def test_intervals_that_no_tier_can_hold_are_no_grid(said: list[Interval]) -> None:
    with pytest.raises(ValueError, match="interval"):
        text_grid(1.0, {"words": said})
