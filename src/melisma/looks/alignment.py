"""What a model hears in a recording, and when: its sound, its outputs, and its text laid along them."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from melisma.files.text_grid import Interval, text_grid
from melisma.sound.features import Definition, Samples, frames
from melisma.sound.mel import SCALES
from melisma.task import Figure

if TYPE_CHECKING:
    from melisma.tasks.aligning import Aligned

COLUMNS = 400  # of the spectrogram and of the wave at most: more could not be seen
BANDS = 48
MARKS = (250, 500, 1000, 2000, 4000, 8000, 16_000)  # hertz
RANGE = 70.0  # decibels below the loudest that can be seen
OTHERS = 8  # symbols that are not in the text and yet are shown, at most
HEARD = 0.1  # probability from which on such a symbol is
POWER = 10 / np.log(10)  # decibels of a natural logarithm
BLANK = 0


def alignment(found: Aligned) -> Figure:
    """A recording with its text laid along it, all times in seconds.

    ``wave`` are the least and the greatest sample of each of equally long stretches; ``spectrogram`` is log-mel, a row
    a band, the lowest first, 1 the loudest and 0 what is 70 dB below it; ``marks`` are frequencies and their shares of
    the height; ``edges`` are where the model's outputs begin and end, ``posteriors`` its probabilities of the blank, of
    each symbol of the text, and of others that it thinks it hears. ``symbols`` and ``words`` have ``text``, ``begin``,
    ``end`` and ``confidence``.
    """
    data: dict[str, Any] = {
        "heading": [found.name, found.text],
        "given": found.given,
        "seconds": round(len(found.samples) / found.definition.rate, 4),
        "words": [asdict(one) for one in found.words],
        "symbols": [asdict(one) for one in found.symbols],
        "edges": list(found.edges),
        "posteriors": _posteriors(found),
        "wave": _envelope(found.samples),
        "spectrogram": _spectrogram(found.definition, found.samples),
    }
    return Figure(f"{found.name}: {found.text}", "alignment", data)


def grid(figure: Figure) -> str:
    """The words and the symbols of an alignment as a TextGrid."""
    data = figure.data
    tiers = {
        name: [Interval(one["begin"], one["end"], one["text"]) for one in data[name] if one["begin"] < one["end"]]
        for name in ("words", "symbols")
    }
    return text_grid(data["seconds"], tiers)


def _posteriors(found: Aligned) -> list[dict[str, Any]]:
    """Of the blank, the symbols of the text in their order, and others, likeliest first: the probability of each."""
    shares: NDArray[np.float32] = np.exp(found.log_probabilities)
    peaks = shares.max(0, initial=0.0)
    own = list(dict.fromkeys(found.labels))
    likely = [int(symbol) for symbol in np.argsort(-peaks, kind="stable") if peaks[symbol] >= HEARD]
    others = [symbol for symbol in likely if symbol not in own and symbol != BLANK][:OTHERS]
    return [
        {
            "symbol": found.names[symbol],
            "kind": "blank" if symbol == BLANK else "text" if symbol in own else "other",
            "values": [round(value, 4) for value in shares[:, symbol].tolist()],
        }
        for symbol in (BLANK, *own, *others)
    ]


def _envelope(samples: Samples) -> list[list[float]]:
    """[least, greatest] of each stretch."""
    stretches = _stretches(len(samples), COLUMNS)
    return [[round(float(one(samples[part])), 4) for one in (np.min, np.max)] for part in stretches]


def _stretches(count: int, most: int) -> list[slice]:
    """So many as equally long stretches, as far as can be: at the same share of all, whatever their number."""
    parts = min(count, most)
    edges = [place * count // parts for place in range(parts + 1)]
    return list(map(slice, edges, edges[1:]))


def _spectrogram(definition: Definition, samples: Samples) -> dict[str, Any]:
    """Log-mel of the recording, whatever the model's own frames are."""
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
