"""What ``trigger.py`` runs in pymicro-wakeword's environment: sounds in, scores and seconds out, as a line of JSON."""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from pymicro_wakeword import MicroWakeWord, MicroWakeWordFeatures, Model

CHUNK = 1280  # samples that are fed at once: 80 ms
HOP, WINDOW = 0.01, 0.03  # seconds from one of its frames to the next, and of one


def heard(word: MicroWakeWord, features: MicroWakeWordFeatures, wave: np.ndarray) -> tuple[list[float], float]:
    """Its smoothed scores, one for every few frames, and CPU-seconds; a new beginning before."""
    word.reset()
    features.reset()
    scores = []
    frames = 0
    samples = (np.clip(wave, -1, 1) * 32767).astype("<i2")
    began = time.process_time()
    for begin in range(0, len(samples), CHUNK):
        for frame in features.process_streaming(samples[begin : begin + CHUNK].tobytes()):
            score, frames = word.process_streaming_prob(frame), frames + 1
            if frames % word.stride == 0:  # between two of its steps it says 0
                scores.append(score or 0.0)
    return scores, time.process_time() - began


def main() -> None:
    path, name = sys.argv[1:]
    word, features = MicroWakeWord.from_builtin(Model(name)), MicroWakeWordFeatures()
    found = [heard(word, features, wave) for wave in np.load(path).values()]
    told = {
        "step": word.stride * HOP,
        "first": WINDOW + (word.stride - 1) * HOP,
        "threshold": word.probability_cutoff,
        "window": word.sliding_window_size,
        "seconds": sum(seconds for _, seconds in found),
        "scores": [[round(float(score), 4) for score in scores] for scores, _ in found],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
