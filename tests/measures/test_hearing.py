"""What the best path of a training says of its state."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.measures.hearing import Hearing, decoded_length, hearing

PATH = st.lists(st.integers(0, 2), max_size=9).map(np.array)


@settings(max_examples=100, deadline=None)
@given(path=PATH, blank=st.integers(0, 2))
def test_a_path_says_its_runs_without_blanks(path: np.ndarray, blank: int) -> None:
    said = [s for i, s in enumerate(path) if s != blank and (i == 0 or path[i - 1] != s)]
    assert decoded_length(path, blank) == len(said)


@settings(max_examples=40, deadline=None)
@given(clips=st.lists(st.tuples(PATH, st.integers(0, 4)), max_size=6), cut=st.integers(0, 6))
def test_counts_add_up(clips: list[tuple[np.ndarray, int]], cut: int) -> None:
    whole, first, second = (
        hearing([path for path, _ in part], [wanted for _, wanted in part], impossible=len(part))
        for part in (clips, clips[:cut], clips[cut:])
    )
    assert first + second == whole
    assert whole.frames == sum(len(path) for path, _ in clips)


def test_numbers_by_hand() -> None:
    paths = [np.array([0, 1, 1, 0, 1, 2]), np.array([0, 0, 0, 0]), np.array([], int), np.array([0, 0])]
    found = hearing(paths, [3, 2, 0, 0])
    assert found == Hearing(clips=4, frames=12, blanks=8, decoded=3, wanted=5, empty=1)
    assert (found.blank_share, found.length_ratio, found.empty_share) == pytest.approx((8 / 12, 3 / 5, 1 / 4))
    nothing = hearing([], [])
    assert (nothing.blank_share, nothing.length_ratio, nothing.empty_share, nothing.diagnosis()) == (0, 0, 0, None)
    with pytest.raises(Refusal, match="1 clips and 2 references"):
        hearing(paths[:1], [1, 2])


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
    told = Hearing(10, 1000, 980, decoded, 100, 0, impossible).diagnosis()
    assert told is None if words is None else words in (told or "")
