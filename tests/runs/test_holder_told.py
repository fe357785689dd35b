"""Who has a run, as a person reads it: a clock's time, and the day where it is not today."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from melisma.runs.holder import told

NOON = datetime.now().astimezone().replace(hour=12, minute=5, second=9, microsecond=0)


def words(folder: Path, text: str) -> str:
    path = folder / "lock"
    path.write_text(text, encoding="utf-8")
    file = os.open(path, os.O_RDONLY)
    try:
        return told(file)
    finally:
        os.close(file)


def test_today_needs_no_date_and_another_day_has_one(tmp_path: Path) -> None:
    assert words(tmp_path, f"7 {NOON.isoformat(sep=' ')}\n") == "process 7, since 12:05"
    far = NOON.astimezone(timezone(timedelta(hours=9)))
    assert words(tmp_path, f"7 {far.isoformat(sep=' ')}\n") == "process 7, since 12:05", "as clocks here show it"
    before = NOON - timedelta(days=3)
    assert words(tmp_path, f"7 {before.isoformat(sep=' ')}\n") == f"process 7, since 12:05 on {before:%Y-%m-%d}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("7 noon", "process 7, since noon"),
        ("seven noon", "another process"),
        ("7 a\x1b", "another process"),
        ("", "another process"),
    ],
)
def test_what_is_no_time_stays_as_it_is_and_what_is_no_holder_is_not_told(tmp_path: Path, text: str, said: str) -> None:
    assert words(tmp_path, text) == said
