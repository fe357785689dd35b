"""What a caller in Python gives where a command line gives words: refused where it cannot be what is wanted."""

from __future__ import annotations

import numbers
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from melisma.errors import Refusal
from melisma.settings.show import shown


def folder(value: object, name: str = "run") -> Path:
    """The folder that an argument names; Refusal, with its ``name``, where it is no path."""
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str):
        raise Refusal(f"{name} is {shown(path)}; the name of a folder is wanted")
    return Path(path)


def step_of(value: object) -> str:
    """The step that is asked for: a pointer's name, or a number, as text."""
    if isinstance(value, numbers.Integral) and not isinstance(value, bool) and int(value) >= 0:
        return str(int(value))
    if not isinstance(value, str):
        raise Refusal(f"step is {shown(value)}; best, latest or the number of a step is wanted")
    return value


def tables(layers: Sequence[object]) -> None:
    """Refusal where a layer of settings is no table of them."""
    for layer in layers:
        if not isinstance(layer, Mapping):
            raise Refusal(f"settings: found {shown(layer)}, wants a table of names and values")
