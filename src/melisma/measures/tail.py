"""Scores in log-odds: how high a threshold must be for alarms rarer than the hours at hand can show."""

from __future__ import annotations

import math
from collections.abc import Sequence

from melisma.errors import Refusal

HIGHEST = 20  # scores that a tail is judged by: fewer say little of it, and more are not of the tail
FEWEST = 5  # of them without which nothing is said
SHORTEST = 1e-3  # nats: scores that hardly differ have no tail to be judged by


def extrapolated(scores: Sequence[float], hours: float, wanted: float) -> float | None:
    """The threshold that ``wanted`` scores an hour exceed, of scores in 0 … 1, each the highest of an alarm.

    In log-odds what exceeds a high score does so by an exponentially distributed amount (Pickands 1975, the case of a
    light tail): with the k highest above u, and on the average by b, k / hours · exp(-(t - u) / b) of them an hour lie
    above t, so that t = u + b ln(k / (hours · wanted)). k is 20, or half of fewer scores; None of fewer than 10, and
    where the k highest are no rarer than wanted. Refuses no time and no wanted rate.
    """
    if not (hours > 0 and wanted > 0):
        raise Refusal(f"{wanted:g} scores an hour in {hours:g} hours: more than 0 are wanted of both.")
    falling = sorted(map(log_odds, scores), reverse=True)
    k = min(HIGHEST, len(falling) // 2)
    if k < FEWEST or k <= hours * wanted:
        return None
    low = falling[k]
    above = sum(one - low for one in falling[:k]) / k
    if above < SHORTEST:
        return None
    return of_odds(low + above * math.log(k / (hours * wanted)))


def log_odds(score: float) -> float:
    """ln(p / (1 - p)), of 1e-9 to 1 - 1e-9 at the farthest."""
    score = min(max(score, 1e-9), 1 - 1e-9)
    return math.log(score) - math.log1p(-score)


def of_odds(odds: float) -> float:
    """The score of these log-odds, 1 / (1 + e^-odds)."""
    return 1 / (1 + math.exp(-odds))


def middle(low: float, high: float) -> float:
    """The score halfway from ``low`` to ``high`` in log-odds, but above ``low`` in any case."""
    return max(of_odds((log_odds(low) + log_odds(high)) / 2), math.nextafter(low, math.inf))
