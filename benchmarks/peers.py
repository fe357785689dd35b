"""Training and decoding speed beside real peers: equal symbols, equal sizes, one thread, in one run.

The peers are OpenNMT-py, JoeyNMT, and plain ``nn.LSTM``; the first two get environments of their own below a folder,
made once. All read the same text, cut once by Melisma's subwords, and take turns, a process each, so that a machine
that slows down slows all of them down. Speeds are target symbols (padding and starts left out) a CPU-second of the
process, between updates: reading and batching count, start-up and the first updates do not. Useful MFLOP are those of
the matrix products of each system's own weights, without padding. Answers are all of one length and from hardly trained
weights, as what they say does not change what they cost.

usage: python benchmarks/peers.py DATA [--rounds 3] [--updates 6] [--batches 4] [--only training|decoding]
DATA holds train.en, train.de, val.en and val.de (or other endings: --source en --target de).
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import torch
from peer_counts import FORWARD, TRAINING, Measured, Notes, against, reason, spread
from peer_data import Data, sentences, write
from peer_environments import DECLARED, JOEY, OPEN, UnavailableError, environment, surroundings
from peer_programs import (
    BEAM,
    LENGTH,
    SENTENCES,
    System,
    in_int8,
    own,
    peer,
    train_command,
    translate_command,
    write_for_peers,
)
from training import rate as torch_rate

from melisma.api.device import machine

SEARCHED = ("melisma", "OpenNMT-py")  # whose weights are translated with
LONGEST = 3600  # seconds until a process that says nothing is given up
WARM = 2  # updates or batches that are not counted
BUSY = 1.5  # processes that wish to run, for each that could, from which on a machine is called busy
Rates = dict[str, list[float]]  # GFLOP/s of each library, a round each
HEADS = ("", "target symbols/CPU-s", "a batch", "MFLOP/symbol", "GFLOP/s", "of best", "ours/peer", "a MFLOP")
WIDTHS = (16, 24, 9, 14, 10, 9, 22, 9)


def say(text: str) -> None:
    print(text, flush=True)


def systems(chosen: argparse.Namespace) -> tuple[list[System], dict[str, str]]:
    """All that can take part, and why others cannot."""
    folder = chosen.peers.expanduser().resolve()
    found, missing = own(), {}
    for one in (DECLARED if chosen.declared else OPEN, JOEY):
        try:
            found.append(peer(one.name, environment(one, folder, say)))
        except UnavailableError as fault:
            missing[one.name] = str(fault)
    return found, missing


def run(command: list[str], notes: Path, measured: Measured, batches: int, intervals: int) -> None:
    """One process; what it did is added, or why it failed is kept."""
    notes.unlink(missing_ok=True)
    environment = surroundings() | {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}
    try:
        done = subprocess.run(
            command,
            env=environment,
            cwd=notes.parent,
            timeout=LONGEST,
            capture_output=True,
            text=True,
            errors="replace",
        )
        Path(f"{notes}.log").write_text(done.stdout + done.stderr, encoding="utf-8")
        if done.returncode:
            raise ValueError(reason(done.stderr or done.stdout))
        found = Notes.read(notes.read_text(encoding="ascii"))
        measured.rounds.append(found.intervals(WARM, batches)[:intervals])
        measured.notes.append(found)
    except (ValueError, OSError, subprocess.TimeoutExpired) as fault:
        measured.failure = str(fault)


def numpy_rate() -> float:
    """GFLOP/s of NumPy's product of 1024 x 1024 matrices."""
    random = np.random.default_rng(1)
    a, b = (random.standard_normal((1024, 1024), dtype=np.float32) for _ in range(2))
    seconds = []
    for _ in range(12):
        began = time.process_time()
        np.matmul(a, b)
        seconds.append(time.process_time() - began)
    return 2 * 1024**3 / statistics.median(seconds) / 1e9


def rates(found: Rates) -> None:
    """Measures both libraries once more."""
    for name, measure in (("torch", torch_rate), ("NumPy", numpy_rate)):
        found.setdefault(name, []).append(measure())


def train(chosen: argparse.Namespace, data: Data, parts: list[System], best: Rates) -> dict[str, Measured]:
    """All systems in turn, as many rounds as wanted, each round with a seed of its own."""
    measured = {part.name: Measured(TRAINING) for part in parts}
    for number in range(chosen.training_rounds):
        rates(best)
        for part in parts:
            one, notes = measured[part.name], data.work / f"{part.train}.notes"
            if not one.failure:
                seeded = replace(data, seed=chosen.seed + number)
                command = train_command(part, seeded, last_update(chosen), notes)
                run(command, notes, one, chosen.updates, chosen.intervals)
                say(f"training, round {number + 1}: {part.name} {state(one)}")
    return measured


def translate(chosen: argparse.Namespace, data: Data, parts: list[System], best: Rates) -> dict[str, Measured]:
    """The same for search, with the weights that training left."""
    measured = {part.name: Measured(FORWARD, BEAM) for part in parts if part.translate}
    for number in range(chosen.rounds):
        rates(best)
        for part in parts:
            one, notes = measured.get(part.name), data.work / f"{part.translate}.notes"
            if one is not None and not one.failure:
                command = translate_command(part, data, last_update(chosen), notes)
                run(command, notes, one, chosen.batches, 1)
                say(f"decoding, round {number + 1}: {part.name} {state(one)}")
    return measured


def last_update(chosen: argparse.Namespace) -> int:
    return WARM + chosen.intervals * chosen.updates


def state(measured: Measured) -> str:
    load = f"load {os.getloadavg()[0]:.1f}"
    return f"failed: {measured.failure}" if measured.failure else f"{measured.rounds[-1][-1].speed:.0f} ({load})"


def table(title: str, measured: dict[str, Measured], best: float) -> None:
    """A line a system; ratios compare rounds, as both sides of one were measured beside each other."""
    there = {name: one for name, one in measured.items() if one.rounds and not one.failure}
    say(f"\n{title}")
    say("".join(f"{head:>{width}s}" for head, width in zip(HEADS, WIDTHS)))
    ours = there.get("melisma")
    for name, one in there.items():
        mflop = one.mflop(name)
        rate = mflop * statistics.median(one.speeds()) / 1e3
        cells = [f"{name:<{WIDTHS[0]}s}", spread(one.speeds()), f"{one.batch():.0f}"]
        cells += [f"{mflop:.1f}", f"{rate:.1f}", f"{rate / best:.0%}"]
        if ours is not None and one is not ours:
            ratios = against(ours, one)
            cells += [spread(ratios, 2), f"{statistics.median(ratios) * ours.mflop('melisma') / mflop:.2f}"]
        say("".join(f"{cell:>{width}s}" for cell, width in zip(cells, WIDTHS)))
    for name, one in measured.items():
        if name not in there:
            say(f"{name:<{WIDTHS[0]}s}left out: {one.failure}")


def same_answers(measured: dict[str, Measured]) -> str:
    """How many answers of the plain search are Melisma's."""
    try:
        ours, plain = (measured[name].notes[0].facts["answers"] for name in ("melisma", "plain nn.LSTM"))
    except (KeyError, IndexError):
        return "answers were not compared"
    return f"{sum(map(list.__eq__, ours, plain))} of {len(ours)} answers of melisma and plain nn.LSTM are the same"


def heading(chosen: argparse.Namespace, data: Data) -> None:
    load, processors = os.getloadavg()[0], os.cpu_count() or 1
    say(f"{date.today()}, {machine()}, {processors} processors, load {load:.1f}, seed {chosen.seed}")
    if load > BUSY or load > processors:
        say("warning: the machine is busy; speeds are too low, and ratios uncertain")
    sizes = "encoder 2 x (256 + 256), decoder 512, embeddings 256, 6,500 symbols, 32 bits, one thread"
    say(f"{data.folder}: {data.source} to {data.target}; {sizes}")


def closing(chosen: argparse.Namespace, missing: dict[str, str], found: dict[str, Measured], best: Rates) -> None:
    for name, why in missing.items():
        say(f"{name:16s}left out: {why}")
    say("\nbest product of 1024 x 1024 matrices: " + ", ".join(f"{n} {spread(r)} GFLOP/s" for n, r in best.items()))
    for name, one in found.items():
        if one.notes:
            versions = " ".join(f"{package} {number}" for package, number in one.notes[0].versions.items())
            say(f"{name}: {versions}")
    say(f"load at the end {os.getloadavg()[0]:.1f}; {chosen.rounds} rounds; {WARM} updates or batches left out in each")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--peers", type=Path, default=Path("~/.cache/melisma/peers"), help="their environments")
    parser.add_argument("--work", type=Path, help="where files of the run are left; none removes them at the end")
    parser.add_argument("--rounds", type=int, default=3, help="rounds; all systems take turns")
    parser.add_argument("--updates", type=int, default=6, help="updates of an interval")
    parser.add_argument("--intervals", type=int, default=2, help="intervals of a system in each round")
    parser.add_argument("--batches", type=int, default=4, help=f"batches of {SENTENCES} sentences that are translated")
    parser.add_argument("--only", choices=("training", "decoding"), help="decoding trains as little as it can")
    parser.add_argument("--declared", action="store_true", help="OpenNMT-py on the torch it declares, 2.2.2 (4 GB)")
    parser.add_argument("--source", default="en")
    parser.add_argument("--target", default="de")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    chosen.training_rounds = chosen.rounds
    if chosen.only == "decoding":
        chosen.training_rounds = chosen.updates = chosen.intervals = 1
    return chosen


def compare(chosen: argparse.Namespace, data: Data) -> None:
    heading(chosen, data)
    parts, missing = systems(chosen)
    say("learns the subwords, and writes the symbols")
    write(data)
    places = sentences(data, SENTENCES * (WARM + chosen.batches))
    (data.work / "searched.places").write_text("\n".join(map(str, places)), encoding="ascii")
    write_for_peers(data, places)
    best: Rates = {}
    training = [part for part in parts if chosen.only != "decoding" or part.name in SEARCHED]
    trained = train(chosen, data, training, best)
    searching = [part for part in parts if part.name not in trained or not trained[part.name].failure]
    searching.append(in_int8())
    searched = translate(chosen, data, searching, best) if chosen.only != "training" else {}
    rate = max(statistics.median(found) for found in best.values())
    if chosen.only != "decoding":
        table("training", trained, rate)
    if searched:
        table(f"decoding: beam {BEAM}, {SENTENCES} sentences at once, answers of {LENGTH} symbols", searched, rate)
        say(same_answers(searched))
    closing(chosen, missing, trained, best)


def main() -> None:
    chosen = arguments()
    torch.set_num_threads(1)
    torch.manual_seed(chosen.seed)
    with tempfile.TemporaryDirectory() as left:
        work = (chosen.work or Path(left)).expanduser().resolve()
        work.mkdir(parents=True, exist_ok=True)
        compare(chosen, Data(chosen.data.expanduser().resolve(), work, chosen.source, chosen.target, chosen.seed))


if __name__ == "__main__":
    main()
