"""The stated normalisation, what is shown on terminals, and which characters are what."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.text import unicode
from melisma.text.unicode import is_cjk, is_unspaced, normalise, printable

any_text = st.text(st.characters(exclude_categories=()))
marks = st.text(
    st.sampled_from("a e\u0301\u0323\u0308\u0344\u0f71\u0f72\u0f73\u0f75\u0f80\u0f81\u0338\u1100\u1161\u11a8")
)


@given(any_text)
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@given(st.text())
def test_it_is_nfc_with_single_spaces(text: str) -> None:
    assert normalise(text) == " ".join(unicodedata.normalize("NFC", text).split())


@given(any_text)
def test_what_comes_out_can_be_written_to_a_file(text: str) -> None:
    normalise(text).encode("utf-8")


@pytest.mark.parametrize(
    "space",
    [*" \t\n\r\v\f\x1c\x1f\x85\xa0\u1680\u2003\u2028\u2029\u202f\u205f\u3000", "\r\n", " \xa0 "],
)
def test_every_white_space_is_one_space_and_none_stays_outside(space: str) -> None:
    assert normalise(f"{space}a{space}b{space}") == "a b"


def test_what_is_no_white_space_stays() -> None:
    assert normalise("a\u200bb\ufeffc\x00d") == "a\u200bb\ufeffc\x00d"


def test_lone_surrogates_become_the_replacement_character() -> None:
    assert normalise("a\ud800b \udfff") == "a\ufffdb \ufffd"


def test_decomposed_text_is_composed() -> None:
    assert normalise("Mu\u0308nchen \u1100\u1161\u11a8") == "München 각"


@given(marks)
def test_ordering_marks_beforehand_changes_no_result(text: str) -> None:
    padded = text + "." * 1000
    assert unicode._ordered(padded) is not padded
    assert unicodedata.normalize("NFC", unicode._ordered(padded)) == unicodedata.normalize("NFC", padded)


def test_a_long_run_of_marks_reaches_the_library_in_order() -> None:
    ordered = unicode._ordered("a" + "\u0301\u0323\u0f73" * 1000)
    classes = [unicodedata.combining(char) for char in ordered[1:]]
    assert classes == sorted(classes)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\tc\x00\x7f\x9b", "a\\nb\\tc\\x00\\x7f\\x9b"),
        ("\u202eabc\u2066\u200f", "\\u202eabc\\u2066\\u200f"),
        ("\u2028\ud800", "\\u2028\\ud800"),
        ("plain \\ 👩‍🚀 עברית é", "plain \\ 👩‍🚀 עברית é"),
    ],
)
def test_printable_escapes_what_commands_a_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(any_text)
def test_printable_leaves_no_control(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    assert not any(
        unicodedata.category(char) == "Cc"
        or unicodedata.bidirectional(char) in {"RLO", "LRO", "RLE", "LRE", "PDF", "RLI", "LRI", "FSI", "PDI"}
        for char in shown
    )


def test_scripts_are_told_apart() -> None:
    assert all(is_cjk(char) for char in "中々〇ひカーｱㄅ𠮷豈")
    assert not any(is_cjk(char) for char in "aé1。、・한ไ가 Ａ「")
    assert all(is_unspaced(char) for char in "中カไລမខ")
    assert not any(is_unspaced(char) for char in "한aह1 ")


def test_the_ranges_hold_all_ideographs_and_kana_that_unicode_names() -> None:
    for code in [*range(0x2E80, 0x10000), *range(0x1AFF0, 0x1B170), *range(0x20000, 0x32000, 7)]:
        name = unicodedata.name(chr(code), "")
        letter = unicodedata.category(chr(code))[0] in "LN"
        if letter and name.startswith(
            (
                "CJK UNIFIED IDEOGRAPH",
                "CJK COMPATIBILITY IDEOGRAPH",
                "HIRAGANA LETTER",
                "KATAKANA LETTER",
                "HALFWIDTH KATAKANA",
                "BOPOMOFO LETTER",
            )
        ):
            assert is_cjk(chr(code)), name
        if name.startswith("HANGUL"):
            assert not is_unspaced(chr(code)), name
