"""Whether weights are still what they were when something was computed from them and kept."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor


class Standing:
    """Weights as they are now. Changes through ``.data``, which leave no trace, are not seen."""

    def __init__(self, weights: Iterable[Tensor]) -> None:
        given = list(weights)
        self._lying = [weight.detach() for weight in given]  # held: nothing else may come to lie where one lies
        self._now = [_state(weight) for weight in given]

    def still(self, weights: Iterable[Tensor]) -> bool:
        """Whether these are the same numbers at the same place, and nothing was written there since."""
        return [_state(weight) for weight in weights] == self._now


def _state(weight: Tensor) -> tuple[object, ...]:
    written = None if weight.is_inference() else weight._version
    return weight.data_ptr(), written, weight.dtype, weight.shape, weight.stride()
