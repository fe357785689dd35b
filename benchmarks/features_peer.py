"""librosa's part of ``features.py``: runs in its own environment, a round for each line that arrives.

usage: python features_peer.py SOUND.npz NAME < rounds > CPU-seconds
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import librosa
import numpy as np


def whole(samples: np.ndarray, of: dict[str, int]) -> np.ndarray:
    """As one writes it: the matrix of bands is made in every call."""
    power = librosa.feature.melspectrogram(
        y=samples,
        sr=of["rate"],
        n_fft=of["fft"],
        hop_length=of["hop"],
        win_length=of["window"],
        n_mels=of["bands"],
        center=False,
    )
    return np.log(np.maximum(power, 1e-8))


def kept(of: dict[str, int]) -> Callable[[np.ndarray, dict[str, int]], np.ndarray]:
    """With the matrix of bands kept."""
    bands = librosa.filters.mel(sr=of["rate"], n_fft=of["fft"], n_mels=of["bands"])

    def frames(samples: np.ndarray, of: dict[str, int]) -> np.ndarray:
        found = librosa.stft(samples, n_fft=of["fft"], hop_length=of["hop"], win_length=of["window"], center=False)
        return np.log(np.maximum(bands @ np.abs(found) ** 2, 1e-8))

    return frames


def main() -> None:
    with np.load(sys.argv[1], allow_pickle=False) as stored:
        sounds = [stored[name] for name in stored.files if name.startswith("sound")]
        of = {name: int(stored[name]) for name in ("rate", "fft", "hop", "window", "bands")}
    frames = {"melspectrogram": lambda: whole, "stft": lambda: kept(of)}[sys.argv[2]]()
    frames(sounds[0], of)
    for _ in sys.stdin:
        began = time.process_time()
        for samples in sounds:
            frames(samples, of)
        print(time.process_time() - began, flush=True)


if __name__ == "__main__":
    main()
