"""Plants small wrong changes, one at a time, and sees whether the tests turn red: a test that cannot fail is no test.

Run as a program, with the names of faults to plant only those. Each is planted in a copy of the tree, so the tree itself
stays as it is.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # the lists are found however this is started

from faults.listed import FAULTS, Fault  # noqa: E402 - after the path that leads there

PACKAGE = "src/melisma"
COPIED = ("src", "tests", "examples", "benchmarks", "pyproject.toml")
GREEN, RED = 0, 1  # pytest's own codes; any other says that no test was run to its end


def planted(fault: Fault, text: str) -> str:
    """The file with the fault in it; ValueError where its place is not found exactly once, or the result is no Python."""
    if text.count(fault.old) != 1:
        raise ValueError(f"{fault.name}: its text stands {text.count(fault.old)} times in {fault.file}")
    changed = text.replace(fault.old, fault.new)
    ast.parse(changed)
    return changed


def copied(folder: Path) -> None:
    """Copies the tree, without what was compiled."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        else:
            shutil.copy(source, folder / name)


def tested(folder: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Runs these tests in ``folder``, one thread -> pytest's code, and the first that failed or its last line."""
    words = (sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", "--hypothesis-seed=0", *tests)
    # absolute: processes that a test starts from elsewhere are to find the copy too
    environment = os.environ | {"PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    failed = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    return done.returncode, (failed or done.stdout.splitlines() or done.stderr.splitlines() or ["nothing was said"])[-1]


def is_caught(fault: Fault) -> bool:
    """Plants the fault in a copy, runs its tests, and tells what came of it."""
    with tempfile.TemporaryDirectory(prefix="fault-") as name:
        folder = Path(name)
        copied(folder)
        file = folder / PACKAGE / fault.file
        file.write_text(planted(fault, file.read_text(encoding="utf-8")), encoding="utf-8")
        code, last = tested(folder, fault.tests)
    said = {RED: "caught", GREEN: "NOT CAUGHT"}.get(code, f"NOT TESTED (pytest ended with {code})")
    print(f"{said}: {fault.name}  [{last}]", flush=True)
    return code == RED


def is_green(tests: Sequence[str]) -> bool:
    """Whether the tests pass where nothing is planted: else their red would mean nothing."""
    with tempfile.TemporaryDirectory(prefix="fault-") as name:
        copied(Path(name))
        code, last = tested(Path(name), tests)
    print(f"nothing planted: {'green' if code == GREEN else 'NOT GREEN'}  [{last}]", flush=True)
    return code == GREEN


def main(names: Sequence[str]) -> int:
    """Plants all faults, or those of these names -> 0 if every one is caught."""
    unknown = set(names) - {fault.name for fault in FAULTS}
    if unknown:
        print("\n".join((f"there is no fault {sorted(unknown)}; there are", *(fault.name for fault in FAULTS))))
        return 2
    chosen = [fault for fault in FAULTS if not names or fault.name in names]
    if not is_green(sorted({test for fault in chosen for test in fault.tests})):
        return 1
    missed = [fault.name for fault in chosen if not is_caught(fault)]
    print(f"{len(chosen) - len(missed)} of {len(chosen)} faults are caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
