"""Room tone: what a recording sounds like where nobody speaks, made anew in any length."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import lru_cache
from math import ceil

import numpy as np

from melisma.sound.fourier import coloured
from melisma.sound.level import active, amplitude, frame, loudness, powers
from melisma.sound.resample import Samples

QUIET = 0.1  # share of the frames that the tone is made from, the quietest
STEADY = 1.5  # times the power that a steady tone may rise to, as more of the quietest frames are taken
BELOW = 30.0  # decibels below speech that a tone is at least, where there is nothing steady
FLOOR = 2.0**-17  # root of the mean square below which a frame is digital silence: a quarter of a 16-bit step
KEPT = 0.1  # seconds of quiet that stay at either end: soft beginnings and ends of speech are not heard as active
FADE = 0.005  # seconds of crossfade at an edge, at most: shorter than a plosive


class Tone:
    """The colour and level of the quietest tenth of a recording's frames that are not digital silence.

    A clip that was cut close has no quiet: its quietest frames are speech that fades. Where the quietest quarter is
    louder than the tenth by half, and so nothing steady is there, the level is at most 30 dB below that of speech.
    Where all is digital silence, it is noise of a quarter of a 16-bit step.
    """

    def __init__(self, samples: Samples, rate: int) -> None:
        self.level = FLOOR  # root of the mean square
        self.spectrum = np.ones(2)  # amplitudes (K,) from 0 to half the rate
        power = powers(samples, rate)
        order = np.argsort(power, kind="stable")[np.count_nonzero(power <= FLOOR**2) :]
        if not len(order):
            return
        tenth, quarter = (order[: max(1, round(share * len(order)))] for share in (QUIET, 2.5 * QUIET))
        quiet = float(power[tenth].mean())
        if float(power[quarter].mean()) > STEADY * quiet:
            quiet = min(quiet, loudness(power) ** 2 * amplitude(-BELOW) ** 2)
        self.level = max(FLOOR, float(np.sqrt(quiet)))
        width = min(frame(rate), len(samples))
        frames = samples[: len(power) * width].reshape(len(power), width)[np.sort(tenth)]
        lines = np.fft.rfft((frames - frames.mean()) * _window(width))
        energy = (np.square(lines.real) + np.square(lines.imag)).sum(0, np.float64) / len(lines)
        around = np.concatenate((energy[:1], energy, energy[-1:]))
        self.spectrum = np.sqrt(np.convolve(around, (0.25, 0.5, 0.25), "valid"))

    def __call__(self, count: int, random: np.random.Generator) -> Samples:
        """So many samples of it (``count``,), never the same twice; as loud as it is as a whole."""
        made: Samples = coloured(self.spectrum, count, random) * np.float32(self.level)
        return made

    def beyond(self, share: float) -> Tone:
        """The same tone above so large a share of its frequencies alone, where it is as loud as just below that."""
        above = copy(self)
        energy, last = np.square(self.spectrum), len(self.spectrum) - 1
        begin, end = ceil(0.85 * share * last), int(share * last) + 1
        height = float(energy[begin:end].mean()) if begin < end else 0.0
        above.spectrum = np.zeros(last + 1)
        above.spectrum[end:] = np.sqrt(height)
        whole = float(energy.sum())
        above.level = self.level * float(np.sqrt(height * (last + 1 - end) / whole)) if whole else 0.0
        return above


@lru_cache(maxsize=16)
def _window(width: int) -> Samples:
    """Of Hann, without its zeros."""
    return np.hanning(width + 2)[1:-1].astype(np.float32)


def filled(samples: Samples, rate: int, share: float, random: np.random.Generator) -> Samples:
    """The clip (N,) with its room tone continued above so large a share of its frequencies, (N,).

    There resampling leaves nothing at all, as no recording does. Silence stays as it is.
    """
    if not samples.any():
        return samples
    return samples + Tone(samples, rate).beyond(share)(len(samples), random)


def spliced(clips: Sequence[Samples], gaps: Sequence[int], rate: int, random: np.random.Generator) -> Samples:
    """Clips one after another with room tone before, between and after them: (sum of clips and ``gaps``,).

    ``gaps`` has one number of samples more than there are clips. Tone between two clips turns evenly from the one's to
    the other's. At an edge where there is tone, it and the clip are crossfaded at equal power within the clip's outer
    5 ms, or half of it; elsewhere the clip is as it was.
    """
    if not clips:
        raise ValueError("no clips to put tone between")
    if len(gaps) != len(clips) + 1:
        raise ValueError(f"{len(clips)} clips have {len(clips) + 1} gaps, not {len(gaps)}")
    tones = [Tone(clip, rate) for clip in clips]
    fades = [min(round(FADE * rate), len(clip) // 2) for clip in clips]
    result = np.zeros(sum(map(len, clips)) + sum(gaps), np.float32)
    at = 0
    for i, gap in enumerate(gaps):
        sides = [k for k in (i - 1, i) if 0 <= k < len(clips)]
        if gap or len(sides) == 2:
            before, after = (fades[k] if k in sides else 0 for k in (i - 1, i))
            result[at - before : at + gap + after] += _between([tones[k] for k in sides], gap, before, after, random)
        at += gap
        if i < len(clips):
            begin, end = i > 0 or gaps[0] > 0, i + 1 < len(clips) or gaps[-1] > 0
            result[at : at + len(clips[i])] += _faded(clips[i], fades[i] * begin, fades[i] * end)
            at += len(clips[i])
    return result


def _between(tones: Sequence[Tone], gap: int, before: int, after: int, random: np.random.Generator) -> Samples:
    """Tone for a gap and for the edges that it is crossfaded with."""
    count = before + gap + after
    noise = tones[0](count, random)
    if len(tones) > 1:
        turn = (np.arange(count, dtype=np.float32) + 0.5) * np.float32(np.pi / 2 / max(count, 1))
        noise = noise * np.cos(turn) + tones[1](count, random) * np.sin(turn)
    return _faded(noise, before, after)


def _faded(samples: Samples, first: int, last: int) -> Samples:
    """Faded in over the first and out over the last so many samples, as the other side has the cosine."""
    result = samples.copy()
    result[:first] *= _rise(first)
    result[len(samples) - last :] *= _rise(last)[::-1]
    return result


def _rise(count: int) -> Samples:
    rise: Samples = np.sin((np.arange(count, dtype=np.float32) + 0.5) * np.float32(np.pi / 2 / max(count, 1)))
    return rise


def margins(samples: Samples, rate: int) -> tuple[int, int]:
    """The samples at the beginning and at the end that are quiet and can be taken away: all but 0.1 s beside speech."""
    heard = np.flatnonzero(active(powers(samples, rate)))
    if not len(heard):
        return 0, 0
    kept, width = round(KEPT * rate), min(frame(rate), len(samples))
    return max(0, int(heard[0]) * width - kept), max(0, len(samples) - (int(heard[-1]) + 1) * width - kept)


def shifted(samples: Samples, rate: int, before: int, after: int, random: np.random.Generator) -> tuple[Samples, int]:
    """The clip (N,) with so many samples of room tone at its two ends -> it, and where its first sample now stands.

    Negative numbers take quiet away, no more than ``margins`` allows: (N + what was put − what was taken,). Silence
    stays as it is.
    """
    if not samples.any():
        return samples, 0
    first, last = margins(samples, rate)
    before, after = max(before, -first), max(after, -last)
    inner = samples[max(0, -before) : len(samples) - max(0, -after)]
    if before > 0 or after > 0:
        inner = spliced([inner], [max(0, before), max(0, after)], rate, random)
    return inner, before
