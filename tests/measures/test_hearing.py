"""What the best path of a training says of its state."""

from __future__ import annotations

import pytest

from melisma.measures.hearing import Hearing


def test_where_nothing_is_wanted_nothing_is_wrong() -> None:
    nothing = Hearing(0, 0, 0, 0, 0)
    assert (nothing.blank_share, nothing.length_ratio, nothing.diagnosis()) == (0, 0, None)


@pytest.mark.parametrize(
    ("decoded", "impossible", "words"),
    [
        (0, 0, "All is blank (98.0 %"),
        (30, 0, "Only 30 %"),
        (100, 0, None),
        (180, 0, "1.8 times"),
        (0, 5, "5 of 10 clips"),
    ],
)
def test_what_is_wrong_is_said_with_what_helps(decoded: int, impossible: int, words: str | None) -> None:
    told = Hearing(10, 1000, 980, decoded, 100, impossible).diagnosis()
    assert told is None if words is None else words in (told or "")
