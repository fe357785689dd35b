"""What is cut off to validate on: whole speakers, and nothing that training then could not spell."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.files.manifest import Clip
from melisma.tasks.cut_off import cut_off
from melisma.tasks.utterances import Utterance


def said(*texts: tuple[str, str | None]) -> list[Utterance]:
    return [Utterance(Clip(f"{n}.wav", text, 0.0, None, speaker, f"{n}")) for n, (text, speaker) in enumerate(texts)]


def letters(text: str) -> frozenset[str]:
    return frozenset(text)


def spelled(some: list[Utterance]) -> frozenset[str]:
    return frozenset("".join(one.text for one in some))


TEXTS = st.lists(st.tuples(st.text("abcd", min_size=1, max_size=3), st.sampled_from("xyz")), min_size=2, max_size=20)


@given(TEXTS, st.integers(0, 5), st.booleans())
@settings(max_examples=80, deadline=None)
def test_nothing_is_validated_on_that_was_never_trained_on(
    texts: list[tuple[str, str]], seed: int, known: bool
) -> None:
    every = said(*((text, speaker if known else None) for text, speaker in texts))
    size = max(1, len(every) // 3)
    try:
        train, valid, note = cut_off(every, size, seed, letters)
    except Refusal:
        counts = [sum(letter in one.text for one in every) for letter in "abcd"]
        assert all(any(counts["abcd".index(letter)] == 1 for letter in one.text) for one in every)
        return
    assert train
    assert valid
    assert spelled(valid) <= spelled(train)
    assert not {*train} & {*valid}
    if "nobody in it" in note:
        assert not {one.speaker for one in train} & {one.speaker for one in valid}
        assert len(train) + len(valid) < len(every) or "left out" not in note
    else:
        assert len(train) + len(valid) == len(every)
        assert len(valid) <= size


def test_a_cut_that_takes_nothing_away_is_as_it_was_drawn() -> None:
    every = said(*(("ab", None) for _ in range(20)))
    train, valid, _ = cut_off(every, 4, 1, letters)
    assert [one.clip.where for one in valid] == ["4", "5", "6", "10"]  # as runs of before have it
    assert len(train) == 16


def test_a_speaker_without_whom_a_letter_is_lost_is_not_held_back() -> None:
    every = said(*(("ab", speaker) for speaker in "xyyzz"), ("abq", "x"))
    for seed in range(6):
        train, valid, note = cut_off(every, 2, seed, letters)
        assert {one.speaker for one in valid} < {"y", "z"}
        assert "left out" not in note
        assert "q" in spelled(train)


def test_where_each_speaker_has_letters_of_their_own_these_recordings_are_left_out() -> None:
    every = said(("ab", "x"), ("abp", "x"), ("ab", "y"), ("ab", "y"), ("abq", "y"), ("ab", "z"), ("abr", "z"))
    train, valid, note = cut_off(every, 2, 0, letters)
    assert len(train) + len(valid) == 6
    assert "1 recording of theirs left out, with what nobody else says" in note
    assert len({one.speaker for one in valid}) == 1


def test_nothing_can_be_cut_off_where_each_recording_is_alone() -> None:
    with pytest.raises(Refusal, match=r"data\.valid_size=0"):
        cut_off(said(("a", None), ("b", None), ("c", None)), 1, 0, letters)
