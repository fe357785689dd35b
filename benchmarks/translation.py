"""How good a translation is: a recipe trained on sentence pairs, as it comes or for a given amount of computing.

A recipe is trained once for each seed, below RUN, and measured on the validation set: greedily and with a beam of 5, by
sacreBLEU (13a, cased and lower-cased, with signatures), and with the beam in the form of the literature, multi-bleu on
Moses tokens, lower-cased (see moses.py; for German and English). With several seeds: each, then mean, sample standard
deviation and range. What is finished below RUN is measured and not trained again; what is not goes on from its last
saved step.

--budget is in CPU-seconds of one thread at 60 GFLOP/s (a product of 1024 x 1024 matrices); on a machine of another rate
it is scaled by the rate that is printed. Reading, learning the subwords, training, validation and saving all count;
measuring at the end and the short trial that turns the budget into steps do not, nor what was lost when a training was
killed. --budget none trains the recipe as it comes, to the end of its own epochs.

usage: python benchmarks/translation.py FOLDER RUN [--recipe translate] [--budget 3000|none] [--seeds 1,2,3]
       [name=value ...]
FOLDER holds train.en, train.de, val.en and val.de (or other endings: --source en --target de); RUN holds a run a seed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import sacrebleu
import torch
from moses import LANGUAGES, NAME, literature_bleu
from quick_translation import lines_of
from training import rate

import melisma
from melisma.api.device import machine

STANDARD = 60.0  # GFLOP/s that budgets are given at
VALIDATIONS = 4  # in the whole of a training for a budget
TRIAL = 60  # steps that show what a step costs
BEAMS = (1, 5)
Figures = dict[str, float]


def say(text: str) -> None:
    print(text, flush=True)


def planned(recipe: str, settings: Mapping[str, object], seconds: float) -> dict[str, object]:
    """The steps that so many CPU-seconds buy: what is paid once, a step, and a validation cost, from a short trial."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        marks = []
        trial = {**settings, "training.steps": TRIAL, "training.epochs": None, "training.validate_every": TRIAL}
        for progress in melisma.train(recipe, Path(folder) / "trial", trial):
            marks.append((time.process_time(), progress))
        steps = [(at, progress) for at, progress in marks if progress.kind == "step"]
        once = steps[0][0] - began
        step = (steps[-1][0] - steps[9][0]) / (len(steps) - 10)
        validation = next(at for at, progress in marks if progress.kind == "saved") - steps[-1][0]
    count = int((seconds - once - VALIDATIONS * validation) / step)
    if count < 1:
        raise SystemExit(f"a budget of {seconds:.0f} CPU-seconds here buys no step: {once:.0f} are paid once")
    return {"training.steps": count, "training.epochs": None, "training.validate_every": -(-count // VALIDATIONS)}


def trained(chosen: argparse.Namespace, run: Path, seed: int, speed: float) -> tuple[float, float]:
    """Trains, goes on with, or finds finished the run of a seed -> CPU-seconds in all, and GFLOP/s at that time."""
    (spent, _), settings = spent_before(run, speed), settings_of(chosen, seed)
    if (run / "run.json").exists():
        found = json.loads((run / "run.json").read_text(encoding="utf-8"))["recipe"]
        if found != chosen.recipe:
            raise SystemExit(f"{run} was trained by the recipe {found}, not {chosen.recipe}: wants another folder")
        steps = melisma.resume(run, settings)
    else:
        if chosen.budget is not None:
            settings |= planned(chosen.recipe, settings, chosen.budget * STANDARD / speed)
        say(f"seed {seed}: trains {settings}")
        run.parent.mkdir(parents=True, exist_ok=True)
        steps = melisma.train(chosen.recipe, run, settings)
    began = time.process_time()
    for progress in steps:
        now = spent + time.process_time() - began
        if progress.kind == "validation":
            say(f"seed {seed}, step {progress.step}: {dict(progress.scores)} after {now:.0f} CPU-seconds")
        if progress.kind == "saved":
            beside(run).write_text(json.dumps({"seconds": now, "rate": speed}), encoding="ascii")
        if progress.kind == "note":
            say(f"seed {seed}: {progress.text}")
    return spent_before(run, speed)


def settings_of(chosen: argparse.Namespace, seed: int) -> dict[str, object]:
    """What a training is told besides its recipe and its end."""
    ends = (chosen.source, chosen.target)
    data = {
        f"data.{use}": ",".join(str(chosen.folder / f"{name}.{end}") for end in ends)
        for use, name in (("train", "train"), ("valid", "val"))
    }
    fixed = {"training.threads": 1, "training.device": "cpu", "training.seed": seed}
    return data | fixed | dict(word.split("=", 1) for word in chosen.settings)


def beside(run: Path) -> Path:
    """Where the CPU-seconds of a run are kept."""
    return run.with_name(f"{run.name}.cpu.json")


def spent_before(run: Path, speed: float) -> tuple[float, float]:
    """CPU-seconds up to the last step that was saved, 0 where they are not known, and GFLOP/s at that time."""
    if not beside(run).exists():
        return 0.0, speed
    kept = json.loads(beside(run).read_text(encoding="ascii"))
    return float(kept["seconds"]), float(kept["rate"])


def measured(chosen: argparse.Namespace, run: Path) -> tuple[Figures, int]:
    """Every figure of a run on the validation set, and how many parameters it has."""
    model = melisma.load(run, device="cpu")
    sources, targets = (lines_of(chosen.folder, "val", end) for end in (chosen.source, chosen.target))
    found: Figures = {}
    for beam in BEAMS:
        answers = [answer.text for answer in model(sources, beam=beam)]
        for lowercase in (False, True):
            metric = sacrebleu.BLEU(lowercase=lowercase)
            score = metric.corpus_score(answers, [targets]).score
            found[f"beam {beam}: BLEU {metric.get_signature()}"] = score
    if chosen.target in LANGUAGES:
        literature = literature_bleu(answers, targets, chosen.target)
        say(f"{NAME}, beam {beam}: {literature}")
        found[f"beam {beam}: {NAME}"] = literature.score
    return found, model.parameters


def over_seeds(values: Sequence[float]) -> str:
    """Mean, sample standard deviation, and range."""
    if len(values) == 1:
        return f"{values[0]:.2f}"
    deviation = statistics.stdev(values)
    return f"{statistics.mean(values):.2f} ± {deviation:.2f} ({min(values):.2f} to {max(values):.2f})"


def place(run: Path, seeds: Sequence[int], seed: int) -> Path:
    """The run of a seed below RUN; RUN itself where it is one run."""
    if not (run / "run.json").exists():
        return run / f"seed-{seed}"
    if len(seeds) > 1:
        raise SystemExit(f"{run} is a single run: wants one seed, or a folder that holds a run for each")
    return run


def budget(text: str) -> float | None:
    return None if text == "none" else float(text)


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--recipe", default="translate")
    parser.add_argument("--budget", type=budget, default=3000.0, help="CPU-seconds at 60 GFLOP/s, or none")
    parser.add_argument("--seeds", type=numbers, default=[1], help="with commas between")
    parser.add_argument("--source", default="en")
    parser.add_argument("--target", default="de")
    parser.add_argument("settings", nargs="*", metavar="name=value")
    chosen = parser.parse_intermixed_args()
    if wrong := [word for word in chosen.settings if "=" not in word]:
        parser.error(f"{wrong[0]} is no setting: wants name=value")
    chosen.folder, chosen.run = (path.expanduser().resolve() for path in (chosen.folder, chosen.run))
    return chosen


def main() -> None:
    chosen = arguments()
    torch.set_num_threads(1)
    speed = rate()
    say(f"{date.today()}, {machine()}, {speed:.0f} GFLOP/s, load {os.getloadavg()[0]:.1f}")
    length = "to the end of its epochs"
    if chosen.budget is not None:
        here = chosen.budget * STANDARD / speed
        length = f"for {chosen.budget:.0f} CPU-seconds at 60 GFLOP/s, which are {here:.0f} here"
    say(f"recipe {chosen.recipe}, {length}")
    try:
        table = [one_seed(chosen, seed, speed) for seed in chosen.seeds]
    except melisma.Refusal as refusal:
        raise SystemExit(f"translation.py: {refusal}") from None
    for name in table[0] if len(table) > 1 else ():
        say(f"{len(table)} seeds, {name}: {over_seeds([figures[name] for figures in table])}")


def one_seed(chosen: argparse.Namespace, seed: int, speed: float) -> Figures:
    """Trains and measures, and tells."""
    run = place(chosen.run, chosen.seeds, seed)
    spent, speed = trained(chosen, run, seed, speed)
    figures, parameters = measured(chosen, run)
    taken = f"{spent:.0f} CPU-seconds ({spent * speed / STANDARD:.0f} at 60 GFLOP/s)" if spent else "time not known"
    say(f"seed {seed}: {taken}, {parameters:,} parameters")
    for name, value in figures.items():
        say(f"seed {seed}, {name}: {value:.2f}")
    return figures


if __name__ == "__main__":
    main()
