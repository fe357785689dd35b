"""What was asked of a search is told as it counted: no beam where answers are drawn."""

from __future__ import annotations

import pytest

from melisma.settings.asked import searched
from melisma.settings.search import SearchSettings


@pytest.mark.parametrize(
    ("search", "told"),
    [
        (SearchSettings(), "beam=5"),
        (SearchSettings(beam=1, maximum=9), "beam=1 maximum=9"),
        (SearchSettings(beam=3, length_penalty=0.0), "beam=3 length_penalty=0.0"),
        (SearchSettings(temperature=1.0), "temperature=1.0"),
        (SearchSettings(beam=3, length_penalty=0.0, coverage_penalty=1.0, temperature=0.5, seed=2),
         "temperature=0.5 seed=2"),
    ],
)  # fmt: skip
def test_what_counts_is_told_and_nothing_else(search: SearchSettings, told: str) -> None:
    assert searched(search) == told
    assert searched(search, "search.") == " ".join(f"search.{one}" for one in told.split())
