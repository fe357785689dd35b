"""What the shell completes: recipes, folders of runs, names of settings and the words that they take."""

from __future__ import annotations

from collections.abc import Mapping

import click
from click.shell_completion import CompletionItem

from melisma.command.search import DEVICE
from melisma.errors import Failure, Refusal
from melisma.runs.read import read_run
from melisma.settings.leaves import Leaf, shape
from melisma.settings.search import SearchSettings
from melisma.settings.sweep import SweepSettings
from melisma.tasks import settings_of
from melisma.tasks.recipe import recipe, recipes


def recipe_names(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The recipes, each with what it is."""
    return [CompletionItem(one.name, help=one.about) for one in recipes().values() if one.name.startswith(begun)]


def folders(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Any folder."""
    return [CompletionItem(begun, type="dir")]


def settings(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Names of settings, each with what it is; after ``name=`` the words that it takes; else files."""
    try:
        known = _known(ctx)
    except (Refusal, Failure):  # the recipe or the run is not right, which is said when the line is entered
        return []
    before = tuple(ctx.params.get("words") or ())
    name, equals, value = begun.partition("=")
    if before[-1:] == ("=",):  # bash hands over name, = and value as three words
        return _values(known.get("".join(before[-2:-1])), begun, "")
    if equals:
        return _values(known.get(name), value, f"{name}=")
    found = [CompletionItem(f"{one}=", help=leaf.meaning.help) for one, leaf in known.items() if one.startswith(begun)]
    return found or [CompletionItem(begun, type="file")]


def _known(ctx: click.Context) -> Mapping[str, Leaf]:
    if ctx.command.name in ("train", "check", "sweep"):
        own = shape(SweepSettings).leaves if ctx.command.name == "sweep" else {}
        return own | shape(settings_of(recipe(ctx.params["recipe"]).task)).leaves
    whole = shape(settings_of(read_run(ctx.params["run"]).task))
    if ctx.command.name == "resume":
        return {name: leaf for name, leaf in whole.leaves.items() if name.startswith("training.")}
    own = {"data": whole.leaves["data.train"]} | {name: whole.leaves[name] for name in whole.columns}
    return (own if ctx.command.name == "evaluate" else {}) | shape(SearchSettings).leaves | {DEVICE.name: DEVICE}


def _values(leaf: Leaf | None, begun: str, prefix: str) -> list[CompletionItem]:
    if leaf is None or leaf.kind == "corpora":
        return [CompletionItem(begun, type="file")]
    words = ("yes", "no") if leaf.kind == "switch" else leaf.meaning.choices
    return [CompletionItem(prefix + word) for word in words if word.startswith(begun)]
