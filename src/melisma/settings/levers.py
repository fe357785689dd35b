"""The four levers that improve a sequence model, and at which values a sweep sets each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from melisma.errors import Refusal
from melisma.settings.show import as_text

LEVERS: Final = ("data", "hidden", "epochs", "batch")
"""Amount of data, width of the model, length of the training, size of a batch."""

WIDTHS: Final = ("hidden", "encoder_hidden", "embedding", "attention_size", "feed_forward")
"""The settings of a model that the lever ``hidden`` moves together."""

HIGHEST: Final = {"data": 0, "hidden": 1, "epochs": 1}
"""Lever -> how many doublings its last value lies above the recipe's own; there is no more data than all."""


@dataclass(frozen=True)
class Level:
    """One value of one lever."""

    lever: str
    factor: float  # times the recipe's own value
    value: float  # a share of all data, a width, epochs (or steps), symbols of a batch
    changes: Mapping[str, Any] = field(default_factory=dict)  # settings by dotted name; none at the recipe's own

    @property
    def own(self) -> bool:
        """Whether it is the recipe's own value."""
        return not self.changes

    @property
    def name(self) -> str:
        """How its trainings are called; the recipe's own values are the same trainings for every lever."""
        return "own" if self.own else f"{self.lever}-x{self.factor:g}"

    @property
    def label(self) -> str:
        """Its value as a chart and a sentence have it."""
        return f"{100 * self.value:g} %" if self.lever == "data" else f"{self.value:,.0f}"

    @property
    def words(self) -> str:
        """Its settings as they are typed."""
        return " ".join(f"{name}={as_text(value)}" for name, value in self.changes.items())


def levels(lever: str, settings: Any, points: int) -> tuple[Level, ...]:
    """The values of a lever, smallest first, each twice the one before; Refusal where the recipe cannot take them.

    ``settings`` are those of a task: ``data``, ``model`` and ``training``.
    """
    found = tuple(_level(lever, settings, 2.0**power) for power in _powers(lever, settings, points))
    values = [one.value for one in found]
    if len(set(values)) < len(values):
        told = ", ".join(one.label for one in found)
        raise Refusal(f"vary={lever}: {points} values would be {told}, two of them the same: wants fewer points")
    return found


def own_value(lever: str, settings: Any) -> float:
    """The value that the settings have."""
    if lever == "data":
        return float(settings.data.share)
    if lever == "hidden":
        return float(settings.model.hidden)
    return float(settings.training.batch_tokens if lever == "batch" else _length(settings)[1])


def ended_by(settings: Any) -> str:
    """What the lever ``epochs`` moves: ``epochs``, or ``steps`` where these end the training."""
    return _length(settings)[0]


def effort(level: Level, settings: Any) -> float:
    """About how long a training takes, beside one with the recipe's own values."""
    steps = settings.training.epochs is None
    powers = {"data": 0.0 if steps else 1.0, "hidden": 1.0, "epochs": 1.0, "batch": 0.5 if steps else -0.5}
    return float(level.factor ** powers[level.lever])


def _powers(lever: str, settings: Any, points: int) -> Sequence[int]:
    """By how many doublings each value differs from the recipe's own, which is among them."""
    lowest = -(points // 2) if lever == "batch" else HIGHEST[lever] - (points - 1)
    if lever == "epochs":  # there is no half epoch
        lowest = max(lowest, -math.floor(math.log2(own_value(lever, settings))))
    return range(lowest, lowest + points)


def _level(lever: str, settings: Any, factor: float) -> Level:
    value = own_value(lever, settings) * factor
    if factor == 1:
        return Level(lever, factor, value)
    if lever == "data":
        return Level(lever, factor, value, {"data.share": value})
    if lever == "hidden":
        changes = _widths(settings.model, factor)
        return Level(lever, factor, float(changes.get("model.hidden", value)), changes)
    name = "batch_tokens" if lever == "batch" else ended_by(settings)
    whole = max(1, round(value))
    return Level(lever, factor, float(whole), {f"training.{name}": whole})


def _widths(model: Any, factor: float) -> dict[str, Any]:
    """Every width of a model times ``factor``; where the decoder is as wide as its memory, it stays so."""
    found = {name: getattr(model, name) for name in WIDTHS if getattr(model, name, None) is not None}
    if getattr(model, "input", "embedding") == "one_hot":  # which has no embedding
        found.pop("embedding", None)
    made = {name: max(1, round(width * factor)) for name, width in found.items()}
    if "encoder_hidden" in found and model.hidden == model.memory:
        made["hidden"] = made["encoder_hidden"] * (model.memory // model.encoder_hidden)
    return {f"model.{name}": width for name, width in made.items()}


def _length(settings: Any) -> tuple[str, int]:
    """What ends a training, and when."""
    training = settings.training
    if training.minutes is not None:
        raise Refusal(
            f"vary=epochs and training.minutes={training.minutes:g}: how far minutes lead differs from training to "
            "training, wants training.epochs or training.steps"
        )
    if training.epochs is None and training.steps is None:
        raise Refusal("vary=epochs: patience alone ends this training, wants training.epochs or training.steps")
    if training.epochs is not None and training.steps is not None:
        raise Refusal("vary=epochs: both training.epochs and training.steps end this training, wants one of them")
    return ("steps", training.steps) if training.epochs is None else ("epochs", training.epochs)
