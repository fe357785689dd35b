"""Sound-alikes: in a fixed order, never the word itself, near by sound."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.text.alike import alike, distance
from melisma.text.english import COMMON

WORDS = st.text("abcdefghijklmnopqrstuvwxyz éü", min_size=1, max_size=12).filter(lambda text: bool(text.strip()))


def test_a_word_of_several_syllables_has_sound_alikes_of_every_kind() -> None:
    found = alike("computer", 12)
    assert len(found) == 12
    assert {"commuter", "compute"} <= set(found[:4])  # near words
    assert {"compu", "puter"} <= set(found)  # parts
    assert {"compula", "laputer"} <= set(found)  # another end, another beginning
    assert [one.casefold() for one in alike("Computer", 12)] == list(found)
    assert alike("computer", 5) == found[:5]


def test_a_phrase_is_taken_apart_and_turned_round() -> None:
    assert {"hey", "savant", "savant hey"} <= set(alike("hey savant", 20))
    assert set(alike("你好 小美", 9)) == {"你好", "小美", "小美 你好"}


def test_others_are_left_out_and_so_is_what_holds_the_word() -> None:
    assert "commuter" not in alike("computer", 12, ["Commuter"])
    assert all("art" not in one for one in alike("art", 30))
    assert all(len(one) > 1 for one in alike("cat", 40))  # nobody says a t alone


def test_distance_counts_sounds_not_letters() -> None:
    assert distance("computer", "komputer") < distance("computer", "comsuter")
    assert distance("bear", "pear") < distance("bear", "year")
    assert distance("phone", "fone") == 0 == distance("butter", "buter")
    assert distance("alexa", "aleksa") == 0
    assert distance("", "") == 0
    assert distance("abc", "") == 1


def test_common_words_are_there_once() -> None:
    assert len(set(COMMON)) == len(COMMON)
    assert all(word.isalpha() for word in COMMON)


@given(WORDS, st.integers(0, 40))
@settings(max_examples=6, deadline=None)
def test_laws(word: str, count: int) -> None:
    found = alike(word, count)
    assert len(found) <= count
    plain = [one.casefold() for one in found]
    assert len(set(plain)) == len(plain)
    assert " ".join(word.split()) not in plain
    assert all(one.strip() == one and one for one in found)


@given(WORDS, WORDS)
def test_distance_is_symmetric_and_nought_for_the_same(one: str, two: str) -> None:
    assert 0 <= distance(one, two) <= 2
    assert abs(distance(one, two) - distance(two, one)) < 1e-9
    assert distance(one, one) == 0
