"""What a sentence quotes stays on its line, hides nothing, is short, and is itself where nothing is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.quoting import LONGEST_PATH, MOST, counted, listed, named, quoted, shown_path

ANYTHING = st.text(st.characters(categories=None), max_size=300)  # lone surrogates too: names of stray bytes


@given(ANYTHING)
def test_nothing_moves_the_cursor(text: str) -> None:
    for said in (named(text), quoted(text), shown_path(text), listed([text, text])):
        assert said.isprintable()


@given(ANYTHING.filter(str.isprintable))
def test_what_prints_stands_as_it_is(text: str) -> None:
    assert named(text) == text
    assert quoted(text, 300) == f"'{text}'"
    assert shown_path(text, 300) == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a\nb", "a\\x0ab"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\u202etxt.exe", "\\u202etxt.exe"),
        ("b\udcffd", "b\\udcffd"),
        ("\U000e0041", "\\U000e0041"),
        ("größe 漢", "größe 漢"),
    ],
)
def test_what_does_not_print_is_written_out_alone(text: str, wanted: str) -> None:
    assert named(text) == wanted
    assert quoted(text) == f"'{wanted}'"
    assert shown_path(Path(text)) == wanted


def test_a_long_text_loses_its_end_and_a_long_path_its_middle() -> None:
    assert quoted("x" * MOST) == f"'{'x' * MOST}'"
    assert quoted("x" * (MOST + 1)) == f"'{'x' * MOST}…'"
    assert shown_path("p" * LONGEST_PATH) == "p" * LONGEST_PATH
    said = shown_path("/first/" + "p" * 300 + "/last")
    assert (said[:7], said[-5:], len(said)) == ("/first/", "/last", LONGEST_PATH - 1)
    assert said.count("…") == 1
    for most in range(2, 7):
        assert len(shown_path("abcdefgh", most)) <= most


def test_of_many_some_are_listed() -> None:
    assert listed([]) == ""
    assert listed(["a", "b"]) == "'a', 'b'"
    assert listed(["a"] * 8) == ", ".join(["'a'"] * 8)
    assert listed(["a"] * 2000, 2) == "'a', 'a' and 1,998 more"


def test_a_number_has_its_noun() -> None:
    assert [counted(number, "line") for number in (0, 1, 2000)] == ["0 lines", "1 line", "2,000 lines"]
    assert counted(12_345_678, "line") == "12,345,678 lines"
    assert [counted(number, "minute") for number in (1.0, 0.25, 10.0)] == ["1 minute", "0.25 minutes", "10 minutes"]
