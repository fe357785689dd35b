"""How often does a run survive SIGKILL? Kills at random instants and checks what is left.

usage: python benchmarks/kills.py [kills=100] [seed=1] [mode=both|saves|trainings]

saves: each round starts a process that goes on with the same run and saves without end; a random time after its first
save it is killed. Afterwards the run must verify, must be at the last step that was said to be saved or at a later one,
and its weights, its state and its log must be those of that step.

trainings: ``melisma train dates`` with a small model, killed and gone on with by ``melisma resume`` until it is
finished, then the next one. A kill falls some time after the start, after the run was locked, after a validation or
after a save; in every third training files are damaged now and then before, so that there is something to repair, and
what is found in these is counted apart. Whatever was said to be saved and not retired must be there, a resume must
begin there or later, and each step, each line of the log and the finished run must be in bits those of a training that
was never stopped. What the clock says is left out.
"""

from __future__ import annotations

import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from killed_trainings import kill_trainings
from killing import ROOT, begun, killed, scraps_in, table, tell

from melisma.runs.log import read_log
from melisma.runs.place import is_run
from melisma.runs.read import read_files
from melisma.runs.tensors import check_header
from melisma.runs.verify import verify

LONGEST = 0.150  # seconds between the first save and the kill
WEIGHTS = 100_000


@dataclass(frozen=True)
class Kill:
    """What one kill left."""

    said: int  # the last step that the writer said was saved
    found: int  # the step found afterwards
    fault: str | None  # what was wrong, None for nothing
    scraps: int  # half written or half removed things


def write_without_end(path: Path) -> None:
    """Goes on with the run, or begins it, and saves until it is killed; names each step once it is saved."""
    import numpy as np

    from melisma.runs.write import claim, create

    if is_run(path):
        writer = claim(path).begin()
    else:
        writer = create(path, {"task": "tag", "recipe": "kills", "settings": {}}, {"labels": ["a"]})
    step = int(writer.latest or 0)
    while True:
        step += 1
        weights = np.full(WEIGHTS, step, dtype="<f4")
        writer.log({"step": step})
        writer.save_step(
            step, {"weights": weights}, {"moments": weights}, {"step": step}, {"best"} if step % 3 == 0 else ()
        )
        sys.stdout.write(f"{step}\n")
        sys.stdout.flush()


def kill_once(path: Path, delay: float) -> Kill:
    """Starts a writer on ``path``, kills it ``delay`` seconds after its first save and looks at what it left."""
    writer = begun(__file__, "write", str(path))
    assert writer.stdout is not None
    first = writer.stdout.readline()
    time.sleep(delay)
    lines = [line for line in [first, *killed(writer)] if line.endswith("\n")]
    if writer.returncode != -signal.SIGKILL or not lines:
        return Kill(0, 0, f"the writer ended by itself with {writer.returncode}", 0)
    said, scraps = int(lines[-1]), scraps_in(path)
    try:
        found = check(path, said)
    except Exception as error:  # whatever it is, it is what this program is for
        return Kill(said, 0, f"{type(error).__name__}: {error}", scraps)
    return Kill(said, found, None, scraps)


def check(path: Path, said: int) -> int:
    """The step at which a killed run is; raises where it is not whole, has lost a saved step or mixes two."""
    verdict = verify(path)
    if verdict.state != "whole" or verdict.resumes is None:
        raise ValueError(f"{verdict.state}: {verdict.sentences}")
    for pointer in ("latest", "best"):
        step, files = read_files(path, pointer)
        weights = struct.pack("<f", step.number) * WEIGHTS
        for name in ("model.safetensors", "training.safetensors"):
            check_header(files[name], len(files[name]), name)
            if not files[name].endswith(weights):
                raise ValueError(f"{name} of step {step} holds other weights")
        if files["training.json"] != b'{"step": %d}\n' % step.number:
            raise ValueError(f"the state of step {step} is of another one")
    found = int(verdict.resumes)
    if found < said:
        raise ValueError(f"step {said} was said to be saved and {found} is the latest")
    logged = [line["step"] for line in read_log(path)]
    if logged[:found] != list(range(1, found + 1)):
        raise ValueError(f"the log lacks lines up to step {found}")
    return found


def kill_saves(kills: int, seed: int, folder: Path) -> list[str]:
    """Prints the table of kills while saving; what was wrong, a sentence each."""
    instant = random.Random(seed)
    outcomes = []
    for number in range(kills):
        outcomes.append(kill_once(folder / "run", instant.uniform(0, LONGEST)))
        tell(f"saves: {number + 1} of {kills} kills")
    faults = [outcome.fault for outcome in outcomes if outcome.fault]
    table(
        {
            "kills while saving": len(outcomes),
            "runs that were not whole": len(faults),
            "in the midst of writing or removing": sum(outcome.scraps > 0 for outcome in outcomes),
            "steps saved in all": max(outcome.found for outcome in outcomes),
        }
    )
    return faults


def facts(seed: int) -> dict[str, object]:
    """What a table needs to be read later."""
    from melisma.api.device import machine

    told = machine()
    asked = ["git", "-C", str(ROOT)]
    commit = subprocess.run([*asked, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    changed = subprocess.run([*asked, "status", "--porcelain", "src"], capture_output=True, text=True).stdout.strip()
    return {
        "machine": f"{told['processor']}, {told['capability']}, {told['system']}, a thread for each training",
        "date": time.strftime("%Y-%m-%d"),
        "seed": seed,
        "commit": (commit or "unknown") + (", with changes" if changed else ""),
    }


def read_arguments(arguments: list[str]) -> tuple[int, int, str] | None:
    """Kills, seed and mode; None where they are something else."""
    chosen = {"kills": "100", "seed": "1", "mode": "both"}
    for argument in arguments:
        name, _, value = argument.rpartition("=")
        chosen[name or "kills"] = value
    whole = chosen["kills"].isdigit() and int(chosen["kills"]) and chosen["seed"].isdigit()
    if len(chosen) > 3 or not whole or chosen["mode"] not in ("both", "saves", "trainings"):
        return None
    return int(chosen["kills"]), int(chosen["seed"]), chosen["mode"]


def main(arguments: list[str]) -> int:
    """Prints a table for each mode; 1 where a kill left a run that is not whole, lost a step or changed a bit."""
    if arguments[:1] == ["write"]:
        write_without_end(Path(arguments[1]))
    chosen = read_arguments(arguments)
    if chosen is None:
        print(__doc__)
        return 2
    kills, seed, mode = chosen
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        if mode != "trainings":
            faults += kill_saves(kills, seed, Path(folder))
        if mode != "saves":
            faults += kill_trainings(kills, seed, Path(folder))
    table(facts(seed))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
