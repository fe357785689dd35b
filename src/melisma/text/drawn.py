"""Cutting the same text otherwise each time, so that a model in training learns the parts of words too."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from random import Random

from melisma.text.lot import Lot
from melisma.text.recent import Recent
from melisma.text.subwords import Subwords, tokens_within

_REMEMBERED = 1 << 16  # tokens whose cuts are remembered, 100 MB if all were long, …
_LONGEST_REMEMBERED = 32  # … the characters of each, at most …
_CUTS_REMEMBERED = 12  # … and the cuts of each
_COLDEST = 1e-9  # a temperature below it is this one, so that no score becomes infinite

_NONE = 1 << 62  # the rank of what is no merge

Cut = Callable[[str, Lot], list[int]]


class DrawnCuts:
    """Sub-words drawn at random: BPE-dropout (Provilkov, Emelianenko & Voita 2020) or sampled unigram cuts (Kudo 2018).

    Method "bpe": ``freedom`` p < 1 is the chance that a merge which could be made is left out when one is chosen; 0 is
    what `encode` gives, near 1 all characters stand alone. Method "unigram": ``freedom`` is a temperature T, a cut x of
    a stretch is drawn in proportion to P(x)^(1/T) of all its cuts (the paper's alpha is 1/T, its l unbounded).

    One number is drawn for each token, and the cut is a function of the token and this number alone. What is remembered
    is which numbers lead to which cut, so the distribution is exact however much or little is remembered.
    """

    def __init__(self, unit: Subwords, freedom: float) -> None:
        self._unit, self._cut = unit, _METHODS[unit.method](unit, freedom)
        self._remembered: Recent[_Cuts] = Recent(_REMEMBERED)

    def __call__(self, ids: Sequence[int], random: Random) -> list[int]:
        """The text of the symbols, which are as `encode` gives them, cut anew."""
        found: list[int] = []
        for token in tokens_within(self._unit.vocabulary.text(ids)):
            found += self.token(token, random.random())
        return found

    def token(self, token: str, number: float) -> Sequence[int]:
        """The symbols of a token by a number in [0, 1)."""
        if len(token) > _LONGEST_REMEMBERED:
            return self._drawn(token, Lot(number))
        cuts = self._remembered.get(token)
        if cuts is None:
            self._remembered.put(token, cuts := _Cuts())
        found = cuts.get(number)
        if found is None:
            lot = Lot(number)
            found = tuple(self._drawn(token, lot))
            if not lot.renewed:
                cuts.put(lot.begin, lot.end, found)
        return found

    def _drawn(self, token: str, lot: Lot) -> list[int]:
        return self._unit.split(token, lambda part: self._cut(part, lot))


class _Cuts:
    """The cuts of one token by the numbers that lead to them, in order; those that come first are kept."""

    __slots__ = ("_begins", "_cuts", "_ends")

    def __init__(self) -> None:
        self._begins, self._ends, self._cuts = array("d"), array("d"), list[Sequence[int]]()

    def get(self, number: float) -> Sequence[int] | None:
        place = bisect_right(self._begins, number) - 1
        return self._cuts[place] if place >= 0 and number < self._ends[place] else None

    def put(self, begin: float, end: float, cut: Sequence[int]) -> None:
        if len(self._cuts) < _CUTS_REMEMBERED:
            place = bisect_right(self._begins, begin)
            self._begins.insert(place, begin)
            self._ends.insert(place, end)
            self._cuts.insert(place, cut)


def _with_dropout(unit: Subwords, freedom: float) -> Cut:
    known, made = unit.vocabulary.symbols, 1 - freedom
    ranks = {merge: rank for rank, merge in enumerate(unit.merges)}

    def cut(part: str, lot: Lot) -> list[int]:
        """Algorithm 1: of the merges that were not left out the first learned one is made, then all are drawn anew."""
        pieces = list(part)
        after = [ranks.get(pair, _NONE) for pair in pairwise(pieces)]  # what each piece does with the next
        while (place := _first_made(after, made, lot)) is not None:
            pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]
            del after[place]
            for beside in range(max(0, place - 1), min(place + 1, len(after))):
                after[beside] = ranks.get((pieces[beside], pieces[beside + 1]), _NONE)
        return [known[piece] for piece in pieces]

    return cut


def _first_made(ranks: list[int], made: float, lot: Lot) -> int | None:
    """Where the first learned of the merges that are not left out is; those behind it need not be drawn at all."""
    left = ranks
    while (rank := min(left, default=_NONE)) != _NONE:
        place = left.index(rank)
        if lot.happens(made):
            return place
        left = [*left[:place], _NONE, *left[place + 1 :]]
    return None


def _sampled(unit: Subwords, freedom: float) -> Cut:
    symbols, temperature = unit.vocabulary.symbols, max(_COLDEST, freedom)
    scores = {piece: score / temperature for piece, score in zip(symbols, unit.scores)}
    longest = max(map(len, scores))

    def cut(part: str, lot: Lot) -> list[int]:
        """Sums over all cuts forwards, then the pieces are drawn backwards (forward filtering, backward sampling)."""
        before = _before(part, scores, longest)
        end, found = len(part), list[int]()
        while end:
            begin = _chosen(before[end], lot)
            found.append(symbols[part[begin:end]])
            end = begin
        return found[::-1]

    return cut


def _before(part: str, scores: Mapping[str, float], longest: int) -> list[list[tuple[int, float]]]:
    """For each end of a piece where it can have begun, and how much of all cuts up to there each beginning is."""
    total, found = [0.0], list[list[tuple[int, float]]]([[]])
    for end in range(1, len(part) + 1):
        begins = [begin for begin in range(max(0, end - longest), end) if part[begin:end] in scores]
        logs = [total[begin] + scores[part[begin:end]] for begin in begins]
        most = max(logs)
        total.append(most + math.log(sum(math.exp(log - most) for log in logs)))
        found.append([(begin, math.exp(log - total[end])) for begin, log in zip(begins, logs)])
    return found


def _chosen(shares: Sequence[tuple[int, float]], lot: Lot) -> int:
    """One of the places by its share; the last where no other is."""
    left = 1.0
    for place, share in shares[:-1]:
        if share and lot.happens(share / max(left, share)):
            return place
        left -= share
    return shares[-1][0]


_METHODS: dict[str, Callable[[Subwords, float], Cut]] = {"bpe": _with_dropout, "unigram": _sampled}
