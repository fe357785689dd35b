"""What the best path of a training says of its state."""

from __future__ import annotations

import pytest

from melisma.measures.hearing import Hearing


def test_where_nothing_is_wanted_nothing_is_wrong() -> None:
    nothing = Hearing(0, 0, 0, 0)
    assert (nothing.blank_share, nothing.length_ratio, nothing.diagnosis()) == (0, 0, None)


@pytest.mark.parametrize(
    ("decoded", "words"), [(0, "All is blank (98.0 %"), (30, "Only 30 %"), (100, None), (180, "1.8 times")]
)
def test_what_is_wrong_is_said_with_what_helps(decoded: int, words: str | None) -> None:
    told = Hearing(1000, 980, decoded, 100).diagnosis()
    assert told is None if words is None else words in (told or "")
