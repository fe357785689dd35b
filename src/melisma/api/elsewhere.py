"""Whether a training goes on where it began, as far as its bits depend on that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from melisma.quoting import counted, quoted

PACKAGES = ("melisma", "torch", "numpy", "tokenizers")
OF_DEVICE = {"cpu": ("threads", "processor", "capability"), "cuda": ("gpu",)}


def elsewhere(record: Mapping[str, Any], machine: Mapping[str, Any], versions: Mapping[str, str]) -> list[str]:
    """A sentence where what ``run.json`` tells of machine and versions is not what is here; nothing where it is.

    What ``run.json`` does not tell is not compared.
    """
    began, ran = table(record, "machine"), table(record, "versions")
    names = ["device"] if began.get("device", machine["device"]) != machine["device"] else OF_DEVICE[machine["device"]]
    found = [
        _told(name, machine[name], began[name]) for name in names if name in began and began[name] != machine[name]
    ]
    found += [
        f"{name} here is {_said(versions[name])}, the training began with {_said(ran[name])}"
        for name in PACKAGES
        if name in ran and ran[name] != versions[name]
    ]
    return [f"{'; '.join(found)}: it goes on, but not to the same bits"] if found else []


def table(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A table of a run's record; empty where something else stands there."""
    told = record.get(name)
    return told if isinstance(told, dict) else {}


def _told(name: str, here: Any, began: Any) -> str:
    if name == "threads":
        return f"this machine has {counted(here, 'thread')}, the training began with {_said(began)}"
    return f"the {name} here is {_said(here)}, the training began on {_said(began)}"


def _said(value: Any) -> str:
    if value is None:
        return "none"
    return quoted(value, 60) if isinstance(value, str) else str(value)[:60]
