"""Closed lists and small grammars of what may be said, with a way around them for everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple

from melisma.errors import Refusal
from melisma.search.trie import Trie

REMEMBERED = 1 << 16  # steps that are kept, at most


@dataclass(frozen=True)
class Phrase:
    """These symbols."""

    symbols: tuple[int, ...]


@dataclass(frozen=True)
class Choice:
    """One of the parts."""

    parts: tuple[Grammar, ...]


@dataclass(frozen=True)
class Series:
    """All the parts, one after another."""

    parts: tuple[Grammar, ...]


@dataclass(frozen=True)
class Repeat:
    """The part ``least`` times or more, with the symbols of ``separator`` between two of them."""

    part: Grammar
    separator: tuple[int, ...] = ()
    least: int = 0


@dataclass(frozen=True)
class Filler:
    """Any symbols, ``penalty`` nats each: what is said and is no command, and noise."""

    penalty: float


Grammar = Phrase | Choice | Series | Repeat | Filler


def exactly_one(phrases: Sequence[Sequence[int]], filler: float | None = None) -> Grammar:
    """One of the phrases; with ``filler`` (nats a symbol) anything else instead of it, or nothing."""
    return _choice(phrases, filler)


def any_number(phrases: Sequence[Sequence[int]], separator: int | None, filler: float | None = None) -> Grammar:
    """Phrases, any number of them, with ``separator`` between two; with ``filler`` anything else in their places.

    Without a separator (None) they follow one another directly.
    """
    return Repeat(_choice(phrases, filler), () if separator is None else (separator,))


def _choice(phrases: Sequence[Sequence[int]], filler: float | None) -> Grammar:
    others: tuple[Grammar, ...] = () if filler is None else (Filler(filler),)
    return Choice((*(Phrase(tuple(phrase)) for phrase in phrases), *others))


class Arcs(NamedTuple):
    """Where one place of the automaton leads."""

    symbols: dict[int, int]  # by a symbol
    free: list[int]  # without one
    filler: list[float]  # by any symbol to itself, at this penalty; one at most


State = tuple[tuple[int, float], ...]
"""Places that what was said may be at, each with the nats it has paid above the one that paid least."""
Way = tuple[float, int, Any]
"""What a way has paid, minus the number of its phrases, and these as pairs (those before, phrase): less is better."""
Ways = dict[int, Way]


class Constraint:
    """A grammar as an automaton over symbols: −penalty of the cheapest way through what is said, −∞ if there is none.

    It is determined while it is used: a state is the set of places on all ways at once. Raises Refusal for a choice
    without parts, for phrases as ``Trie`` does, and for a penalty that is not 0 or more.
    """

    def __init__(self, grammar: Grammar) -> None:
        self._arcs: list[Arcs] = [Arcs({}, [], [])]
        self._said: dict[int, tuple[int, ...]] = {}  # place -> the phrase that ways through it have just finished
        self._end = self._add(grammar, 0)
        self._known: dict[tuple[State, int], tuple[State, float]] = {}

    def start(self) -> State:
        """Before the first symbol."""
        return _state(self._spread({0: (0.0, 0, None)}))[0]

    def score(self, state: State, symbol: int) -> tuple[State, float]:
        """One symbol more: 0 where a way is free, what the cheapest one pays, or −∞."""
        key = state, symbol
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            ways = self._moved({place: (paid, 0, None) for place, paid in state}, symbol)
            found = self._known[key] = _state(self._spread(ways)) if ways else (state, -inf)
        return found

    def end(self, state: State) -> float:
        """What it costs to end here, −∞ where no way does."""
        return -dict(state).get(self._end, inf)

    def phrases(self, symbols: Sequence[int]) -> tuple[tuple[int, ...], ...] | None:
        """The phrases on the cheapest way through these symbols, in order; None if there is none.

        Separators, and what the filler took, are left out. Of equally cheap ways one with the most phrases is taken.
        """
        ways = self._spread({0: (0.0, 0, None)})
        for symbol in symbols:
            ways = self._spread(self._moved(ways, symbol))
        if self._end not in ways:
            return None
        before, found = ways[self._end][2], []
        while before is not None:
            before, phrase = before
            found.append(phrase)
        return tuple(reversed(found))

    def _moved(self, ways: Ways, symbol: int) -> Ways:
        """All ways with one symbol more."""
        moved: Ways = {}
        for place, (paid, count, said) in ways.items():
            arcs = self._arcs[place]
            if symbol in arcs.symbols:
                moved[arcs.symbols[symbol]] = paid, count, said  # no two places lead to one by a symbol
            for penalty in arcs.filler:
                moved[place] = paid + penalty, count, said
        return moved

    def _spread(self, ways: Ways) -> Ways:
        """All ways, and where they come from there without a symbol."""
        waiting = list(ways)
        while waiting:
            place = waiting.pop()
            paid, count, said = ways[place]
            if place in self._said:
                count, said = count - 1, (said, self._said[place])
            for free in self._arcs[place].free:
                if free not in ways or (paid, count) < ways[free][:2]:
                    ways[free] = paid, count, said
                    waiting.append(free)
        return ways

    def _new(self, *before: int) -> int:
        """A place that some lead to without a symbol."""
        self._arcs.append(Arcs({}, [], []))
        for place in before:
            self._arcs[place].free.append(len(self._arcs) - 1)
        return len(self._arcs) - 1

    def _add(self, grammar: Grammar, begin: int) -> int:
        """Lays a grammar behind a place -> the place at its end."""
        match grammar:
            case Phrase():
                return self._choose([grammar.symbols], [], begin)
            case Choice():
                phrases = [part.symbols for part in grammar.parts if isinstance(part, Phrase)]
                return self._choose(phrases, [part for part in grammar.parts if not isinstance(part, Phrase)], begin)
            case Series():
                for part in grammar.parts:
                    begin = self._add(part, begin)
                return begin
            case Repeat():
                return self._repeat(grammar, begin)
            case Filler():
                if not 0 <= grammar.penalty < inf:
                    raise Refusal(f"the filler's penalty is {grammar.penalty}: it must be 0 nats a symbol or more.")
                place = self._new(begin)
                self._arcs[place].filler.append(grammar.penalty)
                return self._new(place)

    def _choose(self, phrases: Sequence[tuple[int, ...]], others: Sequence[Grammar], begin: int) -> int:
        if not phrases and not others:
            raise Refusal("a choice has no parts: give one phrase or more.")
        ends = [self._add(part, begin) for part in others]
        for place, number in self._spell(phrases, begin).items():
            ends.append(self._new(place))
            self._said[ends[-1]] = phrases[number]
        return self._new(*ends)

    def _repeat(self, grammar: Repeat, begin: int) -> int:
        if grammar.least < 0:
            raise Refusal(f"least is {grammar.least}: a part is repeated 0 times or more.")
        for _ in range(grammar.least - 1):
            begin = self._between(self._add(grammar.part, begin), grammar.separator)
        again = self._new(begin)
        last = self._add(grammar.part, again)
        self._arcs[self._between(last, grammar.separator)].free.append(again)
        return self._new(last) if grammar.least else self._new(last, begin)

    def _between(self, begin: int, separator: tuple[int, ...]) -> int:
        return next(iter(self._spell([separator], begin))) if separator else begin

    def _spell(self, phrases: Sequence[tuple[int, ...]], begin: int) -> dict[int, int]:
        """Lays phrases behind a place -> where each is complete, and which it is."""
        trie = Trie(phrases)
        places = [self._new(begin), *(self._new() for _ in trie.after[1:])]
        for place, after in zip(places, trie.after):
            self._arcs[place].symbols.update((symbol, places[node]) for symbol, node in after.items())
        return {places[node]: number for node, number in trie.ends.items()}


def _state(ways: Ways) -> tuple[State, float]:
    """The places of all ways, and what the cheapest has paid, as what it adds."""
    least = min(way[0] for way in ways.values())
    return tuple(sorted((place, way[0] - least) for place, way in ways.items())), -least
