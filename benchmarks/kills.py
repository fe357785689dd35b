"""How often does a run survive SIGKILL? Kills a writer at random instants and checks what it left: kills.py [kills=100]

Each round starts a process that goes on with the same run and saves without end; a random time after its first save it
is killed. Afterwards the run must verify, must be at the last step that was said to be saved or at a later one, and its
weights, its state and its log must be those of that step.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from melisma.runs.disk import PASSING, TRASH
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

    from melisma.runs.write import create, open_for_training

    if is_run(path):
        writer = open_for_training(path)
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
    source = str(Path(__file__).resolve().parents[1] / "src")
    environment = os.environ | {"PYTHONPATH": source, "OMP_NUM_THREADS": "1"}
    writer = subprocess.Popen(
        [sys.executable, __file__, "write", str(path)], stdout=subprocess.PIPE, env=environment, text=True
    )
    assert writer.stdout is not None
    first = writer.stdout.readline()
    time.sleep(delay)
    writer.send_signal(signal.SIGKILL)
    lines = [line for line in [first, *writer.stdout] if line.endswith("\n")]
    writer.stdout.close()
    if writer.wait() != -signal.SIGKILL or not lines:
        return Kill(0, 0, f"the writer ended by itself with {writer.returncode}", 0)
    said = int(lines[-1])
    scraps = sum(
        name.name.startswith((PASSING, TRASH)) for folder in (path, path / "steps") for name in folder.iterdir()
    )
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


def main(arguments: list[str]) -> int:
    """Prints a table; 1 where a kill left a run that is not whole."""
    if arguments[:1] == ["write"]:
        write_without_end(Path(arguments[1]))
    if arguments and not arguments[0].removeprefix("kills=").isdigit():
        print(__doc__)
        return 2
    kills = int(arguments[0].removeprefix("kills=")) if arguments else 100
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    instant = random.Random(1)
    outcomes = [kill_once(folder / "run", instant.uniform(0, LONGEST)) for _ in range(kills)]
    shutil.rmtree(folder)
    faults = [outcome.fault for outcome in outcomes if outcome.fault]
    print(f"kills                                   {len(outcomes)}")
    print(f"runs that were not whole                {len(faults)}")
    print(f"in the midst of writing or removing     {sum(outcome.scraps > 0 for outcome in outcomes)}")
    print(f"steps saved in all                      {max(outcome.found for outcome in outcomes)}")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
