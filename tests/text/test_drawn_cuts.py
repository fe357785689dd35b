"""Drawn cuts: the whole distribution against all ways to draw it, and the text always as it was."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.text import drawn
from melisma.text.drawn import DrawnCuts
from melisma.text.lot import Lot
from melisma.text.subwords import Subwords
from melisma.text.unicode import normalise
from melisma.text.vocabulary import Vocabulary

LINES = ["abab abcab aabb bab 中文中文 中文字 naïve naïve 3.14 né né"] * 3 + ["xß"]
BPE = Subwords.learn(LINES, "bpe", 60, 2)
PIECES = ("é", "ï", "中", "文", "字", "ab", "ba", "aba", " a", " ab", "bab", "cab", "中文", "文中", "né", " né", "ïv")
LIKELY = Subwords(Vocabulary(PIECES), "unigram", scores=(*[-3.5] * 128, *(-1.5 - 0.4 * (n % 7) for n in range(17))))
UNITS = {"bpe": BPE, "unigram": LIKELY}
FREEDOM = {"bpe": 0.6, "unigram": 2.0}
WORDS = ["abab", " abab", "abcab", "aaaa", "babab", "né", " ß", "中文中"]

texts = st.one_of(st.text(max_size=40), st.text("abn 中文ïß", max_size=40))


def every(cuts: DrawnCuts, token: str) -> dict[tuple[int, ...], float]:
    """The exact distribution of a token's cuts: what each stretch of [0, 1) leads to."""
    found: dict[tuple[int, ...], float] = defaultdict(float)
    number = 0.0
    while number < 1:
        lot = Lot(number)
        found[tuple(cuts._drawn(token, lot))] += lot.end - lot.begin
        assert not lot.renewed, "the words of this test are short"
        number = lot.end
    return found


def by_dropout(unit: Subwords, pieces: tuple[str, ...], p: float) -> dict[tuple[int, ...], float]:
    """Provilkov, Emelianenko & Voita 2020, algorithm 1, over all sets of merges that can be left out at each turn."""
    ranks = {merge: rank for rank, merge in enumerate(unit.merges)}
    pairs = list(enumerate(itertools.pairwise(pieces)))
    possible = [(ranks[pair], place) for place, pair in pairs if pair in ranks]
    found: dict[tuple[int, ...], float] = defaultdict(float)
    for kept in itertools.product((True, False), repeat=len(possible)):
        chance = math.prod(1 - p if stays else p for stays in kept)
        left = [merge for merge, stays in zip(possible, kept) if stays]
        if not left:
            found[tuple(unit.vocabulary.encode(pieces))] += chance
            continue
        place = min(left)[1]
        merged = (*pieces[:place], pieces[place] + pieces[place + 1], *pieces[place + 2 :])
        for cut, share in by_dropout(unit, merged, p).items():
            found[cut] += chance * share
    return found


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_merges_are_left_out_as_published(word: str, p: float) -> None:
    found, wanted = every(DrawnCuts(BPE, p), word), by_dropout(BPE, tuple(word), p)
    assert found.keys() == wanted.keys()
    assert all(found[cut] == pytest.approx(share, abs=1e-6) for cut, share in wanted.items())


def test_the_words_of_that_test_can_be_cut_in_many_ways() -> None:
    assert sum(len(by_dropout(BPE, tuple(word), 0.5)) for word in WORDS) > 20


def cuttings(word: str) -> list[tuple[str, ...]]:
    if not word:
        return [()]
    return [(word[:end], *rest) for end in range(1, len(word) + 1) for rest in cuttings(word[end:])]


@pytest.mark.parametrize("word", ["abab", "abcab", "babab", "né", "中文中"])
@pytest.mark.parametrize("temperature", [1.0, 5.0, 1000.0])
def test_pieces_are_sampled_by_their_likelihood(word: str, temperature: float) -> None:
    known = LIKELY.vocabulary.symbols
    score = dict(zip(known, LIKELY.scores))
    weights = {
        tuple(known[piece] for piece in cutting): math.exp(sum(score[piece] for piece in cutting) / temperature)
        for cutting in cuttings(word)
        if all(piece in known for piece in cutting)
    }
    found, total = every(DrawnCuts(LIKELY, temperature), word), sum(weights.values())
    assert len(weights) > 1
    for cut, weight in weights.items():
        assert found.get(cut, 0.0) == pytest.approx(weight / total, abs=1e-6)


@pytest.mark.parametrize("unit", UNITS)
def test_numbers_from_a_generator_give_that_distribution(unit: str) -> None:
    cuts, random, draws = DrawnCuts(UNITS[unit], FREEDOM[unit]), Random(3), 20_000
    seen: dict[tuple[int, ...], int] = defaultdict(int)
    (ids,) = UNITS[unit].encode(["abcab"])
    for _ in range(draws):
        seen[tuple(cuts(ids, random))] += 1
    wanted = every(cuts, " abcab")
    off = sum((seen[cut] - draws * share) ** 2 / (draws * share) for cut, share in wanted.items() if share > 1e-3)
    freedom = sum(share > 1e-3 for share in wanted.values())
    assert freedom > 3
    assert off < freedom + 5 * math.sqrt(2 * freedom)


@given(texts, st.floats(0, 0.999), st.integers(0, 5))
@pytest.mark.parametrize("unit", UNITS)
def test_the_text_stays(unit: str, text: str, freedom: float, seed: int) -> None:
    subwords = UNITS[unit]
    (ids,) = subwords.encode([text])
    found = DrawnCuts(subwords, freedom)(ids, Random(seed))
    assert subwords.decode(found) == normalise(text)
    assert subwords.vocabulary.text(found) == subwords.vocabulary.text(ids)


@given(texts)
def test_without_freedom_it_is_what_encode_gives(text: str) -> None:
    (ids,) = BPE.encode([text])
    assert DrawnCuts(BPE, 0.0)(ids, Random(1)) == ids
    (likely,) = LIKELY.encode([text])
    score = dict(zip(LIKELY.vocabulary.symbols.values(), LIKELY.scores))
    found = DrawnCuts(LIKELY, 1e-320)(likely, Random(1))
    sums = [sum(score.get(number, 0.0) for number in cut) for cut in (likely, found)]
    assert sums[0] == pytest.approx(sums[1], abs=1e-6)


@given(texts)
def test_where_no_merge_is_made_characters_stand_alone(text: str) -> None:
    (ids,) = BPE.encode([text])
    plain = BPE.vocabulary.text(ids)
    assert DrawnCuts(BPE, 1 - 1e-12)(ids, Random(1)) == BPE.vocabulary.encode(plain)


@pytest.mark.parametrize("unit", UNITS)
def test_what_is_remembered_changes_nothing(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(2)
    asked = [(random.choice(WORDS), random.random()) for _ in range(2000)]
    cuts = DrawnCuts(UNITS[unit], 0.7)
    found = [tuple(cuts.token(*one)) for one in asked]
    monkeypatch.setattr(drawn, "_CUTS_REMEMBERED", 0)
    assert found == [tuple(DrawnCuts(UNITS[unit], 0.7).token(*one)) for one in asked]


def test_little_is_remembered() -> None:
    cuts, random = DrawnCuts(BPE, 0.5), Random(4)
    for _ in range(800):
        cuts.token(" abababababab", random.random())
        cuts.token("中文" * 20, random.random())
    assert len(cuts._remembered.get(" abababababab")._cuts) == drawn._CUTS_REMEMBERED  # type: ignore[union-attr]
    assert cuts._remembered.get("中文" * 20) is None


@pytest.mark.parametrize("unit", UNITS)
def test_a_long_stretch_is_drawn_to_its_end(unit: str) -> None:
    """Its cuts are more than a number has digits; the last pieces vary as the first do."""
    (ids,) = UNITS[unit].encode(["中文" * 32])
    cuts, random = DrawnCuts(UNITS[unit], 0.5), Random(5)
    drawn_ones = [UNITS[unit].vocabulary.pieces(cuts(ids, random)) for _ in range(300)]
    ends = [sum(len(pieces[place]) for pieces in drawn_ones) / 300 for place in (0, -1)]
    assert all(mean > 1 for mean in ends) == all(len(piece) > 1 for piece in UNITS[unit].vocabulary.pieces(ids[:1]))
    assert len({tuple(pieces[-6:]) for pieces in drawn_ones}) > 1
