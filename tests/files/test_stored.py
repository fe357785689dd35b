"""Pairs that lie in a scratch file are the pairs that were given, one by one and all in turn."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.files import scratch, stored
from melisma.files.columns import Pair
from melisma.files.lines import Place
from melisma.files.stored import StoredPairs, Without

TEXT = st.text(st.sampled_from("ab é字😀\n\ud800\0"), max_size=12)
PAIRS = st.lists(
    st.builds(Pair, TEXT, TEXT, st.builds(Place, st.sampled_from(["a.en", "b.tsv"]), st.integers(1, 2**40))), max_size=9
)


@given(pairs=PAIRS, held=st.sampled_from([1, 30, 10_000]), block=st.sampled_from([1, 21, 1 << 20]))
@settings(max_examples=80, deadline=None)
def test_stored_pairs_are_the_pairs(pairs: list[Pair], held: int, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scratch, "HELD", held)
        patch.setattr(scratch, "BLOCK", held)
        patch.setattr(stored, "BLOCK", block)
        found = StoredPairs(pairs[:2])
        found.extend(pairs[2:])
        assert len(found) == len(pairs)
        assert list(found) == list(found) == pairs
        assert [found[place] for place in range(-len(pairs), len(pairs))] == pairs * 2
        assert found[1:-1] == pairs[1:-1]
        assert found[::-2] == pairs[::-2]
        for place in (len(pairs), -len(pairs) - 1):
            with pytest.raises(IndexError):
                found[place]


@given(count=st.integers(0, 12), data=st.data())
def test_without_is_the_sequence_less_some(count: int, data: st.DataObject) -> None:
    pairs = [Pair(str(number), "", Place("a", number)) for number in range(count)]
    places = sorted(data.draw(st.sets(st.integers(0, count - 1)))) if count else []
    left = [pair for place, pair in enumerate(pairs) if place not in places]
    found = Without(pairs, places)
    assert len(found) == len(left)
    assert list(found) == left
    assert [found[place] for place in range(-len(left), len(left))] == left * 2
    assert found[::2] == left[::2]
    with pytest.raises(IndexError):
        found[len(left)]
