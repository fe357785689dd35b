"""Characters that have no business in a text: each is found, nothing lawful is, and cleaning takes away what it says."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.checks.encoding import KINDS, clean, garbled, strange

CLEANED = {"control characters", "zero-width characters", "line separators", "no-break spaces", "not NFC"}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Ein \ufffd Mann", {"lost characters"}),
        ("grÃ¼n", {"mojibake"}),
        ("It’s".encode().decode("cp1252"), {"mojibake"}),
        ("Ã–sterreich", {"mojibake"}),
        ("Привет".encode().decode("latin-1"), {"mojibake", "control characters"}),
        ("red \x1b[31m", {"control characters"}),
        ("auf\u00adgeben", {"zero-width characters"}),
        ("a\u200bb", {"zero-width characters"}),
        ("2\u00a0km", {"no-break spaces"}),
        ("20\u202f%", {"no-break spaces"}),
        ("a\u2028b", {"line separators"}),
        ("fu\u0308nf", {"not NFC"}),
        ("Tom &amp; Ann", {"markup"}),
        ("<b>fat</b>", {"markup"}),
    ],
)
def test_each_fault_is_found(text: str, names: set[str]) -> None:
    assert set(strange(text)) == names
    assert names <= set(KINDS)


@pytest.mark.parametrize(
    "text",
    [
        "plain", "a < b & c > d", "fünf Männer", "le CAFÉ” dit-il", "MANHÃ” disse", "São Paulo – já", "«Ça va?»",
        "Это русский текст", "這是中文。", "ภาษา\u200bไทย", "می\u200cخواهم", "Đây là tiếng Việt", "Ærø, Łódź, Ðað",
        "tab\there", "emoji 👩\u200d🚀",
    ],
)  # fmt: skip
def test_nothing_lawful_is_found(text: str) -> None:
    assert strange(text) == {}


@settings(deadline=None)
@given(st.text(st.sampled_from("äöüßéèñçåøÄÖÜ"), min_size=1), st.sampled_from(["cp1252", "latin-1"]))
def test_text_that_was_read_wrongly_is_known_by_its_bytes(text: str, wrong: str) -> None:
    word = f"a{text}a"
    try:
        read = word.encode().decode(wrong)
    except UnicodeDecodeError:
        return
    assert garbled(read) == 1
    assert garbled(word) is None


@settings(deadline=None)
@given(st.text())
def test_what_can_be_cleaned_is_gone_and_cleaning_again_changes_nothing(text: str) -> None:
    cleaned = clean(text)
    assert not set(strange(cleaned)) & CLEANED
    assert clean(cleaned) == cleaned == cleaned.strip()


@settings(deadline=None)
@given(st.text(st.characters(categories=("L", "N", "P"))))
def test_cleaning_leaves_letters_alone(text: str) -> None:
    assert clean(text) == unicodedata.normalize("NFC", text)


def test_a_fault_is_shown_where_it_stands() -> None:
    assert strange("abc\u00a0d\ufffd") == {"no-break spaces": 3, "lost characters": 5}
