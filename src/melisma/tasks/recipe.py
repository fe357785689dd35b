"""A recipe is data: a task with settings, a line that says what it is for, and what data it wants."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from melisma.errors import Refusal
from melisma.settings.names import nearest


@dataclass(frozen=True)
class Recipe:
    """One thing that can be trained."""

    name: str
    task: str
    about: str  # what the model does, in a line
    data: str  # what data it wants, in a line
    settings: dict[str, Any]  # what differs from the task's own defaults


@cache
def recipes() -> dict[str, Recipe]:
    """Every recipe that ships, by name."""
    found = {}
    for file in sorted(files("melisma.tasks").joinpath("recipes").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            name = file.name.removesuffix(".toml")
            text = tomllib.loads(file.read_text(encoding="utf-8"))
            found[name] = Recipe(name, text["task"], text["about"], text["data"], text.get("settings", {}))
    return found


def recipe(name: str) -> Recipe:
    """The recipe of this name, or a Refusal with the nearest one."""
    found = recipes().get(name)
    if found is None:
        near = nearest(name, recipes())
        known = f"did you mean {near}?" if near else f"there are {', '.join(recipes())}"
        raise Refusal(f"there is no recipe {name!r}: {known} (melisma recipes lists them)")
    return found
