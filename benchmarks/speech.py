"""How well small recognisers of speech do: errors on speakers and recordings that were not trained on.

Sets, each by its folder (clips.tsv beside train/ and dev/; --noise is such a folder of background sounds):

  yesno    Hebrew yes and no, eight to a recording; with --folds 5 over all recordings, each left out once
  digits   English digits; with --strangers each speaker is left out once, and what was learned of the others measured
  words    Arabic commands and others (unknown), of speakers that were not trained on
  mboshi   sentences of a Bantu language, seven minutes of two speakers

For digits and words the same models also hear strings of 3 to 8 recordings joined, with noise at --snr decibels. Every
seed is trained into a run below RUNS, once: what is finished there is measured and not trained again. Counted are
CPU-seconds of one thread, of reading, training, validation and saving.

usage: python benchmarks/speech.py SET FOLDER RUNS [--seeds 1,2,3] [--folds N] [--strangers] [--noise FOLDER --snr 10]
       [name=value ...]
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import soundfile
import torch
from training import rate
from translation import numbers

import melisma
from melisma.api.device import machine
from melisma.sound.joined import joined
from melisma.sound.noise import noisy
from melisma.sound.wave import read

Rows = list[dict[str, str]]
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
RECIPES = {"yesno": "words", "digits": "words", "words": "words", "mboshi": "transcribe"}
STRINGS = 100  # of joined recordings
LEAST, MOST = 3, 8  # recordings in one
GAPS = (0.05, 0.3)  # seconds between two


class Split(NamedTuple):
    """What is trained on, and what is measured."""

    name: str
    train: Rows
    dev: Rows


def say(text: str) -> None:
    print(text, flush=True)


def rows(kind: str, folder: Path) -> dict[str, Rows]:
    """The recordings of a set by part: audio, text, and speaker where it is known."""
    found: dict[str, Rows] = {"train": [], "dev": []}
    with open(folder / "clips.tsv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["part"] in found:
                one = {"audio": str(folder / row["file"]), "text": text_of(kind, row)}
                found[row["part"]].append(one | ({"speaker": row["speaker"]} if "speaker" in row else {}))
    return found


def text_of(kind: str, row: Mapping[str, str]) -> str:
    """What is said in a recording."""
    if kind == "digits":
        return DIGITS[int(row["digit"])]
    if kind == "words":
        return "unknown" if row["label"] == "_unknown_" else row["label"]
    return row["text"]


def splits(kind: str, folder: Path, folds: int, strangers: bool) -> Iterator[Split]:
    """Each division into what is trained on and what is measured."""
    parts = rows(kind, folder)
    if folds:
        every = sorted(parts["train"] + parts["dev"], key=lambda row: row["audio"])
        random.Random(0).shuffle(every)
        for fold in range(folds):
            yield Split(f"fold-{fold + 1}", [r for n, r in enumerate(every) if n % folds != fold], every[fold::folds])
    elif strangers:
        for speaker in sorted({row["speaker"] for row in parts["train"]}):
            train = [row for row in parts["train"] if row["speaker"] != speaker]
            held = [row for part in parts.values() for row in part if row["speaker"] == speaker]
            yield Split(f"without-{speaker}", train, held)
    else:
        yield Split("dev", parts["train"], parts["dev"])


def manifest(path: Path, some: Rows) -> str:
    """The recordings as a file that training reads."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in some), encoding="utf-8")
    return str(path)


def trained(recipe: str, run: Path, settings: Mapping[str, Any]) -> float:
    """Trains a run, or finds it finished -> CPU-seconds."""
    spent = run.with_name(run.name + ".cpu.json")
    if not spent.exists():
        began = time.process_time()
        for progress in melisma.train(recipe, run, settings):
            if progress.kind in ("note", "begin"):
                say(f"  {progress.text}")
        spent.write_text(json.dumps(time.process_time() - began), encoding="ascii")
    return float(json.loads(spent.read_text(encoding="ascii")))


def strings(path: Path, some: Rows, noise: Path | None, snr: float) -> str:
    """Recordings of one speaker joined to strings, with noise where there is some, as a manifest."""
    draw, numbers_ = random.Random(1), np.random.default_rng(1)
    sounds = sorted(noise.glob("dev/**/*.flac")) if noise is not None else []
    made, rate_ = [], 16_000
    speakers = sorted({row.get("speaker", "") for row in some})
    path.mkdir(parents=True, exist_ok=True)
    for number in range(STRINGS):
        own = [row for row in some if row.get("speaker", "") == speakers[number % len(speakers)]]
        chosen = [draw.choice(own) for _ in range(draw.randint(LEAST, MOST))]
        waves = [read(row["audio"], rate_).samples for row in chosen]
        wave = joined(waves, [draw.uniform(*GAPS) for _ in waves[1:]], rate_, numbers_).samples
        if sounds:
            wave = noisy(wave, np.resize(read(draw.choice(sounds), rate_).samples, len(wave)), rate_, snr)
        file = path / f"{number:03d}.flac"
        soundfile.write(file, np.clip(wave, -1, 1), rate_)
        made.append({"audio": str(file), "text": " ".join(row["text"] for row in chosen)})
    return manifest(path / "strings.jsonl", made)


def told(name: str, values: Sequence[float]) -> str:
    """One figure of several runs."""
    if len(values) == 1:
        return f"{name} {values[0]:.2f}"
    spread = statistics.stdev(values)
    return f"{name} {', '.join(f'{v:.2f}' for v in values)}: mean {statistics.mean(values):.2f} ± {spread:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=RECIPES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--seeds", type=numbers, default=[1, 2, 3], help="with commas between")
    parser.add_argument("--folds", type=int, default=0)
    parser.add_argument("--strangers", action="store_true")
    parser.add_argument("--noise", type=Path)
    parser.add_argument("--snr", type=float, default=10.0)
    parser.add_argument("--recipe")
    parser.add_argument("settings", nargs="*", metavar="name=value")
    chosen = parser.parse_intermixed_args()
    torch.set_num_threads(1)
    say(f"{date.today()}, {machine()}, {rate():.0f} GFLOP/s, load {os.getloadavg()[0]:.1f}")
    folder, chosen.runs = (path.expanduser().resolve() for path in (chosen.folder, chosen.runs))
    chosen.runs.mkdir(parents=True, exist_ok=True)
    recipe = chosen.recipe or RECIPES[chosen.set]
    figures: dict[str, list[float]] = {}
    for split in splits(chosen.set, folder, chosen.folds, chosen.strangers):
        train = manifest(chosen.runs / f"{split.name}.train.jsonl", split.train)
        dev = manifest(chosen.runs / f"{split.name}.dev.jsonl", split.dev)
        joined_ = chosen.set in ("digits", "words") and not chosen.strangers
        more = strings(chosen.runs / "strings", split.dev, chosen.noise, chosen.snr) if joined_ else ""
        for seed in chosen.seeds:
            run = chosen.runs / f"{split.name}-seed-{seed}"
            fixed = {"training.threads": 1, "training.device": "cpu", "training.seed": seed}
            given = dict(word.split("=", 1) for word in chosen.settings)
            seconds = trained(recipe, run, {"data.train": train, "data.valid": dev} | fixed | given)
            model = melisma.load(run, device="cpu")
            found = dict(melisma.evaluate(model, dev, **single(chosen.set)).measures)
            line = {f"{name} {split.name}": found[name].value for name in ("wer", "cer", "exact")}
            if more:
                line["wer of strings"] = melisma.evaluate(model, more, **open_search(chosen.set)).measures["wer"].value
            line["CPU-seconds"] = seconds
            say(f"{split.name}, seed {seed}, {model.parameters:,} parameters: " + told_line(line))
            for name, value in line.items():
                figures.setdefault(name, []).append(value)
    for name, values in figures.items():
        say(told(name, values))


def single(kind: str) -> dict[str, Any]:
    """How single recordings are heard."""
    return {"words": "one"} if kind in ("digits", "words") else {}


def open_search(kind: str) -> dict[str, Any]:
    """How strings are heard."""
    return {"words": "known"} if kind in ("digits", "words") else {}


def told_line(line: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in line.items())


if __name__ == "__main__":
    main()
