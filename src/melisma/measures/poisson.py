"""How often something happens in an hour, and what so many hours can show at all."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from melisma.errors import Refusal
from melisma.measures.interval import LEVEL

CLOSE = 1e-16  # relative change at which a sum has settled
SETTLED = 1e-14  # and a quantile
ROUNDS = 100_000  # of a sum or a fraction: some thousands are needed at a million events


@dataclass(frozen=True)
class Rate:
    """Events in some hours: how many an hour, with the exact interval, one-sided where there is none."""

    events: int
    hours: float
    low: float
    high: float

    @property
    def value(self) -> float:
        """Events an hour."""
        return self.events / self.hours

    def told(self) -> str:
        """``0.22 an hour (1 in 4.5 h; 0.0056–1.24)``; of none what the hours can show: ``below 4.3 an hour``."""
        if not self.events:
            return f"none in {self.hours:.3g} h, which can only show below {_up(self.high)} an hour"
        return f"{self.value:.3g} an hour ({self.events} in {self.hours:.3g} h; {self.low:.2g}–{self.high:.3g})"


def rate(events: int, hours: float, level: float = LEVEL) -> Rate:
    """The rate of ``events`` in ``hours`` and its exact interval (Garwood 1936); refuses no time.

    Of none nothing lies below, so that all of the doubt is above: the interval ends at 3.0 / hours (``most``), and
    everything that is told of it is told of this one bound.
    """
    if not (hours > 0 and math.isfinite(hours)):
        raise Refusal(f"{events} events in {hours:g} hours: a rate needs some time.")
    low, high = expected(events, level) if events else (0.0, most(0, level))
    return Rate(events, hours, low / hours, high / hours)


def expected(events: int, level: float = LEVEL) -> tuple[float, float]:
    """The exact interval of the number to expect, where ``events`` happened (Garwood 1936): low, high.

    Low is the mean with which so many or more have the probability (1 - level) / 2, high that with which so many or
    fewer do: G⁻¹((1 - level) / 2; k) and G⁻¹((1 + level) / 2; k + 1), quantiles of the gamma distribution.
    """
    _check(events, level)
    low = gamma_quantile((1 - level) / 2, events) if events else 0.0
    return low, gamma_quantile((1 + level) / 2, events + 1)


def most(events: int, level: float = LEVEL) -> float:
    """The one-sided bound: the mean with which so many or fewer have the probability 1 - level; -ln(1 - level) of none.

    At 95 % that of none is 2.996, the rule of three.
    """
    _check(events, level)
    return gamma_quantile(level, events + 1)


def rate_gap(first: int, second: int, hours: float, level: float = LEVEL) -> tuple[float, float]:
    """The interval of second / hours - first / hours, of events counted in the same hours: low, high.

    With l and u the ends of each count's own interval (``expected``): low is b - a - √((b - l_b)² + (u_a - a)²), high
    b - a + √((u_b - b)² + (a - l_a)²), an hour (MOVER, Zou & Donner 2008). The counts are taken for independent, so
    that of two systems which are deceived by the same sound it is rather too wide. Refuses no time.
    """
    one, two = (expected(events, level) for events in (first, second))
    if not (hours > 0 and math.isfinite(hours)):
        raise Refusal(f"{first} and {second} events in {hours:g} hours: a rate needs some time.")
    low = second - first - math.hypot(second - two[0], one[1] - first)
    high = second - first + math.hypot(two[1] - second, first - one[0])
    return low / hours, high / hours


def hours_wanted(rate: float, level: float = LEVEL) -> float:
    """How many hours without an event show that the rate is below ``rate`` an hour: 30 for 0.1 at 95 %."""
    if not rate > 0:
        raise Refusal(f"a rate of {rate:g} an hour: it must be above 0 to be shown.")
    return most(0, level) / rate


def _check(events: int, level: float) -> None:
    if events < 0:
        raise Refusal(f"{events} events: 0 or more are wanted.")
    if not 0 < level < 1:
        raise Refusal(f"the level of an interval is {level:g}: it must lie between 0 and 1.")


def _up(value: float) -> str:
    """Two digits, rounded up, as befits a bound."""
    digits = 1 - math.floor(math.log10(value))
    return f"{math.ceil(round(value * 10**digits, 9)) / 10**digits:g}"


def gamma_quantile(probability: float, shape: float) -> float:
    """The x with P(shape, x) = probability, by Newton's steps in log x, halving the bracket where one leaves it."""
    x = _guess(probability, shape)
    low, high = 0.0, math.inf
    for _ in range(200):
        below = gamma_share(shape, x)
        low, high = (x, high) if below < probability else (low, x)
        density = math.exp(shape * math.log(x) - x - math.lgamma(shape))  # of log x
        new = x * math.exp(max(-1.0, min(1.0, (probability - below) / density))) if density > 0 else math.nan
        if abs(new - x) <= SETTLED * x or high - low <= SETTLED * x:
            break
        if not low < new < high:
            new = (low + high) / 2 if math.isfinite(high) else 2 * x
        x = new
    return x


def _guess(probability: float, shape: float) -> float:
    """Wilson & Hilferty 1931: the cube root of a gamma variable is nearly normal."""
    z = NormalDist().inv_cdf(probability)
    root = 1 - 1 / (9 * shape) + z / (3 * math.sqrt(shape))
    if root > 0.2:
        return shape * root**3
    return math.exp((math.log(probability) + math.lgamma(shape + 1)) / shape)


def gamma_share(shape: float, x: float) -> float:
    """P(shape, x) = 1 / Γ(shape) · ∫₀ˣ t^(shape - 1) e^(-t) dt, the regularised lower incomplete gamma function.

    By its series below shape + 1, above by the continued fraction of what is missing (Abramowitz & Stegun 1964, 6.5.29
    and 6.5.31, after Lentz).
    """
    if x <= 0:
        return 0.0
    scale = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    return scale * _series(shape, x) if x < shape + 1 else 1.0 - scale * _fraction(shape, x)


def _series(shape: float, x: float) -> float:
    term = found = 1 / shape
    for n in range(1, ROUNDS):
        term *= x / (shape + n)
        found += term
        if term < found * CLOSE:
            break
    return found


def _fraction(shape: float, x: float) -> float:
    tiny = 1e-300
    b = x + 1 - shape
    c, d = 1 / tiny, 1 / b
    found = d
    for n in range(1, ROUNDS):
        a = n * (shape - n)
        b += 2
        d = 1 / ((a * d + b) or tiny)
        c = (b + a / c) or tiny
        found *= c * d
        if abs(c * d - 1) <= 2 * CLOSE:
            break
    return found
