"""Where the marks of an axis stand, and how its numbers are written."""

from __future__ import annotations

import math
from dataclasses import dataclass

LEAST = 1e-300  # that an axis can tell apart: below it floating point has few digits left


@dataclass(frozen=True)
class Scale:
    """An axis: its ends, and its marks between them with the text of each."""

    low: float
    high: float
    marks: tuple[float, ...]
    names: tuple[str, ...]

    def share(self, value: float) -> float:
        """Where a value lies, 0 at the low end and 1 at the high one."""
        return (value - self.low) / (self.high - self.low)

    def holds(self, value: float) -> bool:
        """Whether a value lies on the axis; one that rounding put beyond its end does."""
        return -1e-9 <= self.share(value) <= 1 + 1e-9


def scale(low: float, high: float, most: int = 5) -> Scale:
    """The axis from ``low`` to ``high`` or a little beyond, with at most ``most`` marks at 1, 2 or 5 · 10^k.

    A single value stands in the middle of its axis; that of 0 alone, below which most measures have nothing, is 0 to 1.
    """
    if not high - low > max(LEAST, 1e-9 * max(abs(low), abs(high))):
        low, high = (low - abs(low) / 2, high + abs(low) / 2) if abs(low) > LEAST else (0.0, 1.0)
    step = _step((high - low) / max(1, most - 1))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    while last - first + 1 > most:
        step = _step(step * 1.01)
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    marks = tuple(number * step for number in range(first, last + 1))
    return Scale(marks[0], marks[-1], marks, tuple(_name(mark, step) for mark in marks))


def inside(low: float, high: float, most: int = 5) -> Scale:
    """The axis that ends exactly at ``low`` and ``high``, with marks within."""
    whole = scale(low, high, most)
    pairs = [pair for pair in zip(whole.marks, whole.names) if low <= pair[0] <= high]
    ends = (low, high) if high > low else (whole.low, whole.high)
    return Scale(*ends, tuple(mark for mark, _ in pairs), tuple(name for _, name in pairs))


def _step(least: float) -> float:
    """The smallest of 1, 2, 5 · 10^k that is ``least`` or more."""
    power = 10.0 ** math.floor(math.log10(least))
    return next((times * power for times in (1, 2, 5) if times * power >= least * (1 - 1e-9)), 10 * power)


def _name(mark: float, step: float) -> str:
    if mark == 0:
        return "0"
    if step < 1e-3 or abs(mark) >= 1e7:
        return f"{mark:.3g}".replace("e-0", "e-").replace("e+0", "e")
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{mark:,.{decimals}f}"
