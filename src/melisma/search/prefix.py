"""Prefixes of answers as a tree, and what language, constraint and hot words add to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import ref

from melisma.search.language import Language

NONE = -1  # the symbol of the prefix that has none
REMEMBERED = 1 << 14  # states of a language whose steps are kept, at most


class Prefix:
    """One prefix, a node of the tree of all; the same prefix is the same node as long as any beam begins with it.

    It holds the prefix before it, and knows those after it only as long as somebody else holds them: what no beam
    begins with any more is gone.
    """

    __slots__ = ("__weakref__", "after", "before", "bonus", "depth", "state", "steps", "symbol")

    def __init__(self, before: Prefix | None, symbol: int, bonus: float) -> None:
        self.before, self.symbol = before, symbol
        self.bonus = bonus  # what language, constraint and hot words have added
        self.state: Any = None  # theirs, once asked
        self.steps: dict[int, float] | None = None  # None: nobody has asked yet, as many prefixes die before
        self.depth: int = 0 if before is None else before.depth + 1
        self.after: dict[int, ref[Prefix]] = {}

    def known(self, symbol: int) -> Prefix | None:
        """The node of this prefix with one symbol more, if there is one."""
        found = self.after.get(symbol)
        return None if found is None else found()

    def longer(self, symbol: int, bonus: float) -> Prefix:
        """The same, made if there is none; ``bonus`` is what is added to it in all."""
        known = self.after.get(symbol)
        found = None if known is None else known()
        if found is None:
            found = Prefix(self, symbol, bonus)
            self.after[symbol] = ref(found)
        return found


class Asked:
    """What language, constraint and hot words add to prefixes, by symbol, once asked."""

    def __init__(self, language: Language | None, symbols: int) -> None:
        self.language = language
        row: Callable[[Any], dict[int, float]] | None = getattr(language, "row", None)
        self._lent, self._row = row is not None, self._kept if row is None else row
        silent: dict[Any, dict[int, float]] = {None: dict.fromkeys(range(symbols), 0.0)}
        self._known = silent if language is None else {}

    def start(self) -> Prefix:
        """The prefix without any symbol."""
        found = Prefix(None, NONE, 0.0)
        found.state = None if self.language is None else self.language.start()
        found.steps = self._row(found.state)
        return found

    def steps(self, prefix: Prefix) -> dict[int, float]:
        """What symbols add to a prefix, as far as anybody has asked."""
        found = prefix.steps
        if found is None:
            found = prefix.steps = self._row(self.state(prefix))
        return found

    def state(self, prefix: Prefix) -> Any:
        """Where they are after a prefix."""
        if self.language is not None and prefix.steps is None and prefix.before is not None:
            prefix.state = self.language.score(prefix.before.state, prefix.symbol)[0]  # asked before, as it goes on
        return prefix.state

    def step(self, prefix: Prefix, symbol: int) -> float:
        """What one symbol adds to a prefix."""
        steps = prefix.steps
        if steps is None:
            steps = self.steps(prefix)
        found = steps.get(symbol)
        if found is None:
            assert self.language is not None
            found = self.language.score(prefix.state, symbol)[1]
            if self._lent:
                prefix.steps = {**steps, symbol: found}
            else:
                steps[symbol] = found
        return found

    def _kept(self, state: Any) -> dict[int, float]:
        """Those of a state: prefixes that have come to one share them."""
        found = self._known.get(state)
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[state] = {}
        return found


def shared(prefixes: Sequence[Prefix]) -> Prefix | None:
    """The longest prefix that all begin with."""
    found = set(prefixes)
    while len(found) > 1:
        deepest = max(one.depth for one in found)
        found = {one.before if one.depth == deepest else one for one in found}  # type: ignore[misc]
    return next(iter(found), None)


def beginning(prefix: Prefix, depth: int) -> Prefix:
    """The first ``depth`` symbols of a prefix that has as many."""
    while prefix.depth > depth and prefix.before is not None:
        prefix = prefix.before
    return prefix


def spelled(prefix: Prefix | None) -> tuple[int, ...]:
    """The symbols of a prefix."""
    symbols = []
    while prefix is not None and prefix.before is not None:
        symbols.append(prefix.symbol)
        prefix = prefix.before
    return tuple(reversed(symbols))
