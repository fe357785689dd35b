"""Where texts are cut: nothing is lost, and words, numbers, marks and scripts come apart as stated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.text.cuts import lead, stretches, words
from melisma.text.unicode import is_unspaced, normalise

texts = st.one_of(
    st.text(),
    st.text(st.sampled_from("ab é1२.,'’-  \n中カー。ａไม้हि\u200d\u200c\ufe0f👩🏽🚀🇩🇪\u0301한\u200b_")),
)


@given(texts)
def test_the_pieces_are_the_text(text: str) -> None:
    assert "".join(words(text)) == text
    assert "".join(stretches(text)) == text


@given(texts)
def test_a_space_only_begins_a_piece_and_no_piece_is_endless(text: str) -> None:
    for piece in words(normalise(text)) + stretches(normalise(text)):
        assert " " not in piece[1:]
        assert 0 < len(piece) <= 600


@given(texts)
def test_lead_adds_one_space_that_can_be_dropped(text: str) -> None:
    text = normalise(text)
    assert lead(text).removeprefix(" ") == text
    assert lead(text) in (text, " " + text)


@given(texts)
def test_no_scripts_without_spaces_carry_a_space(text: str) -> None:
    for piece in words(text) + stretches(text):
        assert not (piece[0] == " " and len(piece) > 1 and is_unspaced(piece[1]) and piece[1].isalpha())


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        (" A man, smiling.", [" A", " man", ",", " smiling", "."]),
        (" don't l’homme 'so' rock'n'roll", [" don't", " l’homme", " '", "so", "'", " rock'n'roll"]),
        (" 3.14 1,000. v1.2 2nd 1990s", [" 3.14", " 1,000", ".", " v1.2", " 2nd", " 1990s"]),
        (" (see e-mail)", [" (", "see", " e", "-", "mail", ")"]),
        ("我爱你。3个 iPhone", ["我", "爱", "你", "。", "3", "个", " iPhone"]),
        (" v.5 o'5 5'a", [" v", ".", "5", " o", "'", "5", " 5", "'", "a"]),
        (" OK 「你 」", [" OK", " ", "「", "你", " ", "」"]),
        (" OK 你好", [" OK", " ", "你", "好"]),
        ("日本語カー「ば」", ["日", "本", "語", "カ", "ー", "「", "ば", "」"]),
        (" हिन्दी भाषा", [" हिन्दी", " भाषा"]),
        (" می‌خواهم", [" می‌خواهم"]),
        ("น้ำไม", ["น้", "ำ", "ไ", "ม"]),
        (" 한국어 말", [" 한국어", " 말"]),
        (" 👩🏽‍🚀👍🏻🇩🇪🇫🇷❤️", [" 👩🏽‍🚀", "👍🏻", "🇩🇪", "🇫🇷", "❤️"]),
        (" a_b #x @y", [" a", "_", "b", " #", "x", " @", "y"]),
    ],
)
def test_words(text: str, pieces: list[str]) -> None:
    assert words(text) == pieces


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        (" don't 2019-03", [" don't", " 2", "0", "1", "9", "-", "0", "3"]),
        (" OK 「你 」", [" OK", " ", "「", "你", " ", "」"]),
        (" A4", [" A", "4"]),
        ("我爱iPhone吗？ 对", ["我爱", "iPhone", "吗", "？", " ", "对"]),
        ("น้ำไม", ["น้ำไม"]),
        (" 👩🏽‍🚀!", [" 👩🏽‍🚀", "!"]),
    ],
)
def test_stretches(text: str, pieces: list[str]) -> None:
    assert stretches(text) == pieces


@pytest.mark.parametrize("repeated", ["a", "a'", "1.", "中", "\u0301", "👩\u200d", "🇩", "' ", "é\u200d"])
def test_a_megabyte_of_anything_is_cut(repeated: str) -> None:
    text = repeated * (300_000 // len(repeated))
    assert "".join(words(text)) == text
    assert "".join(stretches(text)) == text
