"""``int8.json``: what answering in 8-bit integers costs a saved step, measured once and remembered beside the steps."""

from __future__ import annotations

import contextlib
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from melisma.errors import Busy, Refusal
from melisma.measures.units import called, figure, unit_of
from melisma.quoting import counted
from melisma.runs.disk import DISK, Disk, replace_file
from melisma.runs.inside import read_inside
from melisma.runs.layout import FORMAT, INT8, LIMITS, MODEL, StepName, step_name
from melisma.runs.lock import Lock
from melisma.runs.plain import from_json, to_json
from melisma.runs.read import read_manifest, step_names


@dataclass(frozen=True)
class Cost:
    """What a saved step scores as it is and in int8, on so many examples, and how many times as fast int8 was."""

    measure: str
    higher: bool  # whether more of the measure is better
    plain: float
    int8: float
    examples: int
    faster: float

    @property
    def lost(self) -> float:
        """By how much int8 is worse; below 0 where it is better."""
        return self.plain - self.int8 if self.higher else self.int8 - self.plain

    def __str__(self) -> str:
        scored = " ".join(filter(None, (figure(self.measure, self.int8), unit_of(self.measure))))
        where = f"on {counted(self.examples, 'validation example')}, {self.faster:.1f} times as fast"
        where += " (for this model int8=no is quicker)" if self.faster < 1 else ""
        return f"int8: {called(self.measure)} {scored}, without int8 {figure(self.measure, self.plain)}, {where}"


def recall(path: Path, step: str) -> Cost | None:
    """What was remembered of a step's very weights; None where nothing was, or what is there cannot be believed."""
    with contextlib.suppress(Refusal, OSError, TypeError, ValueError):
        told = _read(path).get(step)
        if isinstance(told, dict) and told.get("sha256") == _weights(path, step):
            return _cost({name: value for name, value in told.items() if name != "sha256"})
    return None


def remember(path: Path, step: str, cost: Cost, disk: Disk = DISK) -> bool:
    """Remembers what a step costs, for as long as that step is there; False where the run cannot be written to now."""
    try:
        lock = Lock.take(path, disk)
    except (Busy, Refusal, OSError):
        return False
    try:
        there = set(map(str, step_names(path)))
        known: dict[str, Any] = {}
        with contextlib.suppress(Refusal, OSError):
            known = {name: told for name, told in _read(path).items() if name in there}
        known[step] = asdict(cost) | {"sha256": _weights(path, step)}
        replace_file(disk, path / INT8, to_json({"format": FORMAT, "steps": known}, indent=1))
    except (Refusal, OSError):
        return False
    finally:
        lock.release()
    return True


def _read(path: Path) -> dict[str, Any]:
    told = from_json(read_inside(path, INT8, limit=LIMITS[INT8]), INT8)
    steps = told.get("steps")
    return steps if told.get("format") == FORMAT and isinstance(steps, dict) else {}


def _weights(path: Path, step: str) -> str:
    return read_manifest(path, step_name(step) or StepName(0, 1))[MODEL].sha256


def _cost(told: dict[str, Any]) -> Cost:
    """ValueError, or TypeError, where this is not what was written."""
    cost = Cost(**told)
    kinds = {"str": str, "bool": bool, "float": float, "int": int}
    for field in fields(cost):
        value = getattr(cost, field.name)
        if type(value) is not kinds[str(field.type)] or (isinstance(value, float) and not math.isfinite(value)):
            raise ValueError(f"{value!r} for {field.name}")
    return cost
