"""Batches of pairs: what the decoder hears is what was said before, never what it is to say."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from melisma.tasks.pairs import batched
from melisma.text.vocabulary import END, START

SYMBOLS = st.lists(st.integers(2, 300), max_size=6)
PAIRS = st.lists(st.tuples(SYMBOLS.map(lambda symbols: [*symbols, END]), SYMBOLS), min_size=1, max_size=5)


@given(PAIRS)
def test_each_symbol_is_wanted_after_those_before_it_were_heard(pairs: list[tuple[list[int], list[int]]]) -> None:
    batch = batched(pairs)
    heard = [sequence.tolist() for sequence in batch.heard.sequences()]
    wanted = [sequence.tolist() for sequence in batch.heard.with_rows(batch.wanted).sequences()]
    assert heard == [[START, *target] for _, target in pairs]
    assert wanted == [[*target, END] for _, target in pairs]
    assert [sequence.tolist() for sequence in batch.source.sequences()] == [source for source, _ in pairs]
    assert batch.counts == {"symbols": sum(len(target) + 1 for _, target in pairs)}


@given(PAIRS, st.integers(1, 3))
def test_the_parts_of_a_batch_are_its_pairs(pairs: list[tuple[list[int], list[int]]], parts: int) -> None:
    batch = batched(pairs)
    for index in range(min(parts, len(pairs))):
        part, alone = batch.part(index, parts), batched(pairs[index::parts])
        for one, other in ((part.source, alone.source), (part.heard, alone.heard)):
            assert [s.tolist() for s in one.sequences()] == [s.tolist() for s in other.sequences()]
        assert torch.equal(part.wanted, alone.wanted)
        assert part.counts == alone.counts
