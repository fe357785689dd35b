"""How often a decoder hears its own answers while it learns, from step to step."""

from __future__ import annotations

import math
from collections.abc import Callable

from melisma.settings.training import TrainingSettings
from melisma.task import Moment


def sampled(settings: TrainingSettings, at: Moment) -> float:
    """The share of symbols that are not taught at this step: ``settings.sampling`` at most   (Bengio et al. 2015).

    Where the last step is not known yet, as before minutes became steps, a share that grows is still 0.
    """
    return settings.sampling * GROWTH[settings.sampling_schedule](at) if settings.sampling else 0.0


def _constant(at: Moment) -> float:
    return 1.0


def _linear(at: Moment) -> float:
    """The share of the training that is over."""
    return min(1.0, at.step / at.steps) if at.steps else 0.0


def _inverse_sigmoid(at: Moment) -> float:
    """1 - k / (k + exp(i / k)) at step i, with the k by which it is 1 / 2 in the middle of the training."""
    if not at.steps:
        return 0.0
    k = _halfway(at.steps / 2)
    growth = math.exp(min(at.step, at.steps) / k)
    return growth / (k + growth)


def _halfway(step: float) -> float:
    """The k with k ln k = ``step``, by Newton's method from above, where it cannot overshoot."""
    k = max(math.e, step)
    for _ in range(60):
        k -= (k * math.log(k) - step) / (math.log(k) + 1)
    return k


GROWTH: dict[str, Callable[[Moment], float]] = {
    "constant": _constant,
    "linear": _linear,
    "inverse_sigmoid": _inverse_sigmoid,
}
