"""Searches: they know a model by its step alone, ``(state, last symbols) -> (state, log-probabilities, trace)``.

Those over frames (``BestPath``, ``PrefixBeam``) know it by its log-probabilities alone.
"""

from melisma.search.beam import beam
from melisma.search.best_path import BestPath
from melisma.search.constraints import Constraint, any_number, exactly_one
from melisma.search.forced import Beginning, Forced
from melisma.search.greedy import greedy
from melisma.search.heard import Heard, Spoken
from melisma.search.hot_words import HotWords
from melisma.search.hypothesis import Bounds, Hypothesis
from melisma.search.language import Language, Weighted
from melisma.search.prefix_beam import PrefixBeam, Pruning
from melisma.search.ranking import Ranking
from melisma.search.sample import Drawing, sample
from melisma.search.words import Words

__all__ = [
    "Beginning",
    "BestPath",
    "Bounds",
    "Constraint",
    "Drawing",
    "Forced",
    "Heard",
    "HotWords",
    "Hypothesis",
    "Language",
    "PrefixBeam",
    "Pruning",
    "Ranking",
    "Spoken",
    "Weighted",
    "Words",
    "any_number",
    "beam",
    "exactly_one",
    "greedy",
    "sample",
]
