"""How much memory a training takes, and how soon it begins, with few pairs and with very many.

    python benchmarks/memory.py                     # 50,000 and 5,000,000 pairs
    python benchmarks/memory.py 50000 500000        # any others

Pairs are made up: words of syllables, as frequent as in a language (Zipf), of 1,000,000 different ones, in lines of 3
to 40 words. Each size is trained for some steps by a process of its own, whose largest resident memory the system
tells.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SIZES = (50_000, 5_000_000)
STEPS = 12
WORDS = 1_000_000  # different ones
SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in "aeiou"]
PARTS = ("read", "learn", "prepare")
PEAKS = ("prepared", "steps", "end")
SETTINGS = {
    "text.size": 8000,
    "model.embedding": 64,
    "model.hidden": 128,
    "model.encoder_hidden": 64,
    "training.steps": STEPS,
    "training.batch_tokens": 1000,  # small, so that the data and not a step is what takes memory
    "data.valid_size": 50,
    "search.maximum": 8,
}


def main() -> None:
    """Makes the data, trains once with each size, and prints a table."""
    sizes = [int(word.replace(",", "")) for word in sys.argv[1:]] or list(SIZES)
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        found = [measured(Path(folder), size) for size in sizes]
    machine = f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    print(f"{machine}, {time.strftime('%Y-%m-%d')}; seconds of the processor, and by the clock until the first step;")
    print(
        "largest resident memory, MiB, until the data was prepared, until the last step, and with the page at the end"
    )
    print("".join(f"{name:>10}" for name in ("pairs", "MB", *PARTS, "clock", *PEAKS, "more")))
    for size, told in zip(sizes, found):
        spans = "".join(f"{told[name]:>9.1f}s" for name in (*PARTS, "clock"))
        peaks = "".join(f"{told[name] / 2**20:>10.0f}" for name in PEAKS)
        more = (told["steps"] - found[0]["steps"]) / 2**20
        print(f"{size:>10,}{told['bytes'] / 1e6:>10.0f}{spans}{peaks}{more:>+10.0f}")


def measured(folder: Path, size: int) -> dict[str, float]:
    """One training in a process of its own."""
    files = write(folder, size)
    words = [sys.executable, __file__, "--train", str(folder / f"run{size}"), *map(str, files)]
    told: dict[str, float] = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    told["bytes"] = sum(file.stat().st_size for file in files)
    for file in files:
        file.unlink()
    return told


def write(folder: Path, size: int, seed: int = 1) -> list[Path]:
    """Parallel files of made-up sentences: each word has its own translation, and the order is turned around."""
    random = np.random.default_rng(seed)
    ranks = np.arange(WORDS) + 2.7
    share = np.where(ranks < 10_000, 1 / ranks, 1e-4 * (ranks / 10_000) ** -1.6)  # rare words are rarer
    edges = np.cumsum(share / share.sum())
    lists = [[word(rank, shift) for rank in range(WORDS)] for shift in (0, 37)]
    files = [folder / f"{size}.{side}" for side in ("src", "tgt")]
    with files[0].open("w") as sources, files[1].open("w") as targets:
        for begin in range(0, size, 10_000):
            lengths = np.clip(random.normal(12, 6, min(10_000, size - begin)), 3, 40).astype(int)
            drawn = np.searchsorted(edges, random.random(lengths.sum())).clip(max=WORDS - 1)
            for line in np.split(drawn, np.cumsum(lengths)[:-1]):
                numbers = line.tolist()
                sources.write(" ".join([lists[0][number] for number in numbers]) + " .\n")
                targets.write(" ".join([lists[1][number] for number in reversed(numbers)]) + " .\n")
    return files


def word(rank: int, shift: int) -> str:
    """A word of one to four syllables, the frequent ones shorter."""
    made, rest = "", rank + 1
    while rest:
        rest, last = divmod(rest, len(SYLLABLES))
        made += SYLLABLES[(last + shift) % len(SYLLABLES)]
    return made


def train(run: str, source: str, target: str) -> None:
    """Trains, and tells as JSON how long each part took and the largest resident memory, in bytes."""
    import melisma
    from melisma.api import train as verbs

    spent: dict[str, float] = {}
    task = verbs.task_of("translate")

    class Timed:
        def __getattr__(self, name: str) -> object:
            found = getattr(task, name)
            return timed(name, found, spent) if name in PARTS else found

    verbs.task_of = lambda name: Timed()  # type: ignore[assignment,return-value]
    began = time.monotonic()
    settings = {**SETTINGS, "data.train": ((source, target),)}
    for progress in melisma.train("translate", run, settings):
        if progress.kind == "begin":
            spent["clock"], spent["prepared"] = time.monotonic() - began, peak()
        if progress.kind == "step":
            spent["steps"] = peak()
    spent["end"] = peak()
    print(json.dumps(spent))


def peak() -> float:
    """The largest resident memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def timed(name: str, call: object, spent: dict[str, float]) -> object:
    """The same call, with its seconds of the processor put into ``spent``."""

    def run(*given: object) -> object:
        began = time.process_time()
        found = call(*given)  # type: ignore[operator]
        spent[name] = time.process_time() - began
        return found

    return run


if __name__ == "__main__":
    if sys.argv[1:2] == ["--train"]:
        train(*sys.argv[2:5])
    else:
        main()
