"""One training in a process of its own, which tells after each epoch what it has reached and what that took.

Told is a line of JSON an epoch: epochs, updates, CPU-seconds of the process since it began to read (reading, learning
the subwords, training, and what Melisma saves; neither imports nor validations), and greedy BLEU on the validation set
(sacreBLEU, 13a, lower-cased), of the averaged weights. Melisma is validated from outside, with the step that it saved.

usage: python learning_curves.py melisma|quick FOLDER WORK SOURCE TARGET SEED [name=value ...]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from peer_counts import reason
from peer_environments import surroundings
from quick_translation import Clock, Reached, Recipe, bleu, learn, lines_of

Ends = tuple[str, str]


def ours(folder: Path, work: Path, ends: Ends, seed: int, settings: Mapping[str, str]) -> Iterator[Reached]:
    """A training of the recipe ``translate``, in a new folder below ``work``."""
    import melisma
    from melisma.tasks import translate  # noqa: F401  # imports come before the clock

    run = work / "run"
    train = ",".join(str(folder / f"train.{end}") for end in ends)
    fixed = {"data.train": train, "data.valid_size": 0, "training.threads": 1, "training.device": "cpu"}
    asked, references = (lines_of(folder, "val", end) for end in ends)
    clock, due = Clock(), False
    for progress in melisma.train("translate", run, fixed, settings, {"training.seed": seed}):
        due = due or progress.kind == "validation"
        if due and progress.kind == "saved":
            seconds, due = clock.seconds(), False
            answers = melisma.load(run, "latest", device="cpu")(asked, beam=1)
            score = bleu([answer.text for answer in answers], references)
            clock.leave_out_since(seconds)
            yield Reached(progress.epoch, progress.step, seconds, score)


def quick(folder: Path, work: Path, ends: Ends, seed: int, settings: Mapping[str, str]) -> Iterator[Reached]:
    """The training of ``quick_translation.py``."""
    return learn(folder, ends, Recipe(seed=seed))


SYSTEMS = {"melisma": ours, "quick": quick}


def follow(system: str, where: Sequence[object], settings: Mapping[str, object]) -> Iterator[Reached]:
    """What a process of its own tells, as it tells it; whoever has heard enough ends it. ValueError where it fails."""
    words = [f"{name}={value}" for name, value in settings.items()]
    command = [sys.executable, __file__, system, *map(str, where), *words]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as faults:
        said = {"stdout": subprocess.PIPE, "stderr": faults, "text": True, "encoding": "utf-8"}
        with subprocess.Popen(command, env=surroundings(), **said) as process:
            try:
                for line in process.stdout or ():
                    yield Reached(**json.loads(line))
                if process.wait():
                    faults.seek(0)
                    raise ValueError(f"{system}: {reason(faults.read())}")
            finally:
                process.kill()


def main() -> None:
    system, folder, work, source, target, seed, *words = sys.argv[1:]
    torch.set_num_threads(1)
    settings = dict(word.split("=", 1) for word in words)
    for reached in SYSTEMS[system](Path(folder), Path(work), (source, target), int(seed), settings):
        print(json.dumps(asdict(reached)), flush=True)


if __name__ == "__main__":
    main()
