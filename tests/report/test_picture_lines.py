"""Text in pictures: all of it visible, none of it reordered, in lines that fit."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.report.lines import isolated, label, visible, wrapped

WORDS = st.text("ab é\u0301日 ", max_size=60).map(lambda text: " ".join(text.split()))


@pytest.mark.parametrize(
    ("token", "shown"),
    [
        ("▁", "␣"),
        (" ", "␣"),
        ("▁Haus", "␣Haus"),
        ("\n", r"\n"),
        ("\u202e", r"\u202e"),
        ("\u200b", r"\u200b"),
        ("\U000e0001", r"\U000e0001"),
        ("\uffff", r"\uffff"),
        ("\u0301", "◌\u0301"),
        ("ि", "◌ि"),
        ("ب", "\u2068ب\u2069"),
        ("a" * 24, "a" * 24),
        ("a" * 25, "a" * 23 + "…"),
        ("a" * 22 + "e\u0301" * 9, "a" * 22 + "…"),
    ],
)
def test_a_name_shows_what_it_is(token: str, shown: str) -> None:
    assert label(token) == shown


@given(st.text(st.characters(exclude_categories=())))
def test_nothing_visible_commands_or_breaks_xml(text: str) -> None:
    shown = visible(text)
    assert not [char for char in shown if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")]
    assert not set(shown) & set("\u2066\u2067\u2068\u2069\u202a\u202b\u202d\u202e\ufffe\uffff\u200e")


@pytest.mark.parametrize(
    ("text", "alone"), [("1969", False), ("abc", False), ("27 يوليو", True), ("שבת", True), ("٢٧", True)]
)
def test_only_what_runs_from_right_to_left_is_isolated(text: str, alone: bool) -> None:
    assert isolated(text) == (f"\u2068{text}\u2069" if alone else text)


@given(WORDS, st.integers(4, 30))
def test_lines_hold_all_of_the_text_and_fit(text: str, room: int) -> None:
    lines = wrapped(text, room, len, most=1000)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(len(line) <= room for line in lines)


@given(WORDS, st.integers(4, 30), st.integers(1, 3))
def test_what_is_cut_says_so(text: str, room: int, most: int) -> None:
    lines = wrapped(text, room, len, most)
    assert len(lines) <= most
    assert all(len(line) <= room for line in lines)
    whole = "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert whole or lines[-1].endswith("…")
    assert whole == (len(wrapped(text, room, len, 1000)) <= most)


def test_lines_end_between_words_and_no_letter_loses_its_accent() -> None:
    assert wrapped("one two three", 9, len) == ["one two", "three"]
    assert wrapped("one two three", 9, len, 1) == ["one two…"]
    assert wrapped("日本語日本語", 4, len) == ["日本語日", "本語"]
    assert wrapped("abe\u0301cd", 3, len) == ["ab", "e\u0301…"]
