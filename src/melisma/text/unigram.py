"""Learning a unigram model of pieces (Kudo 2018): many candidates, their probabilities by EM, the least useful dropped.

The library's own learner adds up in the order of a hash table, so that two runs differ; this one gives the same pieces
and scores each time. Where it departs from the paper: the loss of a piece is its expected count times what its best
other cutting loses, and candidates are found length by length instead of with a suffix array.
"""

from __future__ import annotations

import itertools
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LONGEST = 16
_LONGEST_WORD = 64
_MOST_TEXT = 3_000_000
_KEPT_A_ROUND = 0.75
_PER_CHARACTER = 4.0
"""Nats added per character, so that the product over a long word stays within a float; it cancels."""

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


def learn(counts: Mapping[str, int], characters: Sequence[str], room: int, least: int) -> dict[str, float]:
    """Log-probabilities (nats, six decimals) of the `characters`, all kept, and of at most `room` longer pieces.

    `counts` says how often each word occurs; the words hold no other characters, but line ends that no piece crosses.
    """
    if not characters:
        return {}
    words = _words(counts)
    pieces = [*sorted(characters), *_candidates(words, 5 * room + 1000, max(2, least))]
    single = np.array([len(piece) == 1 for piece in pieces])
    lattice = _Lattice.of(list(words), list(words.values()), pieces)
    others = _Lattice.of(pieces, [1] * len(pieces), pieces, whole=False)
    scores = _scores(lattice.started())
    alive = np.ones(len(pieces), dtype=bool)
    goal = room + room // 10
    while True:
        for _ in range(2):
            expected = lattice.expected(scores, alive)
            alive &= single | (expected >= 0.5)
            scores = _scores(np.where(alive, expected, 0.0))
        longer = int((alive & ~single).sum())
        if longer <= goal:
            break
        gain = expected * (scores - others.best(scores, alive))
        alive = single | _foremost(gain, alive & ~single, pieces, max(goal, int(longer * _KEPT_A_ROUND)))
    alive = single | _foremost(expected, alive & ~single, pieces, room)
    scores = _scores(np.where(alive, lattice.expected(scores, alive), 0.0))
    return {pieces[place]: round(float(scores[place]), 6) for place in np.flatnonzero(alive).tolist()}


def _words(counts: Mapping[str, int]) -> dict[str, int]:
    """The most frequent words, long ones in parts, up to a bound of text: memory must not grow with the data."""
    merged: Counter[str] = Counter()
    for word, count in counts.items():
        for part in word.split("\n"):
            for start in range(0, len(part), _LONGEST_WORD):
                merged[part[start : start + _LONGEST_WORD]] += count
    ranked = sorted((-count, word) for word, count in merged.items())
    text = itertools.accumulate(len(word) for _, word in ranked)
    return {word: -count for (count, word), sofar in zip(ranked, text) if sofar <= _MOST_TEXT}


def _candidates(words: Mapping[str, int], most: int, least: int) -> list[str]:
    """Frequent substrings of 2 to 16 characters; none that always stands before the same character."""
    found: dict[str, int] = {}
    shorter: Mapping[str, int] | None = None
    left = list(words)
    for length in range(2, _LONGEST + 1):
        level: Counter[str] = Counter()
        for word in left:
            count = words[word]
            for start in range(len(word) - length + 1):
                part = word[start : start + length]
                if shorter is None or (part[:-1] in shorter and part[1:] in shorter):
                    level[part] += count
        kept = {part: count for part, count in level.items() if count >= least}
        for part, count in kept.items():
            if found.get(part[:-1]) == count:
                del found[part[:-1]]
        found |= kept
        shorter, left = kept, [word for word in left if len(word) > length]
    ranked = sorted((-count * len(part), part) for part, count in found.items())
    return [part for _, part in ranked[:most]]


def _scores(expected: Floats) -> Floats:
    """The M-step in its Bayesian form, exp of the digamma function, which is harder on rare pieces."""
    return _digamma(np.maximum(expected, 0.6)) - _digamma(np.maximum(expected.sum(keepdims=True), 0.6))


def _digamma(x: Floats) -> Floats:
    """The digamma function by its recurrence and asymptotic series; x (N,) > 0."""
    shifted = x + 7.0
    below = sum((1.0 / (x + step) for step in range(7)), np.zeros_like(x))
    square = shifted**-2
    series = square * (1 / 12 - square * (1 / 120 - square / 252))
    return np.asarray(np.log(shifted) - 0.5 / shifted - series - below)


def _foremost(values: Floats, among: NDArray[np.bool_], pieces: Sequence[str], most: int) -> NDArray[np.bool_]:
    # Rounded, then by code points, so that the last bit of a sum never decides.
    places = sorted(np.flatnonzero(among).tolist(), key=lambda place: (-round(float(values[place]), 6), pieces[place]))
    kept = np.zeros(len(pieces), dtype=bool)
    kept[places[:most]] = True
    return kept


@dataclass(frozen=True)
class _Lattice:
    """All ways to cut words into pieces: one node per word and position, one edge per piece that fits.

    The nodes lie by position, the longer words first, so that one position of all words is one stretch of memory.
    """

    counts: Floats  # (W,) how often each word occurs, the longest word first
    order: Whole  # (W,) where each word stood when it was given
    spans: Floats  # (P,) characters in each piece
    rows: Whole  # (L + 2,) where the nodes of each position begin
    last: Whole  # (W,) the node at each word's end
    edges: tuple[Whole, Whole, Whole, Whole]  # word, node before, node after, piece; by position after
    ends: Whole  # (L + 2,) where the edges that end at each position begin
    backwards: Whole  # the edges by position before
    starts: Whole  # (L + 2,) where those begin

    @classmethod
    def of(cls, words: Sequence[str], counts: Sequence[int], pieces: Sequence[str], whole: bool = True) -> _Lattice:
        """The lattice of the words; without `whole`, less the edges that are a whole word of several characters."""
        order = np.array(sorted(range(len(words)), key=lambda place: -len(words[place])), dtype=np.int64)
        lengths = np.array([len(words[place]) for place in order], dtype=np.int64)
        longest = int(lengths.max(initial=0))
        alive = [int((lengths >= position).sum()) for position in range(longest + 1)]
        rows = np.concatenate([[0], np.cumsum(alive)])
        word, before, after, piece = _edges([words[place] for place in order], pieces, whole)
        by_start = np.argsort(before, kind="stable")
        borders = np.arange(longest + 2)
        return cls(
            counts=np.array([counts[place] for place in order], dtype=np.float64),
            order=order,
            spans=np.array([len(piece) for piece in pieces], dtype=np.float64),
            rows=rows,
            last=rows[lengths] + np.arange(len(words)),
            edges=(word, rows[before] + word, rows[after] + word, piece),
            ends=np.searchsorted(after, borders),
            backwards=by_start,
            starts=np.searchsorted(before[by_start], borders),
        )

    def _row(self, position: int) -> slice:
        return slice(int(self.rows[position]), int(self.rows[position + 1]))

    def started(self) -> Floats:
        """How often each piece occurs in the words, times its length: where EM starts; (P,)."""
        word, _, _, piece = self.edges
        return np.asarray(np.bincount(piece, self.counts[word], len(self.spans)) * self.spans)

    def expected(self, scores: Floats, alive: NDArray[np.bool_]) -> Floats:
        """The E-step: how often each piece is expected in all words, over all cuttings; (P,)."""
        word, before, after, piece = self.edges
        weight = np.where(alive, np.exp(scores + _PER_CHARACTER * self.spans), 0.0)[piece]
        forward, backward = np.zeros(self.rows[-1]), np.zeros(self.rows[-1])
        forward[self._row(0)] = 1.0
        backward[self.last] = 1.0
        for position in range(1, len(self.ends) - 1):
            here, row = slice(self.ends[position], self.ends[position + 1]), self._row(position)
            forward[row] = np.bincount(word[here], forward[before[here]] * weight[here], row.stop - row.start)
        for position in range(len(self.starts) - 2, -1, -1):
            edges, row = self.backwards[self.starts[position] : self.starts[position + 1]], self._row(position)
            backward[row] += np.bincount(word[edges], backward[after[edges]] * weight[edges], row.stop - row.start)
        total = backward[self._row(0)]
        share = np.divide(self.counts, total, out=np.zeros_like(total), where=total > 0)
        uses = forward[before] * weight * backward[after] * share[word]
        return np.asarray(np.bincount(piece, uses, len(scores)), dtype=np.float64)

    def best(self, scores: Floats, alive: NDArray[np.bool_]) -> Floats:
        """The score of the best cutting of each word, in the order in which the words were given; (W,)."""
        word, before, _, piece = self.edges
        weight = np.where(alive, scores, -np.inf)[piece]
        reached = np.full(self.rows[-1], -np.inf)
        reached[self._row(0)] = 0.0
        for position in range(1, len(self.ends) - 1):
            here = slice(self.ends[position], self.ends[position + 1])
            np.maximum.at(reached[self._row(position)], word[here], reached[before[here]] + weight[here])
        given = np.empty(len(self.order))
        given[self.order] = reached[self.last]
        return given


def _edges(words: Sequence[str], pieces: Sequence[str], whole: bool) -> tuple[Whole, Whole, Whole, Whole]:
    """Word, position before, position after and piece of every fit, by position after."""
    places = {piece: place for place, piece in enumerate(pieces)}
    positions, found = array("q"), array("q")
    for number, word in enumerate(words):
        length = len(word)
        for before in range(length):
            for after in range(before + 1, min(before + _LONGEST, length) + 1):
                place = places.get(word[before:after])
                if place is not None and (whole or after - before < length or length == 1):
                    positions.append((number << 32) | (before << 16) | after)
                    found.append(place)
    packed, piece_ = np.array(positions, dtype=np.int64), np.array(found, dtype=np.int64)
    by_end = np.argsort(packed & 0xFFFF, kind="stable")
    packed = packed[by_end]
    return packed >> 32, (packed >> 16) & 0xFFFF, packed & 0xFFFF, piece_[by_end]
