"""Sound as the bytes of a file, for where it is to be played."""

from __future__ import annotations

import io

import numpy as np

from melisma.sound.resample import Samples


def flac(samples: Samples, rate: int) -> bytes:
    """Samples (N,) as FLAC, one channel of 16 bits: half of what they take as they are; beyond −1 … 1 they are cut."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, np.clip(samples, -1, 1), rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()
