"""Which symbols follow which: the n-gram model of Kneser and Ney, from one's own texts, in memory."""

from __future__ import annotations

import math
from array import array
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from melisma.errors import Refusal

LONGEST = 6  # tokens of an n-gram
KIND = "kneser-ney"
FALLBACK = (0.5, 1.0, 1.5)  # discounts where counts are too few to estimate them, as lmplz has them
UNKNOWN, END, START, FIRST = 0, 1, 2, 3  # numbers of what is no token, and of the first that is one
ROOT = 0

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]


class Tree(NamedTuple):
    """All n-grams that occur, a node each, by length and within it in order; node 0 is the empty one.

    The n-grams one token longer than a node's follow one another, ordered by their last token, from ``first[node]`` to
    ``first[node + 1]``.
    """

    token: Ids  # (N,) the last token
    first: Ids  # (N + 1,)
    times: Ids  # (N,) how often it occurs
    levels: tuple[int, ...]  # the number of the first node of each length, and N

    def parents(self) -> Ids:
        """(N,) the n-gram without its last token; the empty one's own."""
        return np.concatenate(([ROOT], np.repeat(np.arange(len(self.token)), np.diff(self.first))))


class KneserNey:
    """Interpolated modified Kneser-Ney of order n: p(w | h) = (a(hw) − D(a(hw))) / Σ_v a(hv) + γ(h) p(w | h').

    h are the n − 1 tokens before w, and h' is h without its first. a counts an n-gram of the highest order, and one
    that begins a sequence, by its occurrences, any other by the different tokens before it. D has a value each for
    counts of 1, of 2 and of 3 or more, from the counts of counts of each order (0.5, 1 and 1.5 where these are too
    few), and γ makes the sum 1. The shortest is interpolated with an equal part for each known token, for the end, and
    for all unknown tokens together: that is the probability of an unknown token, whichever it is, and what follows it
    has no context. Log-probabilities are in nats. A state is the number of a node, the longest context that is known.
    Source: Chen and Goodman 1998, equations 26 and 27, with the interpolation of their section 3.
    """

    def __init__(self, order: int, tokens: Sequence[Hashable], tree: Tree) -> None:
        self.order, self.tokens = order, tuple(tokens)
        self.ids = {token: number for number, token in enumerate(self.tokens, FIRST)}
        self._tree = tree
        suffix = _suffixes(tree, len(self.tokens) + FIRST)
        self.discounts, found, weight = _estimated(tree, suffix, self.order, len(self.tokens) + 2)
        self.size = len(tree.token)
        self._unknown = math.log(weight[ROOT] / (len(self.tokens) + 2))
        self._token, self._first = array("q", tree.token.tobytes()), array("q", tree.first.tobytes())
        self._shorter, self._context = array("q", suffix.tobytes()), array("q", _contexts(tree, suffix).tobytes())
        with np.errstate(divide="ignore"):
            self._found, self._weight = array("d", np.log(found).tobytes()), array("d", np.log(weight).tobytes())
        self._opened: dict[int, dict[int, int]] = {}

    @classmethod
    def of(cls, sequences: Iterable[Sequence[Hashable]], order: int, vocabulary: Iterable[Hashable] = ()) -> KneserNey:
        """The model of these sequences; tokens of ``vocabulary`` are known even if they don't occur in any.

        Raises Refusal for an order outside 1 … 6 and where there is no sequence.
        """
        _check_order(order)
        ids: dict[Hashable, int] = {}
        for token in vocabulary:
            ids.setdefault(token, len(ids) + FIRST)
        numbers: list[int] = []
        for sequence in sequences:
            numbers.append(START)
            numbers.extend(ids.setdefault(token, len(ids) + FIRST) for token in sequence)
            numbers.append(END)
        if not numbers:
            raise Refusal("there is no text to count n-grams in: give one sequence or more.")
        return cls(order, tuple(ids), _counted(np.array(numbers, np.int64), order, len(ids) + FIRST))

    def start(self) -> int:
        """The state before the first token."""
        return self._context[self._open(ROOT)[START]]

    def score(self, state: int, symbol: Hashable) -> tuple[int, float]:
        """The state after one token more, and log p(token | state)."""
        return self._from(state, self.ids.get(symbol, UNKNOWN))

    def end(self, state: int) -> float:
        """log p(the end | state)."""
        return self._from(state, END)[1]

    def log_probability(self, sequence: Sequence[Hashable]) -> float:
        """log p(sequence), its end with it."""
        state, total = self.start(), 0.0
        for token in sequence:
            state, added = self.score(state, token)
            total += added
        return total + self.end(state)

    def grams(self, start: Hashable, end: Hashable) -> Iterator[tuple[tuple[Hashable, ...], float, float]]:
        """Every n-gram that occurs, shorter ones first: its tokens, log p(the last | those before), and log γ after it.

        ``start`` and ``end`` stand for the beginning and the end of a sequence. Where nothing follows γ is 1, and a
        beginning has p = 0, as it follows nothing.
        """
        names = (None, end, start, *self.tokens)
        spelled: list[tuple[Hashable, ...]] = [()]
        for node, parent in enumerate(self._tree.parents().tolist()[1:], 1):
            spelled.append((*spelled[parent], names[self._token[node]]))
            yield spelled[-1], self._found[node], self._weight[node]

    @property
    def unknown(self) -> float:
        """log p(an unknown token) where nothing is known of what stands before it."""
        return self._unknown

    def to_json(self) -> dict[str, Any]:
        """The n-grams and their counts as plain values; TypeError for tokens other than texts and whole numbers."""
        strange = [token for token in self.tokens if type(token) not in (str, int)]
        if strange:
            raise TypeError(f"the token {strange[0]!r} is neither text nor a whole number")
        return {
            "kind": KIND,
            "order": self.order,
            "tokens": list(self.tokens),
            "last": self._tree.token[1:].tolist(),
            "counts": self._tree.times[1:].tolist(),
            "longer": np.diff(self._tree.first).tolist(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], where: str) -> KneserNey:
        """What ``to_json`` gave; raises Refusal with ``where`` for anything else."""
        if data.get("kind") != KIND:
            raise Refusal(f"{where} holds no n-gram model of this kind ({KIND}).")
        order, tokens = data.get("order"), data.get("tokens")
        if type(order) is not int or type(tokens) is not list:
            raise Refusal(f"{where} lacks the order (a whole number) or the tokens (a list) of its n-gram model.")
        _check_order(order)
        if any(type(token) not in (str, int) for token in tokens) or len(set(tokens)) != len(tokens):
            raise Refusal(f"{where}: the tokens of its n-gram model are not different texts or whole numbers.")
        return cls(order, tokens, _read(data, order, len(tokens) + FIRST, where))

    def _open(self, node: int) -> dict[int, int]:
        """The n-grams one token longer, by this token."""
        begin, end = self._first[node], self._first[node + 1]
        found = self._opened[node] = dict(zip(self._token[begin:end], range(begin, end)))
        return found

    def _from(self, node: int, token: int) -> tuple[int, float]:
        """The next state and the log-probability, from the longest context that the token is known after."""
        weight, opened = 0.0, self._opened
        while True:
            longer = opened.get(node)
            found = (self._open(node) if longer is None else longer).get(token)
            if found is not None:
                return self._context[found], weight + self._found[found]
            if node == ROOT:
                return ROOT, weight + self._unknown
            weight += self._weight[node]
            node = self._shorter[node]


def _check_order(order: int) -> None:
    if not 1 <= order <= LONGEST:
        raise Refusal(f"order is {order}: n-grams have 1 to {LONGEST} tokens.")


def _counted(text: Ids, order: int, size: int) -> Tree:
    """The n-grams of sequences that stand one after another, each from START to END; tokens are below ``size``."""
    positions, parents = np.arange(len(text)), np.zeros(len(text), np.int64)
    following = np.append(text, START)
    tokens, counts, longer = [np.array([UNKNOWN])], [np.array([len(text)])], []
    for length in range(1, order + 1):
        keys, own, count = np.unique(
            parents * size + text[positions + length - 1], return_inverse=True, return_counts=True
        )
        longer.append(np.bincount(keys // size, minlength=len(tokens[-1])))
        tokens.append(keys % size)
        counts.append(count)
        onward = following[positions + length] != START
        positions, parents = positions[onward], own[onward]
    longer.append(np.zeros(len(tokens[-1]), np.int64))
    levels = np.cumsum([0, *map(len, tokens)])
    first = 1 + np.cumsum([0, *np.concatenate(longer)])
    return Tree(np.concatenate(tokens), first, np.concatenate(counts), tuple(levels.tolist()))


def _read(data: Mapping[str, Any], order: int, size: int, where: str) -> Tree:
    """The tree in what ``to_json`` gave; Refusal where the numbers in it contradict one another."""
    parts = [data.get(name) for name in ("last", "counts", "longer")]
    if any(type(part) is not list or any(type(number) is not int for number in part) for part in parts):
        raise Refusal(f"{where}: the n-grams, their counts and what follows them are not lists of whole numbers.")
    try:
        last, counts, longer = (np.array(part, np.int64) for part in parts)
    except OverflowError:
        raise Refusal(f"{where}: a number of its n-gram model is too large.") from None
    tree = _grown(last, counts, longer, order)
    if tree is None or not _consistent(tree, size):
        raise Refusal(f"{where}: the n-grams in it and their counts contradict one another; it is damaged.")
    return tree


def _grown(last: Ids, counts: Ids, longer: Ids, order: int) -> Tree | None:
    """The tree of these numbers, if they are as many as they say."""
    if not len(last) == len(counts) == len(longer) - 1 == longer.sum() or (longer < 0).any() or (counts < 1).any():
        return None
    levels = [0, 1]
    for _ in range(order):
        levels.append(levels[-1] + int(longer[levels[-2] : levels[-1]].sum()))
    first = 1 + np.cumsum([0, *longer])
    occurrences = np.append(counts[: longer[0]].sum(), counts)
    return Tree(np.append(UNKNOWN, last), first, occurrences, tuple(levels)) if levels[-1] == len(first) - 1 else None


def _consistent(tree: Tree, size: int) -> bool:
    """Whether these are the n-grams of some sequences: in order, each as often as it goes on, and as it is come to."""
    token, parents = tree.token[1:], tree.parents()[1:]
    keys = parents * size + token
    known = bool((token >= END).all() and (token < size).all() and (np.diff(keys) > 0).all())
    ends = np.append(False, token == END) | (np.arange(len(tree.token)) >= tree.levels[-2])
    sums = np.bincount(parents, tree.times[1:], len(tree.token))
    whole = bool((sums[~ends] == tree.times[~ends]).all() and not sums[ends].any())
    singles = {int(last): int(times) for last, times in zip(tree.token[1 : tree.levels[2]], tree.times[1:])}
    starts = bool((parents[token == START] == ROOT).all()) and singles.get(START, 0) == singles.get(END, -1)
    if not (known and whole and starts):
        return False
    try:
        suffix = _suffixes(tree, size)
    except ValueError:
        return False
    shorter = slice(1, tree.levels[-2])
    come = np.bincount(suffix[tree.levels[2] :], tree.times[tree.levels[2] :], len(tree.token))[shorter]
    return bool((come == tree.times[shorter])[~_starting(tree)[shorter]].all())


def _suffixes(tree: Tree, size: int) -> Ids:
    """(N,) the n-gram without its first token; raises ValueError where there is none."""
    parents = tree.parents()
    keys = parents * size + tree.token
    keys[ROOT] = -1
    suffix = np.zeros_like(parents)
    for begin, end in zip(tree.levels[2:], tree.levels[3:]):
        wanted = suffix[parents[begin:end]] * size + tree.token[begin:end]
        suffix[begin:end] = np.searchsorted(keys, wanted).clip(max=len(keys) - 1)
        if (keys[suffix[begin:end]] != wanted).any():
            raise ValueError("an n-gram lacks the shorter one that it ends in")
    return suffix


def _contexts(tree: Tree, suffix: Ids) -> Ids:
    """(N,) the longest ending of each n-gram that something is known to follow."""
    contexts = np.where(np.diff(tree.first) > 0, np.arange(len(suffix)), -1)
    contexts[ROOT] = ROOT
    for begin, end in zip(tree.levels[1:], tree.levels[2:]):
        level = contexts[begin:end]
        contexts[begin:end] = np.where(level < 0, contexts[suffix[begin:end]], level)
    return contexts


def _starting(tree: Tree) -> NDArray[np.bool_]:
    """(N,) whether an n-gram begins a sequence."""
    starts: NDArray[np.bool_] = tree.token == START
    parents = tree.parents()
    for begin, end in zip(tree.levels[1:], tree.levels[2:]):
        starts[begin:end] |= starts[parents[begin:end]]
    return starts


def _adjusted(tree: Tree, suffix: Ids) -> Ids:
    """(N,) what an n-gram counts for: its occurrences, or below the highest order the different tokens before it."""
    adjusted, starts = tree.times.copy(), _starting(tree)
    for begin, end, beyond in zip(tree.levels[1:], tree.levels[2:], tree.levels[3:]):
        before = np.bincount(suffix[end:beyond], minlength=end)[begin:end]
        adjusted[begin:end] = np.where(starts[begin:end], tree.times[begin:end], before)
    adjusted[1 : tree.levels[2]][tree.token[1 : tree.levels[2]] == START] = 0  # nothing is followed by a beginning
    return adjusted


def _discounts(adjusted: Ids) -> tuple[float, float, float]:
    """D₁, D₂ and D₃₊ of one order: k − (k + 1) · n₁ / (n₁ + 2 n₂) · n_{k+1} / n_k, n_k the n-grams that count k."""
    one, two, three, four = (int((adjusted == k).sum()) for k in range(1, 5))
    if not (one and two and three):
        return FALLBACK
    share = one / (one + 2 * two)
    found = 1 - 2 * share * two / one, 2 - 3 * share * three / two, 3 - 4 * share * four / three
    return found if all(0 < value <= k for k, value in enumerate(found, 1)) else FALLBACK


def _estimated(
    tree: Tree, suffix: Ids, order: int, words: int
) -> tuple[tuple[tuple[float, float, float], ...], Floats, Floats]:
    """Discounts of each order, p(last token | those before) of each n-gram (N,), and γ of each as a context (N,)."""
    parents = tree.parents()
    adjusted = _adjusted(tree, suffix)
    found, weight = np.zeros(len(parents)), np.ones(len(parents))
    found[ROOT] = 1 / words
    discounts = []
    for length in range(1, order + 1):
        level = slice(tree.levels[length], tree.levels[length + 1])
        above = slice(tree.levels[length - 1], tree.levels[length])
        counts, owners = adjusted[level], parents[level] - above.start
        discounts.append(_discounts(counts))
        taken = np.array([0.0, *discounts[-1]])[counts.clip(max=3)]
        totals = np.bincount(owners, counts, above.stop - above.start).clip(min=1)
        shares = np.bincount(owners, taken, above.stop - above.start) / totals
        weight[above] = np.where(np.diff(tree.first)[above] > 0, shares, 1.0)
        found[level] = (counts - taken) / totals[owners] + shares[owners] * found[suffix[level]]
    found[1 : tree.levels[2]][tree.token[1 : tree.levels[2]] == START] = 0
    return tuple(discounts), found, weight
