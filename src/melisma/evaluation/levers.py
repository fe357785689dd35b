"""What a sweep found: for each lever a curve with its spread, and what to try first, in sentences.

Two values of a lever are compared seed by seed, since trainings of one seed have their beginnings and their data in
common. A difference is believed where the 95 % interval of its mean (Student 1908) leaves out nought.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from melisma.measures.units import DECIMALS, called, unit_of

STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093,
)  # fmt: skip
"""Degrees of freedom from 1 -> how many standard errors the 95 % interval reaches to each side."""

FLATTENING = 0.5  # times the gain of the doubling before, below which a curve is called flattening
SAME = 1e-9  # below which a spread is none
CHEAPER = 0.9  # times the cost, below which it is worth telling


@dataclass(frozen=True)
class Trained:
    """What one training came to, at its best step."""

    scores: Mapping[str, float]  # by measure
    step: int
    seconds: float
    parameters: int


@dataclass(frozen=True)
class Point:
    """One value of a lever, and the trainings with it by their seeds."""

    factor: float  # times the recipe's own value
    label: str
    words: str  # its settings as they are typed; empty at the recipe's own value
    trained: Mapping[int, Trained]
    failed: int = 0  # trainings that came to nothing

    def scores(self, measure: str) -> dict[int, float]:
        """The score of each seed."""
        return {seed: one.scores[measure] for seed, one in self.trained.items() if measure in one.scores}

    def middle(self, measure: str) -> float:
        """The mean over the seeds; NaN where there is none."""
        found = self.scores(measure).values()
        return mean(found) if found else math.nan

    def spread(self, measure: str) -> float:
        """The standard deviation over the seeds; NaN where there are fewer than two."""
        found = self.scores(measure).values()
        return stdev(found) if len(found) > 1 else math.nan

    @property
    def seconds(self) -> float:
        """How long a training takes, in the middle."""
        return mean(one.seconds for one in self.trained.values()) if self.trained else math.nan

    @property
    def parameters(self) -> int:
        """The size of the model; with little data fewer symbols may be known."""
        return max((one.parameters for one in self.trained.values()), default=0)


@dataclass(frozen=True)
class Curve:
    """A lever with its values, smallest first, one of which is the recipe's own."""

    lever: str
    setting: str  # what the values are of: ``share of the data``, ``model.hidden``
    points: tuple[Point, ...]

    @property
    def own(self) -> Point:
        """The recipe's own value."""
        return next(point for point in self.points if point.factor == 1)


@dataclass(frozen=True)
class Scale:
    """The measure that a sweep goes by."""

    measure: str
    higher: bool  # whether more is better

    @property
    def unit(self) -> str:
        """What differences are counted in."""
        return "nats a symbol" if self.measure == "loss" else "points"

    def figure(self, value: float) -> str:
        """A difference or a spread."""
        return f"{value:.{DECIMALS.get(self.measure, 1)}f}"

    @property
    def title(self) -> str:
        """The measure with its unit, as an axis has it."""
        return " ".join(filter(None, (called(self.measure), unit_of(self.measure))))


@dataclass(frozen=True)
class Gain:
    """What going from one value to another brought: the mean over the seeds, how far its interval reaches."""

    value: float  # positive: better, whichever way the measure goes
    reach: float  # to each side; infinite where fewer than two seeds have both
    scale: Scale

    @property
    def sure(self) -> bool:
        """Whether it is more than the spread of the seeds."""
        return abs(self.value) > self.reach

    @property
    def told(self) -> str:
        """``3.1 ± 0.4 points``."""
        return f"{self.scale.figure(abs(self.value))} ± {self.scale.figure(self.reach)} {self.scale.unit}"

    @property
    def signed(self) -> str:
        """The same, with the sign of a loss."""
        return ("-" if self.value < 0 else "") + self.told


def gain(before: Point, after: Point, scale: Scale) -> Gain:
    """What ``after`` is better by than ``before``, over the seeds that both have."""
    first, second = before.scores(scale.measure), after.scores(scale.measure)
    sign = 1 if scale.higher else -1
    found = [sign * (second[seed] - first[seed]) for seed in first if seed in second]
    if len(found) < 2:
        return Gain(found[0] if found else math.nan, math.inf, scale)
    spread = stdev(found)
    if spread < SAME:  # coarse scores may differ by the same in all seeds, which is no certainty
        spread = math.hypot(before.spread(scale.measure), after.spread(scale.measure))
    return Gain(mean(found), STUDENT[len(found) - 2] * spread / math.sqrt(len(found)), scale)


def advice(curves: Sequence[Curve], scale: Scale, steps: bool = False) -> list[str]:
    """What to try first, then a sentence a lever, then what to keep in mind; ``steps``: these end a training."""
    said = {curve.lever: (_data if curve.lever == "data" else _lever)(curve, scale) for curve in curves}
    hopes = sorted((-worth, lever) for lever, (_, worth) in said.items() if worth > 0)
    tried = [set(point.scores(scale.measure).values()) for curve in curves for point in curve.points if point.trained]
    if len(tried) > 1 and len(everything := set().union(*tried)) == 1:
        same = f"{scale.title} {scale.figure(everything.pop())}"
        first = f"All trainings score the same, {same}: longer ones are wanted, or a measure that tells them apart."
        return [first, *_mind(curves, steps)]
    return [_first([lever for _, lever in hopes]), *(sentence for sentence, _ in said.values()), *_mind(curves, steps)]


MORE = {"data": "more data", "hidden": "another width", "epochs": "another length", "batch": "another batch size"}


def _first(levers: Sequence[str]) -> str:
    if not levers:
        return "No value that was tried is better than the recipe's own by more than the spread of the seeds."
    then = f", then {' and '.join(MORE[lever] for lever in levers[1:])}" if levers[1:] else ""
    return f"The first thing to try is {MORE[levers[0]]}{then}."


def _data(curve: Curve, scale: Scale) -> tuple[str, float]:
    """The sentence of the lever that ends at all there is, and how much one more doubling may be hoped to bring."""
    *before, half, whole = curve.points
    last = gain(half, whole, scale)
    what = f"Twice the data ({whole.label} instead of {half.label})"
    if math.isinf(last.reach):
        return f"{what}: too few trainings came to an end to compare.", 0.0
    if not last.sure:
        return f"{what} brought nothing beyond the spread of the seeds ({last.signed}): it shows no lack of data.", 0.0
    if last.value < 0:
        return f"{what} cost {last.told}: what was added differs from the rest, or more steps did harm.", 0.0
    earlier = gain(before[-1], half, scale) if before else None
    if earlier is not None and earlier.sure and last.value < FLATTENING * earlier.value:
        than = f"the doubling before brought {scale.figure(earlier.value)}"
        return (
            f"{what} brought {last.told} and is flattening ({than}): more data will help, less each time.",
            last.value,
        )
    return f"{what} brought {last.told} and had not flattened: more data is worth having.", last.value


def _lever(curve: Curve, scale: Scale) -> tuple[str, float]:
    """The sentence of a lever that can be moved both ways, and what its best value brought."""
    own, name = curve.own, f"{curve.lever[:1].upper()}{curve.lever[1:]}"
    gains = [(gain(own, point, scale), point) for point in curve.points if point is not own]
    known = [(found, point) for found, point in gains if math.isfinite(found.reach)]
    if not known:
        return f"{name}: too few trainings came to an end to compare.", 0.0
    better = [(found, point) for found, point in known if found.sure and found.value > 0]
    if better:
        found, best = max(better, key=lambda one: one[0].value)
        open_end = best is curve.points[0] or best is curve.points[-1]
        more = ", and lies at the end of what was tried, so that going further may bring more" if open_end else ""
        cost = _cost(own, best)
        return (
            f"{name} {best.label} instead of {own.label} brought {found.told}{cost}{more}: {best.words}.",
            found.value,
        )
    parts = [f"{name} {_each(point, found, own)}" for found, point in (known[-1],)]
    less = [(found, point) for found, point in known if point.factor < 1 or curve.lever == "batch"]
    cheap = [point for found, point in less if not found.sure and _ratio(own, point) < CHEAPER]
    if cheap:
        least = min(cheap, key=lambda point: _ratio(own, point))
        parts.append(f"{least.label} is not worse beyond it{_cost(own, least)} ({least.words})")
    worse = [(found, point) for found, point in known[:-1] if found.sure]
    if worse:
        found, point = max(worse, key=lambda one: abs(one[0].value))
        parts.append(f"{point.label} cost {found.told}")
    return "; ".join(parts) + ".", 0.0


def _each(point: Point, found: Gain, own: Point) -> str:
    what = f"{point.label} instead of {own.label}"
    return f"{what} cost {found.told}" if found.sure else f"{what} brought nothing beyond the spread ({found.signed})"


def _ratio(own: Point, point: Point) -> float:
    return point.seconds / own.seconds if own.seconds > 0 else math.nan


def _cost(own: Point, point: Point) -> str:
    ratio = _ratio(own, point)
    if not math.isfinite(ratio) or CHEAPER <= ratio <= 1 / CHEAPER:
        return ""
    return f" in {ratio:.1f} times the time" if ratio >= 1 else f" in {100 * ratio:.0f} % of the time"


def _mind(curves: Sequence[Curve], steps: bool) -> list[str]:
    """What whoever reads the sentences should keep in mind."""
    found = []
    seeds = max((len(point.trained) for curve in curves for point in curve.points), default=0)
    if seeds == 2:
        found.append("Two seeds tell large differences alone; with seeds=4 only what is missing is trained.")
    levers = {curve.lever for curve in curves}
    if "data" in levers and not steps:
        beside = (
            "the lever epochs shows what steps bring alone" if "epochs" in levers else "vary=epochs tells both apart"
        )
        found.append(f"Twice the data is twice the steps too, as epochs stay the same: {beside}.")
    failed = sum(point.failed for curve in curves for point in curve.points)
    if failed:
        found.append("Trainings that failed are left out, which flatters the values that they had.")
    count = sum(len(curve.points) - 1 for curve in curves)
    if count > 5:
        found.append(f"About one in twenty comparisons is beyond the spread by chance, and here are {count}.")
    return found


def rows(curves: Sequence[Curve], scale: Scale) -> list[tuple[str, ...]]:
    """The table, its head first: a row for each value of each lever."""
    head = ("lever", "value", "times", scale.title, "spread", "against own", "loss", "seconds", "parameters", "seeds")
    return [head, *(_row(curve, point, scale) for curve in curves for point in curve.points)]


def _row(curve: Curve, point: Point, scale: Scale) -> tuple[str, ...]:
    found = gain(curve.own, point, scale)
    own = point is curve.own
    against = "own" if own else "–"
    if not own and math.isfinite(found.reach):
        value = f"{found.value:+.{DECIMALS.get(scale.measure, 1)}f}"
        against = f"{value} ± {scale.figure(found.reach)}{' *' if found.sure else ''}"
    failed = f", {point.failed} failed" if point.failed else ""
    return (
        curve.lever,
        point.label,
        f"×{point.factor:g}",
        _number(point.middle(scale.measure), DECIMALS.get(scale.measure, 2)),
        _number(point.spread(scale.measure), DECIMALS.get(scale.measure, 2)),
        against,
        _number(point.middle("loss"), 3),
        _number(point.seconds, 1),
        f"{point.parameters:,}",
        f"{len(point.trained)}{failed}",
    )


def _number(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if math.isfinite(value) else "–"
