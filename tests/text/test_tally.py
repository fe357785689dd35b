"""Counting in bounded memory: exact while there is room; then never too much, and frequent words nearly exact."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.text import cuts, subwords
from melisma.text.recent import Recent
from melisma.text.subwords import Subwords
from melisma.text.tally import Tally
from melisma.text.unicode import normalise

WORDS = st.lists(st.text("abé", min_size=1, max_size=3), max_size=60)


@given(words=WORDS, most=st.integers(2, 50))
def test_counts_are_exact_or_too_small_and_bounded(words: list[str], most: int) -> None:
    tally, counts = Tally(most), Counter(words)
    for word in words:
        tally.add([word])
        assert len(tally.words) <= most
    if len(counts) <= most:
        assert tally.words == counts
    assert all(0 < count <= counts[word] for word, count in tally.words.items())
    assert tally.characters() == Counter(char for word in words for char in word)


def test_what_is_frequent_is_counted_exactly() -> None:
    tally = Tally(100)
    for number in range(3000):
        tally.add(["often", f"rare{number}", *(["sometimes"] if number % 5 == 0 else [])])
    assert tally.words["often"] == 3000
    assert tally.words["sometimes"] == 600
    assert len(tally.words) <= 100


@given(keys=st.lists(st.text("abc", max_size=2), max_size=60), most=st.integers(2, 20))
def test_what_is_remembered_is_what_was_put_and_bounded(keys: list[str], most: int) -> None:
    recent, held = Recent[int](most), {}
    for number, key in enumerate(keys):
        found = recent.get(key)
        assert found is None or found == held[key]
        if found is None:
            recent.put(key, number)
            held[key] = number
        assert recent.get(key) == held[key]
        assert len(recent._young) + len(recent._old) <= most


def test_what_comes_again_and_again_is_not_forgotten() -> None:
    recent = Recent[int](10)
    recent.put("often", 1)
    for number in range(100):
        recent.put(f"rare{number}", number)
        assert recent.get("often") == 1
    assert recent.get("rare0") is None


@given(
    text=st.text() | st.text(st.sampled_from("ab é1२.,'’-  \n中カー。ａไม้हि\u200d\u200c\ufe0f👩🏽🚀🇩🇪\u0301한\u200b_")),
    most=st.sampled_from([2, 1000]),
    longest=st.sampled_from([0, 3, 32]),
)
@settings(max_examples=300, deadline=None)
def test_a_text_is_cut_at_its_spaces_without_loss(text: str, most: int, longest: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subwords, "_REMEMBERED", most)
        patch.setattr(subwords, "_LONGEST_REMEMBERED", longest)
        cut = subwords._Cutter()
        wanted = cuts.stretches(cuts.lead(normalise(text)))
        assert cut(text) == wanted
        assert cut(text) == wanted


@pytest.mark.parametrize("method", ["bpe", "unigram"])
def test_symbols_do_not_depend_on_what_is_remembered(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"the cat{number % 7} saw, the dog{number % 11}; 3.{number}é" for number in range(200)]
    wanted = Subwords.learn(texts, method, 120, 1)
    monkeypatch.setattr(subwords, "_REMEMBERED", 4)
    found = Subwords.learn(texts, method, 120, 1)
    assert found == wanted
    assert found.encode(texts) == wanted.encode(texts)
    assert [found.decode(symbols) for symbols in found.encode(texts)] == texts
