"""Counts of words in bounded memory: exact until there are very many different ones, then the rarest are dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

MOST = 1 << 18  # different words that are counted; 50,000 sentences of a language have a fifth of that


class Tally:
    """How often words occur, and their characters (lossy counting; Manku & Motwani 2002).

    Where there are more than ``most`` different words, the rarest go until half of the room is free; a word that comes
    back begins anew. What is frequent is counted exactly or nearly so, characters always exactly.
    """

    def __init__(self, most: int = MOST) -> None:
        self.words: Counter[str] = Counter()
        self._most, self._dropped = most, Counter[str]()  # characters of words that were dropped

    def add(self, words: Iterable[str]) -> None:
        """Counts each of the words once."""
        self.words.update(words)
        if len(self.words) > self._most:
            self._drop()

    def characters(self) -> Counter[str]:
        """How often each character occurred in all words."""
        found = self._dropped.copy()
        _spell(self.words.items(), found)
        return found

    def _drop(self) -> None:
        least = sorted(self.words.values(), reverse=True)[self._most // 2]
        _spell(((word, count) for word, count in self.words.items() if count <= least), self._dropped)
        self.words = Counter({word: count for word, count in self.words.items() if count > least})


def _spell(words: Iterable[tuple[str, int]], characters: Counter[str]) -> None:
    for word, count in words:
        for character in word:
            characters[character] += count
