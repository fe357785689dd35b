"""The figure of an alignment: its sound and its outputs stand at their times, and all of it is plain data."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from files.test_text_grid import read_back

from melisma.errors import Refusal
from melisma.looks.alignment import alignment, grid
from melisma.looks.served import TASKS, require_served
from melisma.sound.features import Definition
from melisma.sound.pcen import Pcen
from melisma.tasks.aligning import Aligned
from melisma.tasks.timed import Word

RATE = 8000
DEFINITION = Definition(RATE, 200, 80, 256, 20, 20.0, 4000.0)


def made(seconds: float = 7.0, definition: Definition = DEFINITION) -> Aligned:
    """A recording that is loud, and heard, from 60 to 70 per cent of it."""
    wave = 1e-5 * np.random.default_rng(1).standard_normal(int(seconds * RATE))
    place = slice(int(0.6 * len(wave)), int(0.7 * len(wave)))
    wave[place] += 0.4 * np.sin(2 * np.pi * 1000 * np.arange(place.stop - place.start) / RATE)
    shares = np.full((50, 5), 0.001)
    shares[:, 0] = 1
    shares[31], shares[33], shares[35] = [0.1, 0.7, 0.001, 0.001, 0.2], [0.1, 0.001, 0.7, 0.2, 0.001], [0.9, 0, 0, 0, 1]
    logs = np.log(np.maximum(shares, 1e-9) / shares.sum(1, keepdims=True)).astype(np.float32)
    words = (Word("ab", 4.2, 4.9, 0.7),)
    symbols = tuple(Word(one, *ends, 0.7) for one, ends in (("a", (4.2, 4.5)), ("b", (4.5, 4.9))))
    edges = tuple(np.linspace(0, seconds, 51).round(4).tolist())
    wave = wave.astype(np.float32)
    return Aligned(
        "take.wav", "ab", True, wave, definition, logs, edges, ("", "a", "b", "c", "d"), (1, 2), symbols, words
    )


@pytest.mark.parametrize("seconds", [7.0, 4.3, 61.0, 0.9])
@pytest.mark.parametrize("more", [{}, {"kind": "mfcc", "coefficients": 13}, {"pcen": Pcen()}, {"logarithm": "decibel"}])
def test_wave_and_spectrogram_stand_at_their_times(seconds: float, more: dict[str, object]) -> None:
    data = alignment(made(seconds, replace(DEFINITION, **more))).data  # type: ignore[arg-type]
    loud = [number for number, (low, high) in enumerate(data["wave"]) if high - low > 0.5]
    count = len(data["wave"])
    assert (loud[0] / count, (loud[-1] + 1) / count) == pytest.approx((0.6, 0.7), abs=1.5 / count)
    found = data["spectrogram"]
    rows = np.array(found["rows"])
    band, _column = np.unravel_index(rows.argmax(), rows.shape)
    at = dict(found["marks"])[1000]
    assert (band + 0.5) / len(rows) == pytest.approx(at, abs=1 / len(rows))
    bright = np.flatnonzero(rows[band] > 0.8)
    times = found["begin"] + (found["end"] - found["begin"]) * np.array([bright[0], bright[-1] + 1]) / rows.shape[1]
    assert times == pytest.approx([0.6 * seconds, 0.7 * seconds], abs=0.02 + seconds / rows.shape[1])
    assert 0 <= rows.min() <= rows.max() == 1
    assert 0 <= found["begin"] < found["end"] <= seconds


def test_symbols_of_the_text_come_in_its_order_and_others_where_they_are_likely() -> None:
    data = alignment(made()).data
    assert [(one["symbol"], one["kind"]) for one in data["posteriors"]] == [
        ("", "blank"),
        ("a", "text"),
        ("b", "text"),
        ("d", "other"),
        ("c", "other"),
    ]
    assert all(len(one["values"]) == len(data["edges"]) - 1 for one in data["posteriors"])
    assert data["posteriors"][1]["values"][31] == pytest.approx(0.7, abs=0.01)


def test_it_is_plain_data() -> None:
    data = alignment(made()).data
    assert json.loads(json.dumps(data)) == data
    assert data["words"] == [{"text": "ab", "begin": 4.2, "end": 4.9, "confidence": 0.7}]
    assert data["seconds"] == 7.0


def test_a_grid_has_the_words_and_the_symbols() -> None:
    seconds, tiers = read_back(grid(alignment(made())))
    assert seconds == 7.0
    assert [one.text for one in tiers["words"]] == ["", "ab", ""]
    assert [tuple(one) for one in tiers["symbols"]][1:3] == [(4.2, 4.5, "a"), (4.5, 4.9, "b")]


def test_a_look_at_a_run_of_another_task_is_refused() -> None:
    for look, tasks in TASKS.items():
        for task in ("translate", "transcribe"):
            if task in tasks:
                require_served(look, task)
                continue
            with pytest.raises(Refusal, match=f"look {look} shows nothing of a run of the task {task}: wants look"):
                require_served(look, task)
    with pytest.raises(Refusal, match="wants a run of transcribe"):
        require_served("alignment", "unheard of")
