"""Recording sessions, guessed by how recordings sound, where nobody says who speaks in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from melisma.sound.clusters import clusters, linkage
from melisma.sound.features import Definition, frames
from melisma.sound.mel import power_of_two

MOST = 2000  # recordings that are compared with each other
HEARD = 10.0  # seconds of each
ALIKE = 2.7  # distance within a session, as it divides sets whose speakers are known
QUIET, LOUD = 0.1, 0.2  # share of frames that show the room, and the voice
PITCH, LEVEL = 5.0, 0.5  # how much a nat of each counts beside one of a spectrum
FEW = 5  # recordings of one text without which what it sounds like is not taken off
LOWEST, HIGHEST = 70.0, 400.0  # Hz of a voice
FUNDAMENTAL = 900.0  # Hz up to which its periods are looked for
SLOW = 4000  # Hz that pitch is looked for at, about
VOICED = 0.5  # of the correlation with itself a period later
SAME = 0.85  # of the best correlation that a shorter period must have to be the one

Numbers = NDArray[np.float64]
Samples = NDArray[np.float32]


def sessions(waves: Iterable[Samples], texts: Sequence[str], rate: int) -> NDArray[np.int64]:
    """(N,) the session of each recording, a number from 0.

    Clusters, by average linkage, of the spectra of the quietest and the loudest frames (each without its mean), the
    median pitch and the quietest level; what recordings of one text have in common is taken off first.
    """
    traits = np.array([_traits(wave[: int(HEARD * rate)], rate) for wave in waves])
    traits[:, -2] = np.where(np.isnan(traits[:, -2]), _middle(traits[:, -2]), traits[:, -2])
    return clusters(linkage(_distances(_without_text(traits, texts))), len(traits), ALIKE)


def _middle(values: Numbers) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else 0.0


def _traits(samples: Samples, rate: int) -> Numbers:
    """(2F + 2,): quietest and loudest spectrum, in units whose sum of squares is a mean, log pitch, level."""
    window = rate // 40
    definition = Definition(
        rate=rate, window=window, hop=rate // 100, fft=power_of_two(window), bands=24, low=60.0, high=rate / 2
    )
    found = frames(definition, np.concatenate((samples, np.zeros(max(0, window - len(samples)), np.float32))))
    order = np.argsort(found.mean(1))
    quiet = found[order[: max(1, int(QUIET * len(found)))]].mean(0, dtype=np.float64)
    loud = found[order[-max(1, int(LOUD * len(found))) :]].mean(0, dtype=np.float64)
    shapes = [(one - one.mean()) / np.sqrt(len(one)) for one in (quiet, loud)]
    return np.concatenate((*shapes, (PITCH * _pitch(samples, rate), LEVEL * quiet.mean())))


def _pitch(samples: Samples, rate: int) -> float:
    """The median log pitch of the louder half of a recording, by autocorrelation; NaN where it has none."""
    step = max(1, rate // SLOW)
    slow, hertz = samples[: len(samples) // step * step].reshape(-1, step).mean(1, dtype=np.float64), rate / step
    window, hop = int(0.05 * hertz), int(0.02 * hertz)
    if len(slow) < window:
        return np.nan
    rows = np.lib.stride_tricks.sliding_window_view(slow, window)[::hop]
    rows = rows - rows.mean(1, keepdims=True)
    rows = rows[np.argsort(-np.einsum("ij,ij->i", rows, rows))[: max(1, len(rows) // 2)]]
    spectrum = np.fft.rfft(rows, 2 * window)
    power = np.abs(spectrum) ** 2
    power[:, int(FUNDAMENTAL * 2 * window / hertz) :] = 0  # what is higher has periods that no lag fits
    correlation = np.fft.irfft(power)[:, :window]
    correlation = correlation / np.maximum(correlation[:, :1], 1e-12) / (1 - np.arange(window) / window)
    shortest, longest = int(hertz / HIGHEST), int(hertz / LOWEST)
    within = correlation[:, shortest:longest]
    peaks = (within[:, 1:-1] >= within[:, :-2]) & (within[:, 1:-1] >= within[:, 2:])
    best = within.max(1)
    fitting = peaks & (within[:, 1:-1] >= SAME * best[:, None])
    voiced = (best > VOICED) & fitting.any(1)
    periods = shortest + 1 + fitting.argmax(1)[voiced]
    return float(np.median(np.log(hertz / periods))) if len(periods) else np.nan


def _without_text(traits: Numbers, texts: Sequence[str]) -> Numbers:
    counts = Counter(texts)
    groups = np.unique([text if counts[text] >= FEW else "" for text in texts], return_inverse=True)[1]
    found = traits.copy()
    for group in range(int(groups.max()) + 1):
        found[groups == group] -= traits[groups == group].mean(0)
    return found


def _distances(traits: Numbers) -> NDArray[np.float32]:
    """(N, N) Euclidean."""
    squares = np.einsum("ij,ij->i", traits, traits)
    found = squares[:, None] + squares[None] - 2 * (traits @ traits.T)
    distances: NDArray[np.float32] = np.sqrt(np.maximum(found, 0)).astype(np.float32)
    return distances
