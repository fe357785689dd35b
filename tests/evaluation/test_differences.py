"""Where an answer differs from its reference."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.evaluation.differences import LONGEST, clusters, compared, shortened
from melisma.text.unicode import normalise

TEXTS = st.text(st.sampled_from("ab c日本é\u0301\u200d"), max_size=60)


def marked(pieces: tuple[tuple[str, bool], ...]) -> str:
    return "".join(text if same else f"[{text}]" for text, same in pieces)


@given(TEXTS, TEXTS)
def test_the_pieces_are_the_texts_and_what_is_the_same_is_the_same(answer: str, reference: str) -> None:
    said, wanted = compared(answer, reference)
    assert "".join(piece.text for piece in said) == normalise(answer)
    assert "".join(piece.text for piece in wanted) == normalise(reference)
    same = ["".join(piece.text for piece in side if piece.same) for side in (said, wanted)]
    assert same[0].replace(" ", "") == same[1].replace(" ", "")
    for side in (said, wanted):
        assert all(first.same != second.same for first, second in itertools.pairwise(side))


@given(TEXTS)
def test_equal_texts_have_no_mark(text: str) -> None:
    assert all(piece.same for side in compared(text, text) for piece in side)


@pytest.mark.parametrize(
    ("answer", "reference", "said", "wanted"),
    [
        ("1988-07-07", "1988-02-07", "1988-0[7]-07", "1988-0[2]-07"),
        ("one two three four five", "one two tree four five", "one two [three] four five", "one two [tree] four five"),
        ("a b c d e f", "a b x y e f", "a b [c d] e f", "a b [x y] e f"),
        ("", "abc", "", "[abc]"),
        ("abc", "", "[abc]", ""),
        ("日本語", "日米語", "日[本]語", "日[米]語"),
        ("cafe\u0323x", "cafex", "caf[ẹ]x", "caf[e]x"),
    ],
)
def test_what_is_marked(answer: str, reference: str, said: str, wanted: str) -> None:
    found = compared(answer, reference)
    assert (marked(found.answer), marked(found.reference)) == (said, wanted)


def test_no_letter_is_parted_from_its_accents() -> None:
    assert clusters("ax\u0323\u0301b") == ["a", "x\u0323\u0301", "b"]
    assert clusters("\u0301a") == ["\u0301", "a"]
    assert clusters("") == []


def test_a_long_text_is_cut_and_says_so() -> None:
    text = shortened("word " * 1000)
    assert len(text) <= LONGEST
    assert text.endswith("…")
    assert shortened("short") == "short"
    assert len(shortened("x" + "\u0301" * 10_000)) <= LONGEST
