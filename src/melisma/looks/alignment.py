"""What a model hears in a recording, and when: its sound, its outputs, and its text laid along them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from melisma.files.text_grid import Interval, text_grid
from melisma.looks.sounded import envelope, spectrogram
from melisma.task import Figure

if TYPE_CHECKING:
    from melisma.tasks.aligning import Aligned

OTHERS = 8  # symbols that are not in the text and yet are shown, at most
HEARD = 0.1  # probability from which on such a symbol is
BLANK = 0  # as in ``search.heard``, which is not loaded here: torch would be too


def alignment(found: Aligned) -> Figure:
    """A recording with its text laid along it, all times in seconds.

    ``wave`` are the least and the greatest sample of each of equally long stretches; ``spectrogram`` is log-mel, a row
    a band, the lowest first, 1 the loudest and 0 what is 70 dB below it; ``marks`` are frequencies and their shares of
    the height; ``edges`` are where the model's outputs begin and end, ``posteriors`` its probabilities of the blank, of
    each symbol of the text, and of others that it thinks it hears. ``symbols`` and ``words`` have ``text``, ``begin``,
    ``end`` and ``confidence``; ``truncated`` says that the recording's end is not there.
    """
    data: dict[str, Any] = {
        "heading": [found.name, found.text],
        "given": found.given,
        "truncated": found.truncated,
        "seconds": round(len(found.samples) / found.definition.rate, 4),
        "words": [asdict(one) for one in found.words],
        "symbols": [asdict(one) for one in found.symbols],
        "edges": list(found.edges),
        "posteriors": _posteriors(found),
        "wave": envelope(found.samples),
        "spectrogram": spectrogram(found.definition, found.samples),
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
