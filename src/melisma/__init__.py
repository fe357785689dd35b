"""Melisma trains, uses, measures and shows sequence models on your own data, on the computer you have."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from melisma.api.check import check
    from melisma.api.measure import evaluate
    from melisma.api.model import Model, load
    from melisma.api.record import record
    from melisma.api.train import resume, train
    from melisma.errors import Busy, Failure, Interrupted, Refusal
    from melisma.task import Progress
    from melisma.tasks.recipe import recipes

__version__ = "0.1.0"

__all__ = [
    "Busy",
    "Failure",
    "Interrupted",
    "Model",
    "Progress",
    "Refusal",
    "check",
    "evaluate",
    "load",
    "recipes",
    "record",
    "resume",
    "train",
]

PUBLIC: dict[str, str] = {
    "Busy": "melisma.errors",
    "Failure": "melisma.errors",
    "Interrupted": "melisma.errors",
    "Model": "melisma.api.model",
    "Progress": "melisma.task",
    "Refusal": "melisma.errors",
    "check": "melisma.api.check",
    "evaluate": "melisma.api.measure",
    "load": "melisma.api.model",
    "recipes": "melisma.tasks.recipe",
    "record": "melisma.api.record",
    "resume": "melisma.api.train",
    "train": "melisma.api.train",
}
"""Public name -> where it stands; loaded when first used, since some load torch."""


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        raise AttributeError(f"module 'melisma' has no attribute {name!r}")
    return getattr(import_module(PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
