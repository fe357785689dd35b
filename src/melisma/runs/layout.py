"""What a run's directory holds: the names, and how large each may be.

``run.json`` and ``codec.json`` · ``steps/000123/`` with ``model.safetensors``, ``training.safetensors``,
``training.json`` and ``manifest.json`` · ``latest``, ``best`` and ``best-<measure>``, each one line naming a step ·
``metrics.jsonl``, and on request ``board/`` · ``.lock``. A step that is saved a second time with other bytes goes to
``steps/000123-2``: no folder is ever written over.
"""

from __future__ import annotations

import re
from typing import NamedTuple

FORMAT = 1

RUN, CODEC, LOG, BOARD, LOCK, STEPS, LATEST, BEST = (
    "run.json",
    "codec.json",
    "metrics.jsonl",
    "board",
    ".lock",
    "steps",
    "latest",
    "best",
)
MODEL, TRAINING, STATE, MANIFEST = "model.safetensors", "training.safetensors", "training.json", "manifest.json"
FILES = (MODEL, TRAINING, STATE)
CARD, REPORT = "README.md", "report.html"
PAGES = (CARD, REPORT)
INT8 = "int8.json"
DAMAGED = "damaged-"  # begins the name of a step that was set aside

MEBIBYTE = 2**20
LIMITS = {  # bytes; reading stops above them, whatever a file says of itself
    RUN: 16 * MEBIBYTE,
    CODEC: 64 * MEBIBYTE,
    STATE: 64 * MEBIBYTE,
    MANIFEST: 64 * 1024,
    INT8: 64 * 1024,
    "pointer": 64,
    "log line": MEBIBYTE,
    "tensors": 2**34,
}

_STEP = re.compile(r"(\d{6,12})(?:-([1-9]\d{0,3}))?", re.ASCII)
_POINTER = re.compile(r"latest|best(?:-[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*)?", re.ASCII)
LARGEST_STEP = 10**12 - 1


class StepName(NamedTuple):
    """A step's folder, in the order of age: the number of the step, and which saving of it."""

    number: int
    saving: int

    def __str__(self) -> str:
        return f"{self.number:06d}" if self.saving == 1 else f"{self.number:06d}-{self.saving}"


def step_number(name: str) -> int:
    """The step that a folder of one is named for: 123 of ``000123-2``."""
    return int(name.partition("-")[0])


def step_name(text: str) -> StepName | None:
    """The step that a folder or a pointer names, or None where it is no such name (no path can pass)."""
    found = _STEP.fullmatch(text)
    if found is None:
        return None
    name = StepName(int(found[1]), int(found[2] or 1))
    return name if str(name) == text else None  # one spelling each: not 0000123, not 000123-1


def is_pointer(name: str) -> bool:
    """Whether this is ``latest``, ``best`` or ``best-<measure>``."""
    return len(name) <= 100 and _POINTER.fullmatch(name) is not None
