"""Sound as the bytes of a file, for where it is to be played or kept."""

from __future__ import annotations

import io

import numpy as np

from melisma.sound.resample import Samples
from melisma.sound.unusable import lacking


def flac(samples: Samples, rate: int) -> bytes:
    """Samples (N,) as FLAC, one channel of 16 bits: half of what they take as they are; beyond −1 … 1 they are cut."""
    return _written(samples, rate, "FLAC")


def wav(samples: Samples, rate: int) -> bytes:
    """The same as WAV, which everything reads."""
    return _written(samples, rate, "WAV")


def _written(samples: Samples, rate: int, kind: str) -> bytes:
    try:
        import soundfile
    except ImportError:
        raise lacking("writing sound") from None
    file = io.BytesIO()
    soundfile.write(file, np.clip(samples, -1, 1), rate, format=kind, subtype="PCM_16")
    return file.getvalue()
