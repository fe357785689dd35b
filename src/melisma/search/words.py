"""Language models of whole words beside a search that says symbols."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from math import inf
from typing import Any

from melisma.errors import Refusal
from melisma.search.language import Language
from melisma.search.trie import ROOT, Trie

SMALL = 64  # symbols of an alphabet of which all stand in a table
REMEMBERED = 1 << 12  # such tables, at most
OUTSIDE = -1  # where a word is that no known one begins like
State = tuple[Any, int]
"""(state of the model of words, node of the word that is being said)."""


class Words:
    """A model of words, asked where a word ends: ``weight`` · log p(word | words before) + ``insertion`` a word.

    ``spellings`` says which word a sequence of symbols is. A symbol of ``separators`` ends a word and belongs to none,
    one of ``beginnings`` ends the word before it and begins its own; several separators in a row count once. A word
    that has no spelling adds ``unknown`` (nats, below 0) beside the model's probability of an unknown token: as soon as
    no known word begins like it, or at its end. At the end of everything the last word and the end are scored.
    """

    def __init__(
        self,
        language: Language,
        spellings: Mapping[Sequence[int], Hashable],
        *,
        separators: Collection[int] = (),
        beginnings: Collection[int] = (),
        weight: float = 0.5,
        insertion: float = 0.0,
        unknown: float = -10.0,
    ) -> None:
        self.language, self.weight, self.insertion, self.unknown = language, weight, insertion, unknown
        if not unknown <= 0:
            raise Refusal(f"unknown is {unknown}: what a word without a spelling adds must be 0 nats or less.")
        self.separators, self.beginnings = frozenset(separators), frozenset(beginnings)
        self._breaks = self.separators | self.beginnings
        self._trie, self._words = Trie(spellings), tuple(spellings.values())
        self._after = [*self._trie.after, {}]  # the last one is where OUTSIDE points
        letters = {symbol for symbol in self._trie.symbol[1:] if symbol not in self._breaks}
        self._outward = dict.fromkeys(letters if len(letters) <= SMALL else (), unknown)
        self._rows: dict[int, dict[int, float]] = {OUTSIDE: dict.fromkeys(self._outward, 0.0)}

    def most(self, symbol: int) -> float:
        """Nothing within a word; where one ends its bonus, ∞ if the model is taken away."""
        if symbol not in self._breaks:
            return 0.0
        return max(0.0, self.insertion) if self.weight >= 0 else inf

    def row(self, state: State) -> dict[int, float]:
        """What symbols that end no word add: those by which a known one goes on, and of a small alphabet all."""
        node = state[1]
        found = self._rows.get(node)
        if found is None:
            if len(self._rows) >= REMEMBERED:
                self._rows.popitem()
            after = self._after[node]
            inside = after if self._breaks.isdisjoint(after) else [one for one in after if one not in self._breaks]
            found = self._rows[node] = self._outward | dict.fromkeys(inside, 0.0)
        return found

    def start(self) -> State:
        """Before the first word."""
        return self.language.start(), ROOT

    def score(self, state: State, symbol: int) -> tuple[State, float]:
        """One symbol more: nothing within a known word, the word's share where it ends."""
        before, node = state
        added = 0.0
        if symbol in self._breaks:
            before, added = self._ended(before, node)
            node = ROOT
            if symbol in self.separators:
                return (before, node), added
        after = self._after[node].get(symbol, OUTSIDE)
        return (before, after), (added + self.unknown if after == OUTSIDE != node else added)

    def end(self, state: State) -> float:
        """The last word, and the end."""
        before, added = self._ended(*state)
        return added + self.weight * self.language.end(before)

    def _ended(self, before: Any, node: int) -> tuple[Any, float]:
        """The model's state after the word that ends, and what the word adds."""
        if node == ROOT:
            return before, 0.0
        number = self._trie.ends.get(node)
        word = None if number is None else self._words[number]
        before, added = self.language.score(before, word)  # type: ignore[arg-type]
        missing = self.unknown if number is None and node != OUTSIDE else 0.0
        return before, self.weight * added + self.insertion + missing
