"""Laws of prefix beam search: it is the sum over all paths, however the frames are cut, and its plain form's equal."""

from __future__ import annotations

import gc
import itertools
import math
import weakref
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from melisma.errors import Failure, Refusal
from melisma.search import Heard, HotWords, PrefixBeam, Pruning, Weighted
from melisma.search.language import Together
from melisma.search.prefix_beam import EVERYTHING, PLAIN

Frames = NDArray[np.float32]
Prefixes = dict[tuple[int, ...], tuple[float, float]]


def drawn(seed: int, count: int, symbols: int, peak: float = 2.0) -> Frames:
    """Log-probabilities in which one symbol a frame stands out by ``peak``, often the blank or the one before."""
    random = np.random.default_rng(seed)
    path = random.choice([0, 0, *range(symbols)], count)
    path[1:] = np.where(random.random(count - 1) < 0.4, path[:-1], path[1:]) if count else path[1:]
    logits = random.normal(size=(count, symbols))
    logits[np.arange(count), path] += peak
    return (logits - np.log(np.exp(logits).sum(1, keepdims=True))).astype(np.float32)


class Toy:
    """A language whose log-probabilities depend on everything said; one symbol never follows itself."""

    def __init__(self, seed: int = 0, closed: bool = True) -> None:
        self.seed, self.closed = seed, closed

    def start(self) -> tuple[int, ...]:
        return ()

    def score(self, state: tuple[int, ...], symbol: int) -> tuple[tuple[int, ...], float]:
        if self.closed and state[-1:] == (symbol,) == (2,):
            return state, -math.inf
        return (*state, symbol), -abs(hash((self.seed, *state, symbol)) % 1000) / 300

    def end(self, state: tuple[int, ...]) -> float:
        return -abs(hash((self.seed, *state, -7)) % 1000) / 300


def whole(language: Any, symbols: Iterable[int]) -> float:
    """What a language adds to a whole answer."""
    state, total = language.start(), 0.0
    for symbol in symbols:
        state, added = language.score(state, symbol)
        total += added
    return total + language.end(state)


def answered(search: PrefixBeam, frames: Frames, cuts: Sequence[int] = ()) -> list[Heard]:
    state = search.start()
    for begin, end in itertools.pairwise([0, *cuts, len(frames)]):
        state = search.feed(state, frames[begin:end])
    return search.finish(state)


def collapsed(path: Sequence[int]) -> tuple[int, ...]:
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol)


def enumerated(frames: Frames) -> dict[tuple[int, ...], tuple[float, tuple[int, ...]]]:
    """Every answer, with the log of the sum over its paths, and its likeliest path."""
    found: dict[tuple[int, ...], tuple[float, float, tuple[int, ...]]] = {}
    for path in itertools.product(range(frames.shape[1]), repeat=len(frames)):
        value = sum(float(frames[t, symbol]) for t, symbol in enumerate(path))
        total, best, likeliest = found.get(collapsed(path), (-math.inf, -math.inf, ()))
        likeliest = path if value > best else likeliest
        found[collapsed(path)] = float(np.logaddexp(total, value)), max(best, value), likeliest
    return {answer: (total, likeliest) for answer, (total, _, likeliest) in found.items()}


def added(a: float, b: float) -> float:
    return float(np.logaddexp(a, b))


def plain(frames: Frames, beam: int, pruning: Pruning, language: Any = None) -> list[tuple[tuple[int, ...], float]]:
    """Prefix beam search as its papers have it: a table of prefixes, and a new one for every frame."""
    language = language or Together([])
    never = -math.inf

    def score(prefix: tuple[int, ...], ends: tuple[float, float]) -> float:
        state, total = language.start(), added(*ends)
        for symbol in prefix:
            state, more = language.score(state, symbol)
            total += more
        return total

    living: Prefixes = {(): (0.0, never)}
    for row in frames.astype(np.float64):
        silent = row[0] > math.log(pruning.blank)
        possible = [s for s in range(len(row)) if row[s] >= row.max() - pruning.symbols and not (silent and s)]
        found: Prefixes = {}
        for prefix, (blank, other) in living.items():
            for symbol in possible:
                p = float(row[symbol])
                b, o = found.get(prefix, (never, never))
                if symbol == 0:
                    found[prefix] = added(b, added(blank, other) + p), o
                    continue
                if prefix[-1:] == (symbol,):
                    found[prefix] = b, added(o, other + p)
                mass = blank if prefix[-1:] == (symbol,) else added(blank, other)
                b, o = found.get((*prefix, symbol), (never, never))
                found[(*prefix, symbol)] = b, added(o, mass + p)
        scores = {prefix: score(prefix, ends) for prefix, ends in found.items()}
        kept = sorted(scores, key=lambda prefix: -scores[prefix])[:beam]
        least = scores[kept[0]] - pruning.prefixes if kept else 0
        living = {prefix: found[prefix] for prefix in kept if scores[prefix] >= least and scores[prefix] > never}
    ended = [(prefix, score(prefix, ends), ends) for prefix, ends in living.items()]
    ends = [(prefix, total + whole(language, prefix) - score(prefix, (0.0, never))) for prefix, total, _ in ended]
    return sorted((pair for pair in ends if pair[1] > never), key=lambda pair: -pair[1])


@pytest.mark.parametrize(("seed", "count"), [(1, 0), (2, 1), (3, 4), (4, 6)])
def test_without_pruning_it_is_the_sum_over_all_paths(seed: int, count: int) -> None:
    frames = drawn(seed, count, 3)
    wanted = enumerated(frames)
    found = {one.symbols: one for one in answered(PrefixBeam(3, 10**6, pruning=EVERYTHING), frames)}
    assert found.keys() == wanted.keys()
    for answer, (total, _) in wanted.items():
        assert found[answer].log_probability == pytest.approx(total, abs=1e-9)
        assert found[answer].score == found[answer].log_probability
    assert math.fsum(math.exp(one.score) for one in found.values()) == pytest.approx(1, abs=1e-6)


def test_symbols_stand_where_the_likeliest_path_says_them() -> None:
    frames = drawn(5, 6, 3)
    wanted = enumerated(frames)
    for one in answered(PrefixBeam(3, 10**6, pruning=EVERYTHING), frames):
        path = wanted[one.symbols][1]
        runs = [(symbol, [t for t, _ in run]) for symbol, run in itertools.groupby(enumerate(path), lambda at: at[1])]
        assert [(s.symbol, s.begin, s.end) for s in one.spoken] == [(s, t[0], t[-1] + 1) for s, t in runs if s]
        for said in one.spoken:
            run = frames[said.begin : said.end, said.symbol]
            assert said.peak == said.begin + int(run.argmax())
            assert said.confidence == pytest.approx(math.exp(run.max()), rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_what_a_language_adds_is_added_once(seed: int) -> None:
    frames, language = drawn(seed, 5, 3), Toy(seed)
    sums = {answer: total for answer, (total, _) in enumerated(frames).items()}
    wanted = {answer: total + whole(language, answer) for answer, total in sums.items()}
    found = answered(PrefixBeam(3, 10**6, pruning=EVERYTHING, language=language), frames)
    assert {one.symbols for one in found} == {answer for answer, score in wanted.items() if score > -math.inf}
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    for one in found:
        assert one.score == pytest.approx(wanted[one.symbols], abs=1e-9)
        assert one.log_probability == pytest.approx(sums[one.symbols], abs=1e-9)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10**6),
    st.integers(1, 25),
    st.sampled_from([1, 2, 3, 8]),
    st.sampled_from([EVERYTHING, PLAIN, Pruning(2.0, 3.0, 0.9), Pruning(6.0, 4.0, 0.6), Pruning(0.0, 0.0, 1.0)]),
    st.sampled_from(["none", "toy", "weighted", "hot", "both"]),
    st.sampled_from([0.0, 2.0, 6.0, 12.0]),
)
def test_the_fast_form_is_the_plain_one(
    seed: int, count: int, beam: int, pruning: Pruning, kind: str, peak: float
) -> None:
    compare(drawn(seed, count, 5, peak), beam, pruning, kind, seed)


@pytest.mark.parametrize("seed", range(25))
def test_the_fast_form_is_the_plain_one_where_some_frames_are_sure(seed: int) -> None:
    compare(drawn(seed, 20, 5, 6.0), 8, PLAIN, "both" if seed % 4 == 0 else "none", seed)


@pytest.mark.parametrize("seed", range(15))
def test_the_fast_form_is_the_plain_one_where_unlikely_symbols_are_hot(seed: int) -> None:
    compare(drawn(seed, 20, 5, 2.0), 3, Pruning(prefixes=6.0), "hotter", seed)


@pytest.mark.parametrize("seed", range(110, 130))
def test_what_grows_into_a_living_prefix_is_added_however_little_it_brings(seed: int) -> None:
    compare(drawn(seed, 20, 5, 2.0), 8, Pruning(1.0, 1.0, 0.6), "none", seed)


def compare(frames: Frames, beam: int, pruning: Pruning, kind: str, seed: int) -> None:
    hot = HotWords([(1, 2), (1, 2, 3), (2, 2), (4,)], 0.8)
    language: dict[str, Any] = {
        "none": None,
        "toy": Toy(seed),
        "weighted": Weighted(Toy(seed), 0.6, 1.1),
        "hot": hot,
        "hotter": HotWords([(1, 2), (3,)], 4.0),
        "both": Together([Toy(seed), hot]),
    }
    found = answered(PrefixBeam(5, beam, pruning=pruning, language=language[kind]), frames)
    wanted = plain(frames, beam, pruning, language[kind])
    assert [one.symbols for one in found] == [answer for answer, _ in wanted]
    assert [one.score for one in found] == pytest.approx([score for _, score in wanted], abs=1e-6)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.sets(st.integers(0, 40)), st.sampled_from([1.0, 5.0, 12.0]))
@example(399, {33}, 5.0)  # within frames of one symbol, in which it is decided what no longer matters
@example(399, {32}, 5.0)
def test_any_cutting_gives_the_same_bits(seed: int, cuts: set[int], peak: float) -> None:
    frames = drawn(seed, 40, 6, peak).astype(np.float64) * (1 + 1e-9)  # sums of 32 bits would be exact in any order
    search = PrefixBeam(6, 5, pruning=Pruning(undecided=5), language=Toy(seed))
    assert answered(search, frames, sorted(cuts)) == answered(search, frames)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.sampled_from([1.0, 5.0, 12.0]), st.integers(1, 7))
def test_what_is_stable_stays(seed: int, peak: float, size: int) -> None:
    frames, search = drawn(seed, 60, 6, peak), PrefixBeam(6, 6, language=Toy(seed, closed=False))
    state = search.start()
    stable: tuple[int, ...] = ()
    for begin in range(0, 60, size):
        state = search.feed(state, frames[begin : begin + size])
        assert search.stable(state)[: len(stable)] == stable
        stable = search.stable(state)
    best = search.finish(state)
    assert all(one.symbols[: len(stable)] == stable for one in best)
    assert all(len(one.spoken) == len(one.symbols) for one in best)


def test_a_state_can_be_continued_twice() -> None:
    frames, other = drawn(1, 30, 6), drawn(2, 30, 6)
    search = PrefixBeam(6, 4, language=Toy())
    middle = search.feed(search.start(), frames[:15])
    first = search.finish(search.feed(middle, frames[15:]))
    search.finish(search.feed(middle, other))
    assert search.finish(search.feed(middle, frames[15:])) == first == answered(search, frames)


def test_prefixes_that_nobody_begins_with_are_forgotten() -> None:
    frames, search = drawn(3, 400, 6, 5.0), PrefixBeam(6, 4, pruning=Pruning(undecided=8))
    state = search.feed(search.start(), frames[:50])
    gone = [weakref.ref(one[1]) for one in state.living]
    state = search.feed(state, frames[50:])
    gc.collect()
    begun = {one() for one in gone} - {None}
    assert len(begun) <= 1 < len(gone), "all that live begin with the same"


def test_an_hour_is_forgotten_without_a_deep_recursion() -> None:
    frames = np.full((40_000, 3), -12.0, np.float32)
    frames[np.arange(40_000), np.arange(40_000) % 2 + 1] = -1e-5
    search = PrefixBeam(3, 2)
    assert len(search.finish(search.feed(search.start(), frames))[0].symbols) == 40_000


def test_frames_surely_silent_are_skipped_within_the_stated_tolerance() -> None:
    frames = drawn(4, 200, 6, 9.0)
    skipped = float(np.exp(frames[:, 0].astype(np.float64)).clip(0.999).__gt__(0.999).sum())
    exact = answered(PrefixBeam(6, 8, pruning=Pruning(math.inf, 10.0, 1.0)), frames)[0]
    quick = answered(PrefixBeam(6, 8, pruning=Pruning(math.inf, 10.0, 0.999)), frames)[0]
    assert skipped > 20
    assert quick.symbols == exact.symbols
    assert 0 <= exact.score - quick.score <= 0.002 * skipped


def test_impossible_frames_leave_no_answer() -> None:
    frames = drawn(1, 5, 4)
    frames[2] = -math.inf
    search = PrefixBeam(4, 3)
    state = search.feed(search.start(), frames)
    assert search.finish(state) == []
    assert search.stable(state) == ()
    assert search.finish(search.feed(state, frames[:2])) == []


def test_no_frames_are_the_empty_answer() -> None:
    search = PrefixBeam(4, 3, language=Toy())
    state = search.feed(search.start(), np.zeros((0, 4), np.float32))
    assert search.finish(state) == [Heard((), Toy().end(()), 0.0, ())]


def test_only_as_many_answers_as_wanted() -> None:
    search = PrefixBeam(4, 6)
    state = search.feed(search.start(), drawn(1, 12, 4, 1.0))
    assert search.finish(state, 2) == search.finish(state)[:2]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_frames_that_are_no_numbers_are_named(value: float) -> None:
    search, frames = PrefixBeam(4, 3), drawn(1, 9, 4)
    frames[7, 2] = value
    state = search.feed(search.start(), frames[:5])
    with pytest.raises(Failure, match="frame 7 "):
        search.feed(state, frames[5:])


def test_frames_of_another_width_are_no_frames() -> None:
    with pytest.raises(ValueError, match=r"\(2, 5\), wanted \(frames, 4\)"):
        PrefixBeam(4, 3).feed(PrefixBeam(4, 3).start(), np.zeros((2, 5)))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: PrefixBeam(4, 0), "beam is 0"),
        (lambda: PrefixBeam(0, 4), "symbols is 0"),
        (lambda: Pruning(symbols=-1.0), "symbols of a pruning is -1.0"),
        (lambda: Pruning(prefixes=math.nan), "prefixes of a pruning is nan"),
        (lambda: Pruning(blank=0.2), "blank is 0.2"),
        (lambda: Pruning(blank=1.5), "blank is 1.5"),
    ],
)
def test_settings_that_make_no_sense_are_refused(made: Any, words: str) -> None:
    with pytest.raises(Refusal, match=words):
        made()
