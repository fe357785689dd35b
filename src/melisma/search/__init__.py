"""Searches: they know a model by its step alone, ``(state, last symbols) -> (state, log-probabilities, trace)``."""

from melisma.search.beam import beam
from melisma.search.forced import Beginning, Forced
from melisma.search.greedy import greedy
from melisma.search.hypothesis import Bounds, Hypothesis
from melisma.search.ranking import Ranking
from melisma.search.sample import Drawing, sample

__all__ = ["Beginning", "Bounds", "Drawing", "Forced", "Hypothesis", "Ranking", "beam", "greedy", "sample"]
