"""What a recogniser costs while it listens: real-time factor and delay of a chunk, in chunks of 80 ms, on one thread.

The recordings are joined with half a second of near silence between, until there are --seconds of them, and fed as a
microphone would feed them; features, network and search are counted, reading files is not. The real-time factor is
CPU-seconds a second of sound, the median of the rounds, warm; the delays are the wall-clock time that a chunk takes,
at the middle and at the 95th percentile of all chunks. Each row is a search: the likeliest path, the beam as the run
has it, with the n-gram of letters, with that of words, with both, and where the run has a decoder without it.

usage: python benchmarks/recognition.py RUN RECORDING... [--seconds 60] [--rounds 5] [name=value ...]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from numpy.typing import NDArray
from training import rate

import melisma
from melisma.api.device import machine
from melisma.api.model import Model
from melisma.sound.wave import read

WEIGHT, BONUS = 0.5, 0.5  # of the n-gram models: what they cost hardly depends on it
GAP = 0.5  # seconds between two recordings

Samples = NDArray[np.float32]


class Measured(NamedTuple):
    """One round of one search."""

    factor: float  # CPU-seconds a second of sound
    delays: list[float]  # seconds that each chunk took
    words: int


def say(text: str) -> None:
    print(text, flush=True)


def sound(paths: Sequence[str], rate_: int, seconds: float) -> Samples:
    """The recordings one after another, from the first again where they are too short."""
    random, pieces, count = np.random.default_rng(1), list[Samples](), 0
    while count < seconds * rate_:
        for path in paths:
            quiet = 1e-4 * random.standard_normal(round(GAP * rate_)).astype(np.float32)
            pieces += [read(path, rate_).samples, quiet]
            count += len(pieces[-2]) + len(quiet)
    return np.concatenate(pieces)[: round(seconds * rate_)]


def listened(model: Model, wave: Samples, options: Mapping[str, Any]) -> Measured:
    """One round, of a stream that begins anew."""
    stream = model.stream(**options)
    said, delays, began = [], list[float](), time.process_time()
    for begin in range(0, len(wave), stream.chunk):
        now = time.perf_counter()
        said += stream.feed(wave[begin : begin + stream.chunk])
        stream.so_far()
        delays.append(time.perf_counter() - now)
    said += stream.feed(wave[:0], last=True)
    spent = time.process_time() - began
    return Measured(spent / (len(wave) / stream.rate), delays, sum(len(one.words) for one in said))


def searches(model: Model) -> dict[str, dict[str, Any]]:
    """What each row is called -> its search settings."""
    letters = {"language": WEIGHT, "bonus": BONUS} if model.codec.language is not None else {}
    words = {"word_language": WEIGHT, "word_bonus": BONUS} if model.codec.words is not None else {}
    found: dict[str, dict[str, Any]] = {"likeliest path": {"beam": 1, "alternatives": 1}, "beam": {}}
    if letters:
        found["beam, letters"] = letters
    if words:
        found["beam, words"] = words
    if letters and words:
        found["beam, both"] = letters | words
    if model.settings.model.decoder != "none":
        found["beam, no decoder"] = {"attention": 0.0}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("words", nargs="+", metavar="RECORDING")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_intermixed_args()
    given = dict(word.split("=", 1) for word in chosen.words if "=" in word)
    torch.set_num_threads(1)
    model = melisma.load(chosen.run, device="cpu")
    wave = sound([word for word in chosen.words if "=" not in word], model.codec.definition.rate, chosen.seconds)
    say(f"{date.today()}, {machine()}, {rate():.0f} GFLOP/s, load {os.getloadavg()[0]:.1f}")
    say(f"{model.parameters:,} parameters, {chosen.seconds:g} s of sound, chunks of 80 ms, one thread")
    found: dict[str, list[Measured]] = {}
    for _ in range(chosen.rounds + 1):  # the first warms up
        for name, options in searches(model).items():
            found.setdefault(name, []).append(listened(model, wave, given | options))
    say(f"{'':18}{'real-time factor':>18}{'from - to':>18}{'chunk, ms':>12}{'95 %':>8}{'words':>8}")
    for name, rounds in found.items():
        factors = [one.factor for one in rounds[1:]]
        middle, most = np.percentile([1000 * delay for one in rounds[1:] for delay in one.delays], (50, 95))
        spread = f"{min(factors):.4f} - {max(factors):.4f}"
        say(f"{name:18}{statistics.median(factors):18.4f}{spread:>18}{middle:12.2f}{most:8.2f}{rounds[-1].words:8d}")


if __name__ == "__main__":
    main()
