"""Scripts: a stranger is found where there is a usual one, and only there."""

from __future__ import annotations

import pytest
from checks.drill import seen

from melisma.checks.scripts import SIMPLIFIED, TRADITIONAL, Scripts, chinese, main_script, mixed_word
from melisma.checks.sides import Sides
from melisma.checks.swapped import Swapped, likeness

ENGLISH = [(f"This is line {number} of the text", f"Dies ist Zeile {number} des Textes ßäöü") for number in range(100)]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("A man, 25", "LATIN"), ("Мужчина идёт", "CYRILLIC"), ("這是中文", "HAN"), ("これは日本語の文です", "KANA"), ("한국어", "HANGUL"),
        ("Ελληνικά", "GREEK"), ("עברית", "HEBREW"), ("هذا نص", "ARABIC"), ("हिन्दी में", "DEVANAGARI"), ("ภาษาไทย", "THAI"),
        ("12.5 – 3", ""), ("ok", ""), ("", ""), ("Язык Python и IBM для всех", "CYRILLIC"),
    ],
)  # fmt: skip
def test_the_main_script_of_a_text(text: str, script: str) -> None:
    assert main_script(text) == script


@pytest.mark.parametrize(
    ("text", "mixed"),
    [("A mаn", True), ("Сat food", True), ("Язык Python", False), ("α-particle", False), ("naïve Ærø", False)],
)
def test_letters_of_two_scripts_in_one_word(text: str, mixed: bool) -> None:
    assert mixed_word(text) is mixed


def test_a_line_in_another_script_is_found() -> None:
    findings = seen(Scripts(), train=[*ENGLISH, ("Мужчина идёт по улице", "Ein Mann geht")])
    assert (findings["another script"].count, findings["another script"].of) == (1, 101)
    assert "Cyrillic" in findings["another script"].sentence
    assert seen(Scripts(), train=ENGLISH) == {}


def test_where_no_script_is_usual_none_is_strange() -> None:
    assert seen(Scripts(), train=[("Мужчина идёт", "a man walks"), ("a man walks", "a man walks")] * 20) == {}


def test_kana_and_han_belong_together() -> None:
    lines = [("これは日本語の文です", "a")] * 19 + [("日本国憲法", "a")]
    assert "another script" not in seen(Scripts(), train=lines)
    assert seen(Scripts(), train=[*lines, ("한국어입니다", "a")])["another script"].count == 1


def test_wide_forms_are_a_warning_among_latin_and_a_note_among_han() -> None:
    assert seen(Scripts(), train=[*ENGLISH, ("Ａ ｍａｎ", "Ein Mann")])["full-width forms"].severity == "warning"
    chinese_lines = [("这是中文，对。", "a")] * 9
    assert "full-width forms" not in seen(Scripts(), train=chinese_lines)
    assert seen(Scripts(), train=[*chinese_lines, ("这是Ａ", "a")])["full-width forms"].severity == "note"


def test_two_ways_of_writing_chinese() -> None:
    assert len(SIMPLIFIED) == len(TRADITIONAL)
    assert not SIMPLIFIED & TRADITIONAL
    assert [chinese(text) for text in ("这说时", "這說時", "这說", "人口")] == ["simplified", "traditional", "both", ""]
    lines = [("这是我们的国家", "a")] * 9
    assert seen(Scripts(), train=lines) == {}
    assert seen(Scripts(), train=[*lines, ("這是我們的國家", "a")])["two ways of writing Chinese"].count == 1


def test_exchanged_sides_are_an_error_and_straight_ones_are_none() -> None:
    train = [*ENGLISH, ("a man and the woman walk in the street", "ein Mann und die Frau gehen in der Straße")]
    valid = [
        ("this is the other line of text", "dies ist die andere Zeile des Textes"),
        ("a man walks", "ein Mann geht"),
    ]
    assert seen(Swapped(), train=train, valid=valid) == {}
    finding = seen(Swapped(), train=train, valid=[(target, source) for source, target in valid])["swapped sides"]
    assert finding.severity == "error"
    assert "data.valid=valid.de,valid.en" in finding.advice
    assert seen(Swapped(), valid=[]) == {}


def test_likeness_is_one_for_the_same_and_nothing_for_strangers() -> None:
    from collections import Counter

    assert likeness(Counter("abca"), Counter("abca")) == pytest.approx(1)
    assert likeness(Counter("abc"), Counter("xyz")) == 0
    assert likeness(Counter(), Counter("a")) == 0


def test_blank_outer_and_same_sides() -> None:
    pairs = [
        ("a man", "ein Mann"),
        ("", "b"),
        ("a", " \u200b"),
        ("", ""),
        (" x", "y"),
        ("same", "same"),
        ("2001", "2001"),
    ]
    check = Sides()
    findings = list(_all(check, pairs))
    blank = {(finding.severity, finding.sentence[:60]) for finding in findings if finding.name == "blank sides"}
    assert {severity for severity, _ in blank} == {"warning", "note"}
    assert len(blank) == 3
    (outer,) = (finding for finding in findings if finding.name == "outer blanks")
    (same,) = (finding for finding in findings if finding.name == "same sides")
    assert (outer.count, same.count, same.of) == (1, 1, 4)
    assert check.copies("train") == 0.25
    assert {finding.severity for finding in findings if finding.name == "little data"} == {"warning"}


def _all(check: Sides, pairs: list[tuple[str, str]]) -> object:
    seen(check, train=pairs)
    return [draft.finding for draft in check.drafts()]


def test_no_pair_at_all_is_an_error() -> None:
    assert seen(Sides(), train=[("", "")])["no pairs"].severity == "error"
    assert seen(Sides(), train=ENGLISH * 20, valid=[("", "")])["little validation"].severity == "error"
    assert seen(Sides(), train=ENGLISH * 20, valid=ENGLISH) == {}
