"""Cutting: nothing is shared between the sides, nothing is lost, and the order of the file decides nothing."""

from __future__ import annotations

import random
import unicodedata
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.files.columns import Pair
from melisma.files.lines import Place
from melisma.files.split import Overlap, cut, fold, overlap

WORDS = st.sampled_from(["Straße", "STRASSE", "strasse ", "café", "cafe\u0301", "a  b", "A b", "x", "y", "z", "q", "r"])
Texts = list[tuple[str, str]]


def pairs_of(texts: Texts) -> list[Pair]:
    return [Pair(source, target, Place("a", line)) for line, (source, target) in enumerate(texts, 1)]


def contents(pairs: list[Pair]) -> Counter[tuple[str, str]]:
    return Counter((pair.source, pair.target) for pair in pairs)


def reachable(texts: Texts, start: int) -> set[int]:
    """All pairs that hang together with one, by widening until nothing is added."""
    group = {start}
    while True:
        sources = {fold(texts[n][0]) for n in group}
        targets = {fold(texts[n][1]) for n in group}
        wider = {n for n, (a, b) in enumerate(texts) if fold(a) in sources or fold(b) in targets}
        if wider == group:
            return group
        group = wider


@given(texts=st.lists(st.tuples(WORDS, WORDS), min_size=2, max_size=14), seed=st.integers(0, 99), data=st.data())
@settings(max_examples=60, deadline=None)
def test_the_sides_share_nothing_and_groups_stay_whole(texts: Texts, seed: int, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(texts) - 1))
    pairs = pairs_of(texts)
    try:
        train, valid = cut(pairs, size=size, seed=seed)
    except Refusal:
        small = [index for index in range(len(texts)) if 2 * len(reachable(texts, index)) <= size]
        assert 2 * len(small) < size
        return
    assert sorted(train + valid, key=lambda pair: pair.place.line) == pairs
    assert [pair.place.line for pair in train] == sorted(pair.place.line for pair in train)
    assert size / 2 <= len(valid) <= size
    assert overlap(train, valid) == Overlap(sources=0, targets=0, pairs=0, held_out=len(valid))
    held = {pair.place.line - 1 for pair in valid}
    assert all(reachable(texts, index) <= held for index in held)


@given(texts=st.lists(st.tuples(WORDS, WORDS), min_size=2, max_size=10), seed=st.integers(0, 99), shuffle=st.randoms())
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_file_decides_nothing(texts: Texts, seed: int, shuffle: random.Random) -> None:
    other = list(texts)
    shuffle.shuffle(other)
    size = shuffle.randint(1, len(texts) - 1)
    try:
        _, valid = cut(pairs_of(texts), size=size, seed=seed)
    except Refusal:
        with pytest.raises(Refusal):
            cut(pairs_of(other), size=size, seed=seed)
        return
    assert contents(cut(pairs_of(other), size=size, seed=seed)[1]) == contents(valid)


def distinct(number: int) -> list[Pair]:
    return pairs_of([(f"source {n}", f"target {n}") for n in range(number)])


def test_distinct_pairs_are_cut_to_the_very_size_wanted_and_the_seed_decides_which() -> None:
    pairs = distinct(1000)
    train, valid = cut(pairs, size=100, seed=1)
    assert (len(train), len(valid)) == (900, 100)
    assert cut(pairs, size=100, seed=1) == (train, valid)
    assert cut(pairs, share=0.1, seed=1) == (train, valid)
    shared = set(valid) & set(cut(pairs, size=100, seed=2)[1])
    assert len(shared) < 40  # ten by chance
    lines = [pair.place.line for pair in valid]
    assert min(lines) < 100 < 900 < max(lines)


def test_a_large_group_stays_in_training() -> None:
    pairs = pairs_of([(f"s{n}", "yes" if n < 50 else f"t{n}") for n in range(100)])
    for seed in range(20):
        _, valid = cut(pairs, size=20, seed=seed)
        assert len(valid) == 20
        assert all(pair.target != "yes" for pair in valid)


def test_pairs_that_all_hang_together_cannot_be_cut() -> None:
    pairs = pairs_of([(f"s{n}", "yes") for n in range(10)])
    with pytest.raises(Refusal, match=r"only 0 of the 3 pairs wanted .* out of 10.*data\.valid="):
        cut(pairs, size=3, seed=0)


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({}, "one of the two"),
        ({"size": 1, "share": 0.1}, "one of the two"),
        ({"size": 0}, "1 to 9"),
        ({"size": 10}, "10 pairs cannot be held out of 10"),
        ({"size": -1}, "1 to 9"),
        ({"share": 0.0}, "between 0 and 1"),
        ({"share": 1.0}, "between 0 and 1"),
        ({"share": float("nan")}, "between 0 and 1"),
    ],
)
def test_impossible_sizes_are_refused(wish: dict[str, float], words: str) -> None:
    with pytest.raises(Refusal, match=words):
        cut(distinct(10), seed=0, **wish)  # type: ignore[arg-type]


def test_overlap_counts_each_kind() -> None:
    train = pairs_of([("One", "eins"), ("two", "zwei"), ("three", "drei")])
    valid = pairs_of([("one ", "EINS"), ("two", "drei"), ("four", "drei"), ("five", "fünf")])
    found = overlap(train, valid)
    assert found == Overlap(sources=2, targets=3, pairs=1, held_out=4)
    assert found.warning() is not None
    assert "2 of 4 held-out sources (50.0 %)" in str(found.warning())
    assert "1 with the same target (25.0 %)" in str(found.warning())
    assert overlap(train, train).pairs == 3
    assert "3 of 3 held-out sources (100 %)" in str(overlap(train, train).warning())
    assert overlap(train, valid[3:]).warning() is None
    assert overlap(train, valid[2:3]).warning() is None


def test_folding_joins_what_readers_would_call_the_same() -> None:
    same = ["  Straße  und\tCAFÉ ", "STRASSE und cafe\u0301", "strasse\u3000und café"]
    assert len({fold(text) for text in same}) == 1
    assert fold("ΌΣΟΣ") == fold("όσος") == fold("όσοσ")
    assert fold("a b") != fold("ab")


@given(st.text(max_size=12))
@example("\u0391\u0345\u0301")
@example("\u1fb3\u0301 \u0345\u0301a")
@settings(max_examples=60, deadline=None)
def test_folding_again_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold(unicodedata.normalize("NFD", text)) == fold(text)
