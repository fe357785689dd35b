"""How good a translation a given amount of computing buys: the recipe ``translate`` as it ships, on sentence pairs.

The budget is in CPU-seconds of one thread at 60 GFLOP/s (a product of 1024 x 1024 matrices); on a machine of another
rate it is scaled by the rate that is printed. Reading, learning the subwords, training, validation and saving all
count; measuring at the end does not.

usage: python benchmarks/translation.py FOLDER RUN [--budget 3000] [--seed 1] [name=value ...]
FOLDER holds train.en, train.de, val.en and val.de (or other endings: --source en --target de); RUN is a new folder.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from datetime import date
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sacrebleu
import torch
from training import rate

import melisma
from melisma.api.device import machine

STANDARD = 60.0  # GFLOP/s that budgets are given at
VALIDATIONS = 4  # in the whole training
TRIAL = 60  # steps that show what a step costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--budget", type=float, default=3000, help="CPU-seconds at 60 GFLOP/s")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--source", default="en")
    parser.add_argument("--target", default="de")
    parser.add_argument("settings", nargs="*", metavar="name=value")
    chosen = parser.parse_intermixed_args()
    torch.set_num_threads(1)
    speed = rate()
    seconds = chosen.budget * STANDARD / speed
    ends = (chosen.source, chosen.target)
    data = {
        f"data.{use}": ",".join(str(chosen.folder / f"{name}.{end}") for end in ends)
        for use, name in (("train", "train"), ("valid", "val"))
    }
    settings = data | {"training.threads": 1, "training.device": "cpu", "training.seed": chosen.seed}
    settings |= dict(word.split("=", 1) for word in chosen.settings)
    print(f"{date.today()}, {machine()}, {speed:.0f} GFLOP/s", flush=True)
    print(f"{chosen.budget:.0f} CPU-seconds at 60 GFLOP/s are {seconds:.0f} here", flush=True)
    steps = planned(settings, seconds)
    settings |= {"training.steps": steps, "training.epochs": None, "training.validate_every": -(-steps // VALIDATIONS)}
    print(f"that is {steps} steps; settings {settings}", flush=True)
    began = time.process_time()
    for progress in melisma.train("translate", chosen.run, settings):
        if progress.kind == "validation":
            spent = time.process_time() - began
            print(f"step {progress.step}: {dict(progress.scores)} after {spent:.0f} CPU-seconds", flush=True)
    spent = time.process_time() - began
    report(chosen, spent, speed)


def planned(settings: dict[str, object], seconds: float) -> int:
    """How many steps the budget buys: what is paid once, and what a step and a validation cost, from a short trial."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        marks = []
        trial = settings | {"training.steps": TRIAL, "training.epochs": None, "training.validate_every": TRIAL}
        for progress in melisma.train("translate", Path(folder) / "trial", trial):
            marks.append((time.process_time(), progress))
        steps = [(at, progress) for at, progress in marks if progress.kind == "step"]
        once = steps[0][0] - began
        step = (steps[-1][0] - steps[9][0]) / (len(steps) - 10)
        validation = next(at for at, progress in marks if progress.kind == "saved") - steps[-1][0]
    return int((seconds - once - VALIDATIONS * validation) / step)


def report(chosen: argparse.Namespace, spent: float, speed: float) -> None:
    """BLEU on the validation set, greedy and with a beam: cased, and without case."""
    model = melisma.load(chosen.run)
    sources, targets = (
        (chosen.folder / f"val.{end}").read_text(encoding="utf-8").split("\n")[:-1]
        for end in (chosen.source, chosen.target)
    )
    print(f"{spent:.0f} CPU-seconds ({spent * speed / STANDARD:.0f} at 60 GFLOP/s), {model.parameters:,} parameters")
    for beam in (1, 5):
        answers = [answer.text for answer in model(sources, beam=beam)]
        for lowercase in (False, True):
            measured = sacrebleu.BLEU(lowercase=lowercase)
            score = measured.corpus_score(answers, [targets])
            print(f"beam {beam}: BLEU {score.score:.2f} {measured.get_signature()}")


if __name__ == "__main__":
    main()
