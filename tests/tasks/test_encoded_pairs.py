"""Encoded pairs that lie in a scratch file are the pairs that were added, and are prepared as they were in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.files import scratch
from melisma.files.columns import Pair
from melisma.files.lines import Place
from melisma.settings.text import TextSettings
from melisma.settings.translate import DataSettings, TranslateSettings
from melisma.tasks import translate
from melisma.tasks.encoded import EncodedPairs
from melisma.tasks.pairs import PairCodec

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


@given(
    pairs=st.lists(st.tuples(*[st.lists(st.integers(0, 65_535), max_size=7)] * 2), max_size=8),
    vocabulary=st.sampled_from([65_536, 65_537]),
    longest=st.sampled_from([65_535, 65_536]),
    held=st.sampled_from([1, 40, 10_000]),
)
@settings(max_examples=80, deadline=None)
def test_encoded_pairs_are_what_was_added(
    pairs: list[tuple[list[int], list[int]]], vocabulary: int, longest: int, held: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scratch, "HELD", held)
        patch.setattr(scratch, "BLOCK", held)
        found = EncodedPairs(vocabulary, longest)
        pairs = [*pairs, ([vocabulary - 1], [])]
        costs = [(longest, number) for number in range(len(pairs))]
        for pair, cost in zip(pairs, costs):
            found.add(pair, cost)
        assert len(found) == len(pairs)
        assert list(found) == pairs
        assert [found[place] for place in range(-len(pairs), len(pairs))] == pairs * 2
        assert found[::-1] == pairs[::-1]
        assert [tuple(row) for row in found.lengths.tolist()] == costs
        with pytest.raises(IndexError):
            found[len(pairs)]


def corpus(count: int) -> list[Pair]:
    lines = [" ".join(WORDS[number % 10 :][: 1 + number % 7]) for number in range(count)]
    return [Pair(line, line[::-1], Place("a", number)) for number, line in enumerate(lines, 1)]


def test_pairs_are_prepared_as_all_at_once_and_the_longest_are_left_out() -> None:
    pairs = corpus(2500)
    lengths = sorted({len(pair.source) for pair in pairs})
    data = DataSettings(limit_source=lengths[-9], limit_target=lengths[-5])
    wanted = replace(TranslateSettings(data=data), text=TextSettings(unit="characters"))
    codec = PairCodec.learn(pairs, wanted)
    all_pairs = codec.symbols(pairs)
    kept = [pair for pair in all_pairs if len(pair[0]) - 1 <= lengths[-9] and len(pair[1]) <= lengths[-5]]
    assert 0 < len(kept) < len(pairs)
    found = translate.prepare(codec, pairs, wanted)
    assert list(found.encoded) == kept
    costs = [(max(len(target) + 1, len(source) // 4), len(source)) for source, target in kept]
    assert [tuple(row) for row in list(found.lengths)] == costs
    assert any(f"{2500 - len(kept):,} of 2,500 pairs are left out" in note for note in found.notes)
    with pytest.raises(Refusal, match="all 2,500 pairs are longer than"):
        translate.prepare(codec, pairs, replace(wanted, data=replace(data, limit_source=1, limit_target=1)))
