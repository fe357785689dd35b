"""Virtual environments for peers, one each, with pinned versions; what is there is left as it is.

Those that train get the build without CUDA of the torch that Melisma runs on, so that torch is no difference between
the systems.
OpenNMT-py declares torch below 2.3 and runs unchanged on newer ones, where it trained a tenth faster (2026-11-21); what
it declares can be asked for, and then brings gigabytes of CUDA's libraries, without which torch 2.2.2 of PyPI does not
start.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from peer_counts import reason

CPU_BUILDS = ("--extra-index-url", "https://download.pytorch.org/whl/cpu")
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
OWN_TORCH = version("torch").split("+")[0]
TORCH_NEEDS = (
    "filelock==4.2.11",
    "fsspec==2026.9.0",
    "jinja2==3.1.6",
    "networkx==3.6.1",
    "sympy==1.14.0",
    "typing-extensions==4.16.0",
)
OPENNMT = (
    "ConfigArgParse==1.9.0",
    "numpy==1.26.4",
    "pyahocorasick==2.3.1",
    "pyonmttok==1.38.1",
    "PyYAML==6.0.3",
    "RapidFuzz==3.14.6",
    "regex==2026.11.15",
    "sacrebleu==2.6.0",
    "six==1.17.0",
    *TORCH_NEEDS,
)
JOEYNMT = (
    "importlib_metadata==10.2.0",  # imported and not declared
    "matplotlib==3.11.2",
    "numpy==2.4.6",
    "packaging==26.3",
    "plotly==7.1.0",
    "PyYAML==6.0.3",
    "sacrebleu==2.6.0",
    "sentencepiece==0.2.3",
    "subword-nmt==0.3.8",
    "tensorboard==2.21.0",
    "tqdm==4.70.1",
    *TORCH_NEEDS,
)


CUDA = (
    "nvidia-cublas-cu12==12.1.3.1",
    "nvidia-cuda-cupti-cu12==12.1.105",
    "nvidia-cuda-nvrtc-cu12==12.1.105",
    "nvidia-cuda-runtime-cu12==12.1.105",
    "nvidia-cudnn-cu12==8.9.2.26",
    "nvidia-cufft-cu12==11.0.2.54",
    "nvidia-curand-cu12==10.3.2.106",
    "nvidia-cusolver-cu12==11.4.5.107",
    "nvidia-cusparse-cu12==12.1.0.106",
    "nvidia-nccl-cu12==2.19.3",
    "nvidia-nvjitlink-cu12==12.1.105",
    "nvidia-nvtx-cu12==12.1.105",
)


@dataclass(frozen=True)
class Peer:
    """What is installed: some packages without what they declare, some with it."""

    name: str
    folder: str
    alone: tuple[str, ...]
    needs: tuple[str, ...]
    proof: str = "torch"  # what has to be importable at the end
    size: str = "1 GB"


TORCH = f"torch=={OWN_TORCH}+cpu"
JOEY = Peer("JoeyNMT", "JoeyNMT", ("joeynmt==2.3.0", TORCH), JOEYNMT)
OPEN = Peer("OpenNMT-py", "OpenNMT-py", ("OpenNMT-py==3.5.1", TORCH), OPENNMT)
DECLARED = Peer("OpenNMT-py", "OpenNMT-py-declared", ("OpenNMT-py==3.5.1", "torch==2.2.2", *CUDA), OPENNMT, size="4 GB")
CTC = ("hypothesis==6.170.15", "numpy==1.26.4", "pygtrie==2.6.2", "sortedcontainers==2.4.0")
PYCTCDECODE = Peer("pyctcdecode", "pyctcdecode", ("pyctcdecode==0.5.0",), CTC, "pyctcdecode", "150 MB")
WITH_KENLM = Peer(
    "pyctcdecode", "pyctcdecode-kenlm", ("pyctcdecode==0.5.0", "kenlm==0.3.0"), CTC, "pyctcdecode, kenlm", "150 MB"
)

MICRO_WAKE_WORD = Peer(
    "pymicro-wakeword",
    "pymicro-wakeword",
    ("pymicro-wakeword==2.5.0",),
    ("numpy==2.4.6", "pymicro-features==2.0.2"),
    "pymicro_wakeword",
    "100 MB",
)


class UnavailableError(Exception):
    """A peer that takes no part, and why."""


def surroundings() -> dict[str, str]:
    """The environment variables that a measured process gets: one thread, bytecode kept, nothing of our own paths."""
    dropped = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept | dict.fromkeys(THREADS, "1") | {"PYTHONHASHSEED": "0", "CUDA_VISIBLE_DEVICES": ""}


def environment(peer: Peer, folder: Path, say: Callable[[str], None]) -> Path:
    """The Python of the peer's environment, made where it is not there; UnavailableError where it cannot be."""
    place, log = folder / peer.folder, folder / f"{peer.folder}.log"
    python, ready = place / "bin" / "python", place / "ready.json"
    packages = [*peer.alone, *peer.needs]
    if ready.is_file() and json.loads(ready.read_text(encoding="utf-8")) == packages:
        say(f"{peer.name}: found in {place}")
        return python
    if place.exists() and not log.is_file():
        raise UnavailableError(f"{place} is there and is no environment of this benchmark")
    say(f"{peer.name}: makes an environment in {place} (a few minutes, about {peer.size})")
    failed = _made(peer, place, log)
    if failed:
        shutil.rmtree(place, ignore_errors=True)
        raise UnavailableError(f"could not be installed: {failed}")
    ready.write_text(json.dumps(packages), encoding="utf-8")
    say(f"{peer.name}: ready")
    return python


def _made(peer: Peer, place: Path, log: Path) -> str:
    """Makes the environment anew -> why it failed, or nothing."""
    log.parent.mkdir(parents=True, exist_ok=True)
    log.touch()
    try:
        venv.create(place, clear=True, with_pip=True)
    except (OSError, subprocess.CalledProcessError) as fault:
        return str(fault)
    python = place / "bin" / "python"
    pip = (python, "-m", "pip", "install", "--quiet", "--retries", "1")
    steps = ((*pip, "--no-deps", *CPU_BUILDS, *peer.alone), (*pip, *peer.needs), (python, "-c", f"import {peer.proof}"))
    return next((failed for step in steps if (failed := _run(step, log))), "")


def _run(command: Sequence[str | Path], log: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace")
    with log.open("a", encoding="utf-8") as stream:
        stream.write(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}\n")
    return reason(done.stderr or done.stdout) if done.returncode else ""
