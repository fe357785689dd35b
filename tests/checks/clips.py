"""What the tests of checks of recordings share: made sounds, manifests of them, and what is found in these."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sound.made import RATE, Samples, noise, put, tone, written

from melisma.checks.covered import Covered
from melisma.checks.finding import Finding
from melisma.checks.learnable import cover
from melisma.checks.recordings import LookedRecordings, look
from melisma.settings.read import build
from melisma.settings.transcribe import TranscribeSettings
from melisma.tasks.transcribe import TASK

SMALL: Mapping[str, Any] = {"sound.rate": RATE, "sound.bands": 8, "text.language": 0}
Row = Mapping[str, Any]


def voice(seconds: float, seed: int = 0) -> Samples:
    """Something unlike any other of another seed: a tone in a little noise."""
    count = round(seconds * RATE)
    return (tone(count, 200 + 7 * seed, level=0.2) + noise(count, seed, 0.01)).astype(np.float32)


def sound(folder: Path, name: str, seconds: float = 0.5, seed: int = 0, rate: int = RATE) -> str:
    """A file of a voice; its name."""
    put(folder, name, written(voice(seconds, seed), rate))
    return name


def manifest(folder: Path, rows: Sequence[Row], name: str = "train.jsonl") -> str:
    """A manifest of these rows; its path."""
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(folder / name)


def chosen(train: str, valid: str | None = None, **more: Any) -> TranscribeSettings:
    """The settings of a check."""
    given = {"data.train": [train]} | ({} if valid is None else {"data.valid": [valid]})
    settings: TranscribeSettings = build(TranscribeSettings, given | SMALL | more)
    return settings


def looked(train: str, valid: str | None = None, **more: Any) -> LookedRecordings:
    """One pass over the recordings."""
    return look(chosen(train, valid, **more))


def covered(train: str, valid: str | None = None, **more: Any) -> Covered:
    """What training itself shows of them."""
    settings = chosen(train, valid, **more)
    corpus = TASK.read(settings)
    codec: Any = TASK.learn(corpus.train, settings)
    return cover(codec, corpus.train, corpus.valid, settings)


def found(findings: Sequence[Finding]) -> dict[str, Finding]:
    """The findings by name, of which none occurs twice."""
    names = [finding.name for finding in findings]
    assert len(set(names)) == len(names), names
    return {finding.name: finding for finding in findings}
