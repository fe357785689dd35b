"""Cutting in bounded memory is cutting with everything in memory: the same pairs, whatever is looked at together."""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.files import groups, scratch
from melisma.files.columns import Pair
from melisma.files.groups import Groups
from melisma.files.lines import Place
from melisma.files.split import cut, fold
from melisma.files.stored import StoredPairs

WORDS = st.sampled_from([*"abcdefgh", "A", "B", "Straße", "STRASSE"])


def plainly(pairs: list[Pair], wanted: int, seed: int) -> set[int]:
    """The places that are held out, by widening groups and sorting all of them."""
    keys = [(fold(pair.source), fold(pair.target)) for pair in pairs]
    left, found = set(range(len(pairs))), []
    while left:
        group = {left.pop()}
        while more := {n for n in left if any(keys[n][0] == keys[m][0] or keys[n][1] == keys[m][1] for m in group)}:
            group |= more
            left -= more
        found.append(sorted(group))

    def lot(group: list[int]) -> bytes:
        text = f"{seed}\0" + "\0".join(min(keys[n] for n in group))
        return hashlib.blake2b(text.encode(), digest_size=16).digest()

    held: set[int] = set()
    for group in sorted(found, key=lot):
        if len(held) + len(group) <= wanted:
            held.update(group)
    return held


@given(
    texts=st.lists(st.tuples(WORDS, WORDS), min_size=2, max_size=24),
    seed=st.integers(0, 99),
    at_once=st.sampled_from([1, 3, 1 << 18]),
    data=st.data(),
)
@settings(max_examples=150, deadline=None)
def test_a_cut_is_that_of_everything_in_memory(
    texts: list[tuple[str, str]], seed: int, at_once: int, data: st.DataObject
) -> None:
    pairs = [Pair(source, target, Place("a", line)) for line, (source, target) in enumerate(texts, 1)]
    size = data.draw(st.integers(1, len(texts) - 1))
    held = plainly(pairs, size, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "AT_ONCE", at_once)
        patch.setattr(groups, "FIRST", data.draw(st.sampled_from([1, 1024])))
        patch.setattr(scratch, "HELD", at_once)
        for given_pairs in (pairs, StoredPairs(pairs)):
            if 2 * len(held) < size:
                with pytest.raises(Refusal, match=f"only {len(held)} of the {size} pairs?"):
                    cut(given_pairs, size=size, seed=seed)
                continue
            train, valid = cut(given_pairs, size=size, seed=seed)
            assert valid == [pairs[place] for place in sorted(held)]
            assert list(train) == [pair for place, pair in enumerate(pairs) if place not in held]


def test_equal_lots_and_further_rounds_lose_no_group_and_give_none_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "FIRST", 1)
    monkeypatch.setattr(groups, "AT_ONCE", 4)
    for seed in range(20):
        chance, made = random.Random(seed), Groups()
        sides = [(chance.randrange(40), chance.randrange(40)) for _ in range(60)]
        for left, right in sides:
            made.add(left.to_bytes(8, "big"), right.to_bytes(8, "big"), chance.randrange(3).to_bytes(8, "big"))
        found = list(made.drawn(sides.__getitem__, 0))
        assert found == []
        found = list(made.drawn(sides.__getitem__, 60))
        assert sorted(place for group in found for place in group) == list(range(60))


def test_nothing_makes_no_groups() -> None:
    assert list(Groups().drawn(lambda place: place, 5)) == []
