"""What there is to see in a sound itself: its wave and its spectrogram, so coarse that they can be drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from melisma.sound.features import Definition, Samples, frames
from melisma.sound.mel import SCALES

COLUMNS = 400  # of the spectrogram and of the wave at most: more could not be seen
BANDS = 48
MARKS = (250, 500, 1000, 2000, 4000, 8000, 16_000)  # hertz
RANGE = 70.0  # decibels below the loudest that can be seen
POWER = 10 / np.log(10)  # decibels of a natural logarithm


def envelope(samples: Samples) -> list[list[float]]:
    """[least, greatest] of each stretch."""
    stretches = _stretches(len(samples), COLUMNS)
    return [[round(float(one(samples[part])), 4) for one in (np.min, np.max)] for part in stretches]


def _stretches(count: int, most: int) -> list[slice]:
    """So many as equally long stretches, as far as can be: at the same share of all, whatever their number."""
    parts = min(count, most)
    edges = [place * count // parts for place in range(parts + 1)]
    return list(map(slice, edges, edges[1:]))


def spectrogram(definition: Definition, samples: Samples) -> dict[str, Any]:
    """Log-mel of a recording of one frame or more, whatever the model's own frames are.

    ``rows`` are a row a band, the lowest first, 1 the loudest and 0 what is 70 dB below it; ``marks`` are frequencies
    and their shares of the height, ``begin`` and ``end`` where in time it lies.
    """
    plain = replace(
        definition, kind="log_mel", coefficients=0, lifter=0.0, energy=False, pcen=None, logarithm="natural"
    )
    found = frames(plain, samples)
    columns = np.array([found[part].mean(0) for part in _stretches(len(found), COLUMNS)])
    rows = np.array([columns[:, part].mean(1) for part in _stretches(plain.bands, BANDS)]) * POWER
    shares = np.clip(1 + (rows - rows.max()) / RANGE, 0, 1)
    mel = SCALES[plain.mel].there
    low, high, *places = mel(np.array([plain.low, plain.high, *MARKS])).tolist()
    marks = [
        [mark, round((place - low) / (high - low), 4)] for mark, place in zip(MARKS, places) if low < place <= high
    ]
    begin, end = (_time(plain, frame) for frame in (0, len(found)))
    return {"begin": begin, "end": end, "marks": marks, "rows": np.round(shares, 3).tolist()}


def _time(definition: Definition, frame: int) -> float:
    return round((frame * definition.hop + (definition.window - definition.hop) / 2) / definition.rate, 4)
