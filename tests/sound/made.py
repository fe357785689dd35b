"""Sound files as they are found, made small: by soundfile where it writes such, byte by byte where nobody would."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 8000
Samples = NDArray[np.float32]


def noise(count: int, seed: int = 0, level: float = 0.1) -> Samples:
    """Gaussian noise (N,), on the steps of 16 bits."""
    drawn = np.random.default_rng(seed).standard_normal(count) * level
    return (np.round(drawn.clip(-0.99, 0.99) * 32768) / 32768).astype(np.float32)


def tone(count: int, hertz: float, rate: int = RATE, level: float = 0.5) -> Samples:
    """A sine (N,)."""
    return (level * np.sin(2 * np.pi * hertz / rate * np.arange(count))).astype(np.float32)


def written(
    samples: NDArray[np.floating], rate: int = RATE, kind: str = "WAV", subtype: str | None = "PCM_16"
) -> bytes:
    """A whole file of a kind."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=kind, subtype=subtype)
    return buffer.getvalue()


def wav(
    data: bytes,
    size: int | None = None,
    rate: int = RATE,
    channels: int = 1,
    bits: int = 16,
    tag: int = 1,
    before: bytes = b"",
) -> bytes:
    """A WAV file whose header says what it is told to, ``size`` bytes of samples."""
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", tag, channels, rate, rate * frame & 0xFFFFFFFF, frame, bits)
    head = b"WAVE" + b"fmt " + struct.pack("<I", len(form)) + form + before
    size = len(data) if size is None else size
    whole = (len(head) + 8 + size) & 0xFFFFFFFF
    return b"RIFF" + struct.pack("<I", whole) + head + b"data" + struct.pack("<I", size) + data


def pcm(samples: Samples) -> bytes:
    """Samples in 16 bits."""
    return (samples * 32768).astype("<i2").tobytes()


def put(folder: Path, name: str, content: bytes) -> str:
    """A file with this content; its path."""
    path = folder / name
    path.write_bytes(content)
    return str(path)
