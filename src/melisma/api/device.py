"""Where a model computes, and what the machine is."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from melisma.errors import Refusal
from melisma.settings.leaves import shape
from melisma.settings.training import TrainingSettings
from melisma.settings.values import convert


def device(wanted: str, setting: str = "training.device", local: int | None = None) -> torch.device:
    """``cpu``, ``gpu`` (refused where there is none) or ``auto``: the GPU if there is one.

    ``setting`` is what a Refusal calls it. ``local`` is which GPU is wanted, where several processes have one each.
    """
    wanted = convert(replace(shape(TrainingSettings).leaves["device"], name=setting), wanted)
    there = torch.cuda.is_available()
    if wanted == "gpu" and not there:
        raise Refusal(f"{setting}=gpu: torch finds no GPU on this machine; wanted is {setting}=cpu or auto")
    if not there or wanted == "cpu":
        return torch.device("cpu")
    if local is None:
        return torch.device("cuda")
    if local >= (count := torch.cuda.device_count()):
        raise Refusal(
            f"process {local + 1} on this machine has no GPU of its own, of which there are {count}: "
            f"--nproc-per-node={count} or {setting}=cpu is wanted"
        )
    return torch.device("cuda", local)


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Within it torch computes on so many threads (None: on what it takes); afterwards as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def drawing(seed: int) -> Iterator[None]:
    """Within it what torch draws without a named generator begins at ``seed``; afterwards that is as before."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def require_memory(numbers: int, place: torch.device, copies: int = 0) -> None:
    """Refuses a training that would not fit into the memory that is free.

    Counted are weights, gradients, two moments and the copies of earlier weights alone.
    """
    there = torch.cuda.mem_get_info(place)[0] if place.type == "cuda" else _free()
    wanted = 4 * (4 + copies) * numbers
    if there is not None and wanted > there:
        raise Refusal(
            f"the model would have {numbers:,} parameters and take {wanted / 1e9:,.1f} GB to train, and "
            f"{there / 1e9:,.1f} GB of memory are free; smaller widths, fewer layers or a smaller text.size are wanted"
        )


def _free() -> int | None:
    """Bytes of memory that a program can still get; None where the system doesn't say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    free = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(free[0]) * 1024 if free else None


def machine() -> dict[str, Any]:
    """What the bits of a training depend on, and its speed."""
    return {
        "processor": _processor(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "system": platform.system(),
    }


def versions() -> dict[str, str]:
    """What ran."""
    found = {"python": platform.python_version()}
    for package in ("melisma", "torch", "numpy", "tokenizers", "safetensors", "sacrebleu"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
