"""How long a user waits for 30 BLEU: Melisma beside a quick script of plain torch, in one run.

Counted are the CPU-seconds of one process on one thread from the moment it begins to read (reading, learning the
subwords, training, and what Melisma saves of it; neither imports nor validations) to the first validation at or above
the BLEU that is asked for. Both validate after every epoch, greedily, with averaged weights, on all of the validation
set (sacreBLEU, 13a, lower-cased); nothing is interpolated. A process each, which take turns where there are several
seeds or rounds, so that a machine that slows down slows both.

The quick script is quick_translation.py. Melisma trains its recipe ``translate`` with the settings QUICKLY below, whose
only aim is to be quick: as one may type them, tuned on 1,000 pairs cut off the training data and not on the validation
set. The models are equally large.

--joey instead trains JoeyNMT once, in its own environment (see peers.py) and until that BLEU or --limit CPU-seconds:
the same sizes, subwords, batches and rate, without its tying and with its plain dropout (see peer_programs.py).

usage: python benchmarks/time_to_quality.py FOLDER [--bleu 30] [--seeds 1,2] [--rounds 1] [--joey [--limit 10800]]
       [name=value ...]
FOLDER holds train.en, train.de, val.en and val.de (or other endings: --source en --target de); name=value are further
settings of Melisma.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from joey_curve import joey
from learning_curves import follow
from peer_counts import spread
from peer_environments import UnavailableError
from quick_translation import Reached
from training import rate
from translation import numbers

from melisma.api.device import machine

QUICKLY: Mapping[str, object] = {
    "training.epochs": 2,
    "training.rate": 4e-3,
    "training.warmup": 150,
    "training.average": 0.99,
    "model.dropout": 0.1,
    "model.embedding_dropout": 0.1,
    "model.output_dropout": 0.1,
}
Curve = list[Reached]


def say(text: str) -> None:
    print(text, flush=True)


def until(curve: Iterable[Reached], bleu: float, name: str) -> Curve:
    """A curve up to the first validation that reaches ``bleu``, told as it goes."""
    found = []
    for reached in curve:
        spent = f"{reached.updates:,} updates, {reached.seconds:.0f} CPU-seconds"
        say(f"  {name:8s} epoch {reached.epoch}: {spent}, greedy BLEU {reached.bleu:.2f}")
        found.append(reached)
        if reached.bleu >= bleu:
            break
    return found


def waited(curve: Curve, bleu: float) -> float | None:
    """CPU-seconds to the first validation at or above ``bleu``; none where there is none."""
    return next((reached.seconds for reached in curve if reached.bleu >= bleu), None)


def verdict(times: Mapping[str, list[float | None]], bleu: float) -> list[str]:
    """What each took, and the ratios of those that ran beside each other."""
    lines = []
    for name, found in times.items():
        there = [seconds for seconds in found if seconds is not None]
        missed = f"; {len(found) - len(there)} of {len(found)} never got there" if len(there) < len(found) else ""
        lines.append(f"{name:8s} {spread(there) if there else '-'} CPU-seconds to {bleu:g} BLEU{missed}")
    pairs = [(ours, quick) for ours, quick in zip(*times.values()) if ours is not None and quick is not None]
    if pairs:
        lines.append(f"ratio    {spread([ours / quick for ours, quick in pairs], 2)} of the quick script's")
    return lines


def compare(chosen: argparse.Namespace) -> None:
    """Both systems in turns, a pair a seed and round."""
    further = dict(word.split("=", 1) for word in chosen.settings)
    ours = {**QUICKLY, **further}
    say("melisma train translate " + " ".join(f"{name}={value}" for name, value in ours.items()))
    times: dict[str, list[float | None]] = {"melisma": [], "quick": []}
    rates = []
    for round_ in range(chosen.rounds):
        for seed in chosen.seeds:
            rates.append(rate())
            say(f"seed {seed}, round {round_ + 1}, {rates[-1]:.0f} GFLOP/s, load {os.getloadavg()[0]:.1f}:")
            for name, found in times.items():
                with tempfile.TemporaryDirectory() as work:
                    where = (chosen.folder, work, chosen.source, chosen.target, seed)
                    curve = follow(name, where, ours if name == "melisma" else {})
                    found.append(waited(until(curve, chosen.bleu, name), chosen.bleu))
                    curve.close()
    say("\n".join(verdict(times, chosen.bleu)))
    say(f"the quick script at 60 GFLOP/s: {scaled(times['quick'], rates)} CPU-seconds")


def alone(chosen: argparse.Namespace) -> None:
    """JoeyNMT, once."""
    curve = until(joey(chosen, say), chosen.bleu, "JoeyNMT")
    seconds = waited(curve, chosen.bleu)
    spent = "never" if seconds is None else f"{seconds:.0f} CPU-seconds"
    say(f"JoeyNMT: {spent} to {chosen.bleu:g} BLEU, seed {chosen.seeds[0]}, limit {chosen.limit:.0f} CPU-seconds")


def scaled(seconds: list[float | None], rates: list[float]) -> str:
    """CPU-seconds as they would be at 60 GFLOP/s."""
    there = [second * speed / 60 for second, speed in zip(seconds, rates) if second is not None]
    return spread(there) if there else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bleu", type=float, default=30.0)
    parser.add_argument("--seeds", type=numbers, default=[1], help="with commas between")
    parser.add_argument("--rounds", type=int, default=1, help="how often each seed is run")
    parser.add_argument("--joey", action="store_true", help="JoeyNMT alone, once")
    parser.add_argument("--limit", type=float, default=10_800, help="CPU-seconds at which JoeyNMT is given up")
    parser.add_argument("--peers", type=Path, default=Path("~/.cache/melisma/peers"), help="where its environment is")
    parser.add_argument("--source", default="en")
    parser.add_argument("--target", default="de")
    parser.add_argument("settings", nargs="*", metavar="name=value")
    chosen = parser.parse_intermixed_args()
    if wrong := [word for word in chosen.settings if "=" not in word]:
        parser.error(f"{wrong[0]} is no setting: wants name=value")
    chosen.folder = chosen.folder.expanduser().resolve()
    torch.set_num_threads(1)
    say(f"{date.today()}, {machine()}, {rate():.0f} GFLOP/s, load {os.getloadavg()[0]:.1f}")
    try:
        if chosen.joey:
            alone(chosen)
        else:
            compare(chosen)
    except (UnavailableError, ValueError) as fault:
        raise SystemExit(f"time_to_quality.py: {fault}") from None


if __name__ == "__main__":
    main()
