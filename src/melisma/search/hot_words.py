"""Hot words: names and terms that a listener expects, made likelier than the recogniser knows them to be."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from melisma.errors import Refusal
from melisma.search.trie import ROOT, Trie

State = tuple[tuple[int, ...], float]
"""(the places in the tree that what was said last may be at, what they have been given in advance)."""


class HotWords:
    """A bonus for every symbol of a phrase, given when it is said and taken back where the phrase is not finished.

    A prefix has in all ``bonus`` nats a symbol of each phrase that it holds, and of the unfinished ones at its end the
    most that one of them has so far: what belongs to a shorter phrase at its beginning is not counted twice. With
    ``separators`` a phrase is whole words: it begins at the start or after a separator, and is finished where one
    follows or nothing does; without them it may stand anywhere, in another word too. ``bonus`` is one for all, or one a
    phrase. Raises Refusal for a bonus that is not above 0 and for phrases as ``Trie`` does.
    """

    def __init__(
        self, phrases: Sequence[Sequence[int]], bonus: float | Sequence[float] = 1.5, separators: Collection[int] = ()
    ) -> None:
        bonuses = [bonus] * len(phrases) if isinstance(bonus, int | float) else list(bonus)
        if len(bonuses) != len(phrases):
            raise Refusal(f"there are {len(phrases)} hot words and {len(bonuses)} bonuses: give one for each, or one.")
        wrong = [one for one in bonuses if not 0 < one < float("inf")]
        if wrong:
            raise Refusal(f"a hot word's bonus is {wrong[0]}: it must be above 0 nats a symbol, and finite.")
        self.separators = frozenset(separators)
        self._trie = Trie(phrases)
        self._worth = {node: bonuses[number] * self._trie.depth[node] for node, number in self._trie.ends.items()}
        self._ahead, self._most = self._advances(bonuses)

    def most(self, symbol: int) -> float:
        """The highest bonus of the phrases that it may stand in, and what all that it may finish are worth together."""
        return self._most.get(symbol, 0.0)

    def start(self) -> State:
        """Before the first symbol, where any phrase may begin."""
        return (ROOT,), 0.0

    def score(self, state: State, symbol: int) -> tuple[State, float]:
        """What is given for this symbol, less what was given in advance to phrases that it does not go on with."""
        places, ahead = state
        after, worth = self._trie.after, self._worth
        apart = symbol in self.separators
        going = [after[place][symbol] for place in places if symbol in after[place]]
        finished = (places if apart else ()) if self.separators else going
        earned = sum(worth[place] for place in finished if place in worth)
        now = max((self._ahead[place] for place in going), default=0.0)
        if apart or not self.separators:
            going.append(ROOT)
        return (tuple(going), now), earned + now - ahead

    def end(self, state: State) -> float:
        """What is taken back from phrases that end unfinished."""
        places, ahead = state
        earned = sum(self._worth.get(place, 0.0) for place in places) if self.separators else 0.0
        return earned - ahead

    def _advances(self, bonuses: Sequence[float]) -> tuple[list[float], dict[int, float]]:
        """What a phrase that has come to a node (nodes,) has been given, but for shorter ones that were finished.

        And what each symbol may bring at most.
        """
        trie = self._trie
        highest = [0.0] * len(trie.after)  # of the bonuses of all phrases that go through a node
        for end, number in trie.ends.items():
            node = end
            while node != ROOT:
                highest[node] = max(highest[node], bonuses[number])
                node = trie.before[node]
        counted = [0] * len(trie.after)  # the length of the phrase that was finished last on the way to a node
        for node in range(1, len(trie.after)):
            before = trie.before[node]
            counted[node] = counted[before]
            if self.separators and before in trie.ends and trie.symbol[node] in self.separators:
                counted[node] = trie.depth[before]
            elif not self.separators and node in trie.ends:
                counted[node] = trie.depth[node]
        most: dict[int, float] = {}
        for symbol, rate in zip(trie.symbol[1:], highest[1:]):
            most[symbol] = max(most.get(symbol, 0.0), rate)
        finished: dict[int, float] = {}
        for end in trie.ends:
            for symbol in self.separators or (trie.symbol[end],):
                finished[symbol] = max(finished.get(symbol, 0.0), self._together(end))
        most |= {symbol: most.get(symbol, 0.0) + worth for symbol, worth in finished.items()}
        return [rate * (depth - done) for rate, depth, done in zip(highest, trie.depth, counted)], most

    def _together(self, end: int) -> float:
        """What is earned at most where this phrase ends, by it and by all that end as it does."""
        trie, spelled = self._trie, []
        node = end
        while node != ROOT:
            spelled.append(trie.symbol[node])
            node = trie.before[node]
        spelled.reverse()
        return sum(self._worth.get(self._node(spelled[begin:]), 0.0) for begin in range(len(spelled)))

    def _node(self, symbols: Sequence[int]) -> int:
        node = ROOT
        for symbol in symbols:
            found = self._trie.after[node].get(symbol)
            if found is None:
                return ROOT
            node = found
        return node
