"""A recipe is data: a task with settings, a line that says what it is for, and what data it wants."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from melisma.errors import Refusal
from melisma.settings.names import nearest
from melisma.settings.read import given_in
from melisma.settings.show import shown


@dataclass(frozen=True)
class Recipe:
    """One thing that can be trained."""

    name: str
    task: str
    about: str  # what the model does, in a line
    wants: str  # what data it wants, in a few words
    data: str  # the same in a line, as it is typed
    settings: dict[str, Any]  # what differs from the task's own defaults

    def under(self, *layers: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that hold under what a user gives: who gives training data isn't validated on the recipe's."""
        own = self.settings.get("data", {})
        train = [found for layer in layers if (found := given_in(layer, "data", "train"))]
        valid = any(given_in(layer, "data", "valid") for layer in layers)
        if valid or not train or own.get("train") is None or train[-1][0] in (own["train"], [own["train"]]):
            return self.settings
        return self.settings | {"data": {name: value for name, value in own.items() if name != "valid"}}


@cache
def recipes() -> dict[str, Recipe]:
    """Every recipe that ships, by name."""
    found = {}
    for file in sorted(files("melisma.tasks").joinpath("recipes").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            name = file.name.removesuffix(".toml")
            text = tomllib.loads(file.read_text(encoding="utf-8"))
            found[name] = Recipe(
                name, text["task"], text["about"], text["wants"], text["data"], text.get("settings", {})
            )
    return found


def recipe(name: str) -> Recipe:
    """The recipe of this name, or a Refusal with the nearest one."""
    if not isinstance(name, str):
        raise Refusal(f"recipe is {shown(name)}: wants the name of one, such as {next(iter(recipes()))}")
    found = recipes().get(name)
    if found is None:
        near = nearest(name, recipes())
        known = f"did you mean {near}?" if near else f"there are {', '.join(recipes())}"
        raise Refusal(f"there is no recipe {name!r}: {known} (melisma recipes lists them)")
    return found
