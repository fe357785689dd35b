"""Trainings over several processes: who they are, what they must have in common, and what a run says of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import torch

from melisma.api.device import device, machine, versions
from melisma.api.elsewhere import table
from melisma.api.training import Training
from melisma.quoting import counted
from melisma.settings.leaves import shape
from melisma.settings.read import flat
from melisma.training.launch import Launch
from melisma.training.shards import Shards, digest, join


def joined(launch: Launch, settings: Any, stopped: Callable[[], bool]) -> Shards:
    """The processes that were started to train together, which have found each other; Refusal where they cannot."""
    local = None if launch.size == 1 else launch.local
    return join(launch, device(settings.training.device, local=local), stopped)


def alike(training: Training, signatures: Mapping[str, Any]) -> dict[str, str]:
    """What must be the same on all processes that train a model together; ``signatures`` are those of the data."""
    if training.shards.size == 1:
        return {}
    here = machine()
    places = shape(type(training.settings)).corpora  # may lie elsewhere on each machine
    return {
        "settings": _digest({name: value for name, value in flat(training.settings).items() if name not in places}),
        "data": _digest([table(signatures, file).get("sha256") for file in signatures]),
        "symbols": _digest(training.codec.to_json()),
        "weights to begin with": digest(training.learner.snapshot()[0]),
        "version of torch": versions()["torch"],
        "device": training.shards.device.type,
        "kind of processor": str(here["capability"]),
        "GPU": str(here["gpu"]),
        "number of threads": str(torch.get_num_threads()),
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def told_of(shards: Shards) -> dict[str, int]:
    """What ``run.json`` says of them beside the machine: nothing of a process that is alone."""
    return {} if shards.size == 1 else {"processes": shards.size}


def processes_of(record: Mapping[str, Any]) -> int:
    """How many processes trained a run last, as its record says."""
    count = table(record, "machine").get("processes")
    return count if type(count) is int and count > 0 else 1


def shared_otherwise(before: int, accumulated: int, now: int, accumulate: int) -> list[str]:
    """A sentence where a training goes on with batches in other numbers of parts, which costs its bits.

    A batch has as many parts as there are processes times ``accumulate``; ``before`` and ``now`` are processes.
    """
    parts = before * accumulated
    if parts == now * accumulate:
        return []
    told = f"batches were cut into {counted(parts, 'part')} and are now cut into {now * accumulate}"
    if parts % now == 0:
        return [f"{told}: it goes on, to the same bits only with training.accumulate={parts // now}"]
    return [f"{told}: it goes on, but not to the same bits"]
