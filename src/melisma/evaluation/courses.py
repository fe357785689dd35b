"""How a training went, as lines over its steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from melisma.measures.units import axis, called, most, unit_of
from melisma.settings.training import TrainingSettings
from melisma.task import Figure
from melisma.training.optimise import rate

LARGEST = 1e300  # of a number that is drawn
SMOOTHED = 40  # points of the training loss from which on it is smoothed
FEW = 4  # points of the training loss from which on its beginning may be left above the chart
BEGINNING = 10  # one of so many points is left above the chart, where the loss has fallen far since
RATES = 200  # points of the learning rate
AGREED = 0.01  # of the rate at its highest: as much may a logged one differ, as epochs only estimate the last step
TOGETHER = ("bleu", "chrf", "exact")  # measures from 0 to 100, of which more is better: one chart

Lines = Sequence[Mapping[str, Any]]


def courses(
    log: Lines, settings: TrainingSettings, *, best: int | None, planned: int | None, decided_by: str, higher: bool
) -> list[Figure]:
    """Charts of the losses, of the measures of validation and of the learning rate, from the lines of a log.

    ``best`` is the step to mark, ``planned`` the last one where it is known, ``decided_by`` the measure that chose the
    best step, and ``higher`` whether more of it is better. A log that tells of nothing yet gives no charts.
    """
    lines = [line for line in log if type(line.get("step")) is int]
    validations = [(line["step"], line["valid"]) for line in lines if isinstance(line.get("valid"), Mapping)]
    made = [_losses(lines, validations), *_measures(validations)]
    reached = max((line["step"] for line in lines), default=0)
    if reached:
        made.append(_rates(lines, settings, reached, planned, _cuts(validations, settings, decided_by, higher)))
    common: dict[str, Any] = {"x": "step", "span": (0, reached)}
    marked = {} if best is None else {"mark": best, "marked": "best"}
    return [one._replace(data=one.data | common | marked) for one in made if one is not None]


def _losses(lines: Lines, validations: Sequence[tuple[int, Mapping[str, Any]]]) -> Figure | None:
    told = [(line["step"], _number(line["loss"])) for line in lines if "loss" in line]
    training = [(step, value) for step, value in told if value is not None]
    found = [(step, _number(scores.get("loss"))) for step, scores in validations]
    valid = [(step, value) for step, value in found if value is not None]
    if not training and not valid:
        return None
    series = []
    if len(training) >= SMOOTHED:
        series.append(_series("", training) | {"faint": True})
    if training:
        series.append(_series("training", smoothed(training)))
    series += [_series(f"training, {name}", smoothed(points)) for name, points in _others(lines).items()]
    if valid:
        series.append(_series("validation", valid))
    beginning = max(1, len(training) // BEGINNING) if len(training) >= FEW else 0
    most = max(value for _, value in [*training[beginning:], *valid])
    above = training and training[0][1] > 2 * most
    limits = (None, most if above else None)
    y = f"nats a symbol; begins at {training[0][1]:.3g}" if above else "nats a symbol"
    data = {"series": series, "y": y, "limits": limits}
    return Figure("Loss", "curves", data)


def _others(lines: Lines) -> dict[str, list[tuple[int, float]]]:
    """What was logged of each loss but the main one, which comes first, in its own nats a symbol."""
    found: dict[str, list[tuple[int, float]]] = {}
    for line in lines:
        losses = line.get("losses")
        for name, loss in list(losses.items())[1:] if isinstance(losses, Mapping) else ():
            if (value := _number(loss)) is not None:
                found.setdefault(name, []).append((line["step"], value))
    return found


def smoothed(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Each value as the mean of those around it, one in forty of all; few points are left as they are."""
    if len(points) < SMOOTHED:
        return list(points)
    reach = max(1, len(points) // SMOOTHED // 2)
    values = [value for _, value in points]
    around = [values[max(0, place - reach) : place + reach + 1] for place in range(len(points))]
    return [(step, sum(near) / len(near)) for (step, _), near in zip(points, around)]


def _measures(validations: Sequence[tuple[int, Mapping[str, Any]]]) -> list[Figure]:
    names = list(dict.fromkeys(name for _, scores in validations for name in scores if name != "loss"))
    parts = [[name for name in names if name in TOGETHER], *([name] for name in names if name not in TOGETHER)]
    figures = []
    for part in parts:
        series = [_series(called(name), _of(validations, name)) for name in part]
        series = [one for one in series if one["x"]]
        if series:
            unit = "0 to 100, more is better" if part[0] in TOGETHER else unit_of(part[0]) or called(part[0])
            title = "Scores in validation" if len(series) > 1 else f"{series[0]['name']} in validation"
            shared = [axis(name) for name in part]
            ends = tuple(next((own[side] for own in shared if own[side] is not None), None) for side in (0, 1))
            data = {"series": series, "y": unit, "ends": ends, "most": most(part[0])}
            figures.append(Figure(title, "curves", data))
    return figures


def _of(validations: Sequence[tuple[int, Mapping[str, Any]]], name: str) -> list[tuple[int, float]]:
    found = [(step, _number(scores.get(name))) for step, scores in validations]
    return [(step, value) for step, value in found if value is not None]


def _series(name: str, points: Sequence[tuple[int, float]]) -> dict[str, Any]:
    return {"name": name, "x": [step for step, _ in points], "y": [value for _, value in points]}


def _number(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) and -LARGEST < value < LARGEST else None


# --- the learning rate, which follows from the settings, unless they were others for a while: then as it was logged


def _rates(lines: Lines, settings: TrainingSettings, reached: int, planned: int | None, cuts: Sequence[int]) -> Figure:
    last = planned or _estimated(lines, settings) or reached
    every = max(1, reached // RATES)
    steps = sorted({1, reached, *range(1, reached + 1, every), *(cut + after for cut in cuts for after in (0, 1))})
    values = [rate(step, settings, last, sum(cut < step for cut in cuts)) for step in steps if step <= reached]
    logged = [(line["step"], value) for line in lines if (value := _number(line.get("rate"))) is not None]
    series, source = _series("learning rate", list(zip(steps, values))), "by the settings"
    given = [rate(step, settings, last, sum(cut < step for cut in cuts)) for step, _ in logged]
    if any(abs(value - by) > AGREED * settings.rate for (_, value), by in zip(logged, given)):
        series, source = _series("learning rate", logged), "as it was"
    data = {"series": [series], "y": f"{settings.schedule}, {source}", "limits": (0.0, None)}
    return Figure("Learning rate", "curves", data)


def _estimated(lines: Lines, settings: TrainingSettings) -> int | None:
    """The last step where epochs decide it, from the steps of the first one."""
    turned = [line["step"] for line in lines if line.get("epoch") == 1]
    if settings.epochs is None or not turned:
        return None
    return int(min(turned)) * settings.epochs


def _cuts(
    validations: Sequence[tuple[int, Mapping[str, Any]]], settings: TrainingSettings, decided_by: str, higher: bool
) -> list[int]:
    """The steps at which the plateau schedule cut the rate."""
    if settings.schedule != "plateau":
        return []
    best, waited, cuts = -math.inf, 0, []
    for step, value in _of(validations, decided_by):
        value = value if higher else -value
        waited = 0 if value > best else waited + 1
        best = max(best, value)
        if waited and waited % settings.plateau_patience == 0:
            cuts.append(step)
    return cuts
