"""Laws of the best path: the collapse of the likeliest symbols, however the frames are cut."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from melisma.errors import Failure
from melisma.search import BestPath, Heard, PrefixBeam
from melisma.search.prefix_beam import EVERYTHING


def drawn(path: list[int], seed: int = 1, symbols: int = 4) -> NDArray[np.float32]:
    """Log-probabilities whose likeliest symbols are a path."""
    logits = np.random.default_rng(seed).random((len(path), symbols))
    logits[np.arange(len(path)), path] += 1
    return (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32)


def answered(frames: NDArray[np.float32], cuts: list[int]) -> Heard:
    search = BestPath(frames.shape[1])
    state = search.start()
    for begin, end in itertools.pairwise([0, *sorted(cuts), len(frames)]):
        state = search.feed(state, frames[begin:end])
    (found,) = search.finish(state)
    return found


PATHS = st.lists(st.sampled_from([0, 0, 1, 1, 2, 3]), max_size=30)


@settings(deadline=None, max_examples=80)
@given(PATHS, st.integers(0, 10**6), st.lists(st.integers(0, 30), max_size=8))
def test_repeats_and_blanks_collapse_however_the_frames_are_cut(path: list[int], seed: int, cuts: list[int]) -> None:
    frames = drawn(path, seed)
    found = answered(frames, [min(cut, len(path)) for cut in cuts])
    runs = [(symbol, [t for t, _ in run]) for symbol, run in itertools.groupby(enumerate(path), lambda at: at[1])]
    assert found.symbols == tuple(symbol for symbol, _ in runs if symbol)
    assert [(one.symbol, one.begin, one.end) for one in found.spoken] == [(s, t[0], t[-1] + 1) for s, t in runs if s]
    for one in found.spoken:
        values = frames[one.begin : one.end, one.symbol]
        assert one.peak == one.begin + int(values.argmax())
        assert one.confidence == math.exp(float(values.max()))
    assert found.score == found.log_probability == pytest.approx(frames.max(1, initial=-1e9).sum() if path else 0)
    assert found == answered(frames, [])


def test_equally_likely_symbols_are_the_lowest() -> None:
    frames = np.log(np.array([[0.5, 0.5, 0], [0.2, 0.4, 0.4]]) + 1e-30)
    assert answered(frames, []).symbols == (1,)


def test_what_is_stable_is_what_was_said() -> None:
    search, path = BestPath(4), [0, 1, 1, 0, 1, 2, 2]
    state = search.feed(search.start(), drawn(path))
    assert search.stable(state) == (1, 1, 2)
    (found,) = search.finish(search.feed(state, drawn([2, 3])))
    told = [(one.symbol, one.begin, one.end) for one in found.spoken]
    assert told == [(1, 1, 3), (1, 4, 5), (2, 5, 8), (3, 8, 9)]


def test_one_path_is_at_most_as_likely_as_all_of_its_answer() -> None:
    frames = drawn([1, 1, 0, 2], 3)
    every = {one.symbols: one.score for one in _every(frames)}
    best = answered(frames, [])
    assert best.score < every[best.symbols]


def _every(frames: NDArray[np.float32]) -> list[Heard]:
    search = PrefixBeam(4, 10**4, pruning=EVERYTHING)
    return search.finish(search.feed(search.start(), frames))


def test_frames_that_are_no_numbers_are_named() -> None:
    search, frames = BestPath(4), drawn([1, 2, 3])
    frames[2, 0] = math.nan
    with pytest.raises(Failure, match="frame 5 "):
        search.feed(search.feed(search.start(), drawn([0, 0, 0])), frames)


def test_frames_of_another_width_are_no_frames() -> None:
    with pytest.raises(ValueError, match=r"\(3, 4\), wanted \(frames, 5\)"):
        BestPath(5).feed(BestPath(5).start(), drawn([1, 2, 3]))
