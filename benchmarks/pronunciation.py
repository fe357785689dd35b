"""How well words are pronounced: the recipe ``pronounce``, as it comes or for a given amount of computing.

--budget is in CPU-seconds of one thread at 60 GFLOP/s (a product of 1024 x 1024 matrices); on a machine of another rate
it is scaled by the rate that is printed. Without it the recipe ends by itself. Reading, training, validation and saving
all count; measuring at the end does not, nor the short trial that turns a budget into steps. A run that is there
already goes on from its last saved step; what was lost when it was killed is not counted.

Word error is the share of distinct words whose answer is none of their listed pronunciations, phoneme error the edits
to the closest listed one over its length; both with 95 % intervals. Whether stress is written is the data's choice.

usage: python benchmarks/pronunciation.py FOLDER RUN [--budget 7200] [--seed 1] [--stress nostress] [name=value ...]
FOLDER holds train.nostress.tsv and dev.nostress.tsv: a word, a tab, its phonemes; RUN is a new folder.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from datetime import date
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from training import rate
from translation import STANDARD, beside, planned, say, spent_before

import melisma
from melisma.api.device import machine

RECIPE = "pronounce"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--budget", type=float, help="CPU-seconds at 60 GFLOP/s that the training is held to")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stress", default="nostress", choices=("nostress", "stress"))
    parser.add_argument("settings", nargs="*", metavar="name=value")
    chosen = parser.parse_intermixed_args()
    torch.set_num_threads(1)
    speed = rate()
    train, dev = (str(chosen.folder / f"{name}.{chosen.stress}.tsv") for name in ("train", "dev"))
    settings: dict[str, object] = {"data.train": train, "data.valid": dev}
    settings |= {"training.threads": 1, "training.device": "cpu", "training.seed": chosen.seed}
    settings |= dict(word.split("=", 1) for word in chosen.settings)
    say(f"{date.today()}, {machine()}, {speed:.0f} GFLOP/s")
    if chosen.budget is not None and not chosen.run.exists():
        settings |= planned(RECIPE, settings, chosen.budget * STANDARD / speed)
    trained(chosen.run, settings, speed)
    report(chosen.run, dev, speed)


def trained(run: Path, settings: dict[str, object], speed: float) -> None:
    """Trains, or goes on; the CPU-seconds up to each saved step are kept beside the run."""
    say(f"recipe {RECIPE} with {settings}")
    (spent, speed), there = spent_before(run, speed), (run / "run.json").exists()
    began = time.process_time()
    for progress in melisma.resume(run, settings) if there else melisma.train(RECIPE, run, settings):
        now = spent + time.process_time() - began
        if progress.kind == "validation":
            say(f"step {progress.step}: {dict(progress.scores)} after {now:.0f} CPU-seconds")
        if progress.kind == "saved":
            beside(run).write_text(json.dumps({"seconds": now, "rate": speed}), encoding="ascii")


def report(run: Path, dev: str, speed: float) -> None:
    """Word and phoneme error of the best step, searched as the recipe says and greedily."""
    model = melisma.load(run, device="cpu")
    spent, speed = spent_before(run, speed)
    say(f"{spent:.0f} CPU-seconds ({spent * speed / STANDARD:.0f} at 60 GFLOP/s), {model.parameters:,} parameters")
    for beam in dict.fromkeys((model.settings.search.beam, 1)):
        began = time.process_time()
        found = melisma.evaluate(model, dev, beam=beam)
        seconds = time.process_time() - began
        for name in ("word_error", "phoneme_error"):
            one = found.measures[name]
            ends = f"{one.low:.2f} to {one.high:.2f}"
            say(f"beam {beam}: {one.name} {one.value:.2f} % ({ends}), {one.count:,} words, {one.signature}")
        say(f"beam {beam}: {len(found.answers):,} answers in {seconds:.0f} CPU-seconds")


if __name__ == "__main__":
    main()
