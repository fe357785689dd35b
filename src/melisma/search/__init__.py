"""Searches: they know a model by its step alone, ``(state, last symbols) -> (state, log-probabilities, trace)``."""

from melisma.search.beam import beam
from melisma.search.greedy import greedy
from melisma.search.hypothesis import Bounds, Hypothesis
from melisma.search.ranking import Ranking

__all__ = ["Bounds", "Hypothesis", "Ranking", "beam", "greedy"]
