"""Definitions of frames: what the settings ask for, and Kaldi's and librosa's, to import from and to compare with."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from melisma.errors import Refusal
from melisma.settings.sound import SoundSettings
from melisma.sound.features import LONGEST, Definition, Frames, Samples, frames
from melisma.sound.mel import SCALES, cosines, power_of_two, without_bins
from melisma.sound.pcen import Pcen, following

KALDI_FLOOR = float(np.finfo(np.float32).eps)
HIGHEST = 16_000  # hertz that sound is heard at where nothing is said: speech has little above 8 kHz


def definition(settings: SoundSettings, rate: int | None = None) -> Definition:
    """The frames that ``settings`` ask for, of sound at ``rate``; they have their own where they name one.

    Window and hop are rounded to whole samples, halves up. The transform is the next power of two, or up to 8 times
    that where bands would otherwise lie between two of its bins. Raises Refusal where they do even then.
    """
    settings = replace(settings, rate=settings.rate or rate or HIGHEST)
    assert settings.rate is not None
    settings.check()
    window, hop = (
        max(1, math.floor(settings.rate * length / 1000 + 0.5)) for length in (settings.window, settings.hop)
    )
    if window < 2:
        raise Refusal(f"sound.window={settings.window:g} ms is one sample at sound.rate={settings.rate}: wants more")
    high = settings.rate / 2 if settings.high is None else settings.high
    cosine = settings.kind == "mfcc"
    follow = following(1000 * hop / settings.rate, settings.adaptation)
    return Definition(
        rate=settings.rate,
        window=window,
        hop=hop,
        fft=_transform(settings, power_of_two(window), high),
        bands=settings.bands,
        low=float(settings.low),
        high=float(high),
        kind=settings.kind,
        coefficients=settings.coefficients if cosine else 0,
        preemphasis=float(settings.preemphasis),
        pcen=Pcen(smoothing=follow) if settings.pcen else None,
    )


def kaldi_fbank(rate: int = 16_000, bands: int = 23, *, low: float = 20.0, high: float = 0.0) -> Definition:
    """Kaldi's filter bank with ``snip_edges`` and without dither: its defaults, for samples in −1 … 1.

    25 ms every 10 ms; ``high`` of 0 or less counts from half the rate, as there. Checked against kaldi-native-fbank.
    """
    window, hop = int(rate * 0.025), int(rate * 0.010)
    return Definition(
        rate=rate,
        window=window,
        hop=hop,
        fft=power_of_two(window),
        bands=bands,
        low=low,
        high=high if high > 0 else rate / 2 + high,
        mel="kaldi",
        taper="povey",
        floor=KALDI_FLOOR,
        preemphasis=0.97,
        zero_mean=True,
        scale=32768.0,
    )


def kaldi_mfcc(rate: int = 16_000, bands: int = 23, coefficients: int = 13, *, energy: bool = True) -> Definition:
    """Kaldi's cepstrum: as `kaldi_fbank`, lifter 22, and the log energy in place of the first coefficient."""
    bank = kaldi_fbank(rate, bands)
    return replace(bank, kind="mfcc", coefficients=coefficients, lifter=22.0, energy=energy)


def librosa_mel(
    rate: int = 22_050,
    fft: int = 2048,
    hop: int = 512,
    bands: int = 128,
    *,
    window: int | None = None,
    low: float = 0.0,
    high: float | None = None,
) -> Definition:
    """The frames of librosa's mel spectrogram in decibels (``ref=1``), but for where they lie: see `librosa_frames`."""
    return Definition(
        rate=rate,
        window=window or fft,
        hop=hop,
        fft=fft,
        bands=bands,
        low=low,
        high=high or rate / 2,
        mel="slaney",
        logarithm="decibel",
        floor=1e-10,
    )


def librosa_frames(
    definition: Definition, samples: Samples, *, coefficients: int = 0, top: float | None = 80.0
) -> Frames:
    """librosa's ``power_to_db(melspectrogram(…))`` (T, bands), or its ``mfcc`` (T, coefficients) where that is not 0.

    Frame t lies around sample t · hop, with zeros before and after the sound, T = 1 + ⌊N / hop⌋; what is more than
    ``top`` decibels below the loudest of the whole sound is raised to that. Both look at what comes later: this is to
    compare with, not to train on. ``definition`` comes from `librosa_mel`. Checked against librosa 0.11.
    """
    before = definition.fft // 2 - (definition.fft - definition.window) // 2
    count = 1 + len(samples) // definition.hop
    padded = np.zeros((count - 1) * definition.hop + definition.window, np.float32)
    seen = samples[: len(padded) - before]
    padded[before : before + len(seen)] = seen
    found = frames(definition, padded)
    if top is not None:
        np.maximum(found, found.max() - np.float32(top), out=found)
    return found @ cosines(definition.bands, coefficients).astype(np.float32) if coefficients else found


def _transform(settings: SoundSettings, shortest: int, high: float) -> int:
    assert settings.rate is not None
    for fft in (shortest, 2 * shortest, 4 * shortest):
        if not len(without_bins(SCALES["htk"], settings.rate, fft, settings.bands, (settings.low, high))):
            return fft
    return LONGEST * shortest
