"""Where a model computes, and what the machine is."""

from __future__ import annotations

import platform
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from melisma.errors import Refusal
from melisma.settings.leaves import shape
from melisma.settings.training import TrainingSettings
from melisma.settings.values import convert


def device(wanted: str, setting: str = "training.device") -> torch.device:
    """``cpu``, ``gpu`` (refused where there is none) or ``auto``: the GPU if there is one.

    ``setting`` is what a Refusal calls it.
    """
    wanted = convert(replace(shape(TrainingSettings).leaves["device"], name=setting), wanted)
    there = torch.cuda.is_available()
    if wanted == "gpu" and not there:
        raise Refusal(f"{setting}=gpu: torch finds no GPU on this machine; wanted is {setting}=cpu or auto")
    return torch.device("cuda" if there and wanted != "cpu" else "cpu")


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
