"""What ``training.precision=auto`` comes to, decided once for a whole training or sweep."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch

from melisma.training.precision import chosen


def decided(settings: Any, shapes: Iterable[tuple[int, ...]], place: torch.device) -> str:
    """The precision of a training of weights of these shapes at ``place``: only on a processor is ``auto`` measured."""
    given = str(settings.training.precision)
    return chosen(given, shapes) if place.type == "cpu" else given


def multiplied_in(settings: Any, precision: str) -> tuple[Any, list[str]]:
    """The settings with the precision that was decided on, and a sentence where that is another than was asked for."""
    if precision == settings.training.precision:
        return settings, []
    told = f"training.precision={precision}: products of matrices are faster so on this processor"
    return replace(settings, training=replace(settings.training, precision=precision)), [told]
