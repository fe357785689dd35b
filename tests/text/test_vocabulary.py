"""The symbols: their numbers, their texts, what is shown of them, and which files are refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.text.vocabulary import END, FIRST_BYTE, FIRST_LEARNED, START, Vocabulary, most_frequent

small = Vocabulary((" Mann", "ä", "。", "</s>", "a b"))


def test_the_numbers_are_fixed() -> None:
    assert (START, END, FIRST_BYTE, FIRST_LEARNED) == (0, 1, 2, 258)
    assert Vocabulary().size == 258
    assert small.size == 263
    assert small.encode([" Mann", "x", "。"]) == [258, 2 + ord("x"), 260]
    assert small.encode(["ö"]) == [2 + 0xC3, 2 + 0xB6]


@given(st.lists(st.text()))
def test_any_pieces_are_spelled_and_read_back(pieces: list[str]) -> None:
    assert small.text(small.encode(pieces)) == "".join(pieces)


@given(st.lists(st.integers(0, small.size - 1)))
def test_any_symbols_have_a_text_and_something_to_show(ids: list[int]) -> None:
    assert isinstance(small.text(ids), str)
    assert len(small.pieces(ids)) == len(ids)
    assert all(small.pieces(ids))


def test_start_and_end_have_no_text_and_are_never_made_from_one() -> None:
    assert small.text([0, 258, 1, 259, 0]) == " Mannä"
    assert small.encode(["<s>", "</s>"]) == [2 + ord("<"), 2 + ord("s"), 2 + ord(">"), 261]
    assert small.text([261]) == "</s>"


def test_broken_bytes_become_replacement_characters() -> None:
    assert small.text([2 + 0xE4, 2 + ord("a")]) == "\ufffda"


def test_pieces_are_readable() -> None:
    assert small.pieces([0, 258, 2 + 0xE4, 2 + 32, 2 + 10, 2 + 0x1B, 2 + ord("x"), 260, 262, 1]) == [
        "<s>", "▁Mann", "<0xE4>", "▁", "\\n", "\\x1b", "x", "。", "a▁b", "</s>",
    ]  # fmt: skip


@pytest.mark.parametrize("number", [-1, 263, 10**9])
def test_a_number_that_is_no_symbol_is_an_error(number: int) -> None:
    with pytest.raises(IndexError, match=str(number)):
        small.text([5, number])
    with pytest.raises(IndexError, match=str(number)):
        small.pieces([number])


@given(st.dictionaries(st.text(max_size=2), st.integers(1, 5)), st.integers(0, 9), st.integers(1, 4))
def test_the_most_frequent(counts: dict[str, int], size: int, least: int) -> None:
    counts.pop("", None)
    kept = most_frequent(counts, size, least)
    assert len(kept) <= size
    assert all(counts[piece] >= least for piece in kept)
    assert kept == most_frequent(dict(reversed(counts.items())), size, least)
    left = [
        piece
        for piece in counts
        if piece not in kept and counts[piece] >= least and not (len(piece) == 1 and piece < "\x80")
    ]
    assert not left or (len(kept) == size and (size == 0 or max(counts[piece] for piece in left) <= counts[kept[-1]]))
    assert Vocabulary(kept).learned == kept


@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        (("ab", "ab"), "there twice"),
        (("",), "empty"),
        (("a",), "one of the bytes already"),
        (("\ud800",), "not text"),
        (("é" * 1025,), "longer than"),
    ],
)
def test_impossible_pieces_are_refused(pieces: tuple[str, ...], why: str) -> None:
    with pytest.raises(Refusal, match=why):
        Vocabulary(pieces)


def test_json_round_trip() -> None:
    assert Vocabulary.from_json(json.loads(json.dumps(small.to_json()))) == small


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (None, "null"),
        ([], "a list"),
        ({}, "the fields nothing"),
        ({"size": 258}, "wanted are exactly size, pieces"),
        ({"size": 258, "pieces": [], "more": 1}, "'more'"),
        ({"size": 258, "pieces": "ab"}, "a string where a list"),
        ({"size": 259, "pieces": [7]}, "a number at place 0"),
        ({"size": 259, "pieces": [None]}, "null at place 0"),
        ({"size": 260, "pieces": ["ab"]}, "260 symbols, but its pieces make 259"),
        ({"size": "259", "pieces": ["ab"]}, "'259' symbols"),
        ({"size": 259.0, "pieces": ["ab"]}, "259.0 symbols"),
        ({"size": 260, "pieces": ["ab", "ab"]}, "there twice"),
    ],
)
def test_damage_is_refused(data: object, why: str) -> None:
    with pytest.raises(Refusal, match=why):
        Vocabulary.from_json(data)
