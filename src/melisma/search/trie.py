"""Phrases as a tree: equal beginnings are one path."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from melisma.errors import Refusal
from melisma.search.heard import BLANK

ROOT = 0


class Trie:
    """Phrases of symbols: ``after[node]`` says where each symbol leads, ``ends[node]`` which phrase it completes.

    Nodes are numbered from the root, 0, and a node stands after the one that leads to it. Of equal phrases the first
    counts. Raises Refusal for a phrase that is empty or holds the blank or what is no symbol.
    """

    def __init__(self, phrases: Iterable[Sequence[int]]) -> None:
        self.after: list[dict[int, int]] = [{}]
        self.before: list[int] = [ROOT]
        self.symbol: list[int] = [BLANK]  # that leads to a node
        self.depth: list[int] = [0]
        self.ends: dict[int, int] = {}
        for number, phrase in enumerate(phrases):
            if not phrase:
                raise Refusal(f"phrase {number + 1} is empty: it has no symbol to listen for.")
            node = ROOT
            for symbol in phrase:
                if symbol <= BLANK:
                    raise Refusal(f"phrase {number + 1} holds {symbol}, which no answer can: symbols are 1 or more.")
                node = self._longer(node, symbol)
            self.ends.setdefault(node, number)

    def _longer(self, node: int, symbol: int) -> int:
        found = self.after[node].get(symbol)
        if found is None:
            found = self.after[node][symbol] = len(self.after)
            self.after.append({})
            self.before.append(node)
            self.symbol.append(symbol)
            self.depth.append(self.depth[node] + 1)
        return found
