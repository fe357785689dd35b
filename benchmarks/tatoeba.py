"""How good a translation into Chinese some minutes buy: the recipe ``translate`` on short everyday sentences.

The budget is in CPU-seconds of one thread at 60 GFLOP/s (a product of 1024 x 1024 matrices); on a machine of another
rate it is scaled by the rate that is printed. Everything but measuring at the end counts. BLEU is of sacreBLEU's ``zh``
tokens and chrF of characters, each pair by itself, as their signatures say.

usage: python benchmarks/tatoeba.py FOLDER RUN [--budget 1000] [--seed 1] [--script hant] [name=value ...]
FOLDER holds train.tsv and dev.tsv (or train.hant.tsv and dev.hant.tsv) with the columns en and zh; RUN is a new folder.
"""

from __future__ import annotations

import argparse
import os
import time
from datetime import date
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from training import rate
from translation import STANDARD, planned, say

import melisma
from melisma.api.device import machine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--budget", type=float, default=1000, help="CPU-seconds at 60 GFLOP/s")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--script", default="", choices=("", "hant"), help="hant: traditional characters")
    parser.add_argument("settings", nargs="*", metavar="name=value")
    chosen = parser.parse_intermixed_args()
    torch.set_num_threads(1)
    speed = rate()
    train, dev = (
        str(chosen.folder / ".".join(filter(None, (name, chosen.script, "tsv")))) for name in ("train", "dev")
    )
    settings: dict[str, object] = {"data.train": train, "data.valid": dev, "data.source": "en", "data.target": "zh"}
    settings |= {"training.threads": 1, "training.device": "cpu", "training.seed": chosen.seed}
    settings |= dict(word.split("=", 1) for word in chosen.settings)
    say(f"{date.today()}, {machine()}, {speed:.0f} GFLOP/s")
    settings |= planned("translate", settings, chosen.budget * STANDARD / speed)
    say(f"recipe translate with {settings}")
    began = time.process_time()
    for progress in melisma.train("translate", chosen.run, settings):
        if progress.kind == "validation":
            spent = time.process_time() - began
            say(f"step {progress.step}: {dict(progress.scores)} after {spent:.0f} CPU-seconds")
    report(chosen.run, dev, time.process_time() - began, speed)


def report(run: Path, dev: str, spent: float, speed: float) -> None:
    """BLEU and chrF of the best step, greedily and with a beam."""
    model = melisma.load(run, device="cpu")
    say(f"{spent:.0f} CPU-seconds ({spent * speed / STANDARD:.0f} at 60 GFLOP/s), {model.parameters:,} parameters")
    for beam in (1, 5):
        found = melisma.evaluate(model, dev, beam=beam)
        for name in ("bleu", "chrf", "exact"):
            one = found.measures[name]
            say(f"beam {beam}: {one.name} {one.value:.2f} ({one.low:.2f} to {one.high:.2f}) {one.signature}")


if __name__ == "__main__":
    main()
