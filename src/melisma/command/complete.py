"""What the shell completes: recipes, folders of runs, saved steps, names of settings and the words that they take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

import click
from click.shell_completion import CompletionItem

from melisma.command.search import LEAVES, STEP
from melisma.errors import Failure, Refusal
from melisma.runs.read import Run, pointer_names, read_run, step_names
from melisma.settings.leaves import Leaf, shape
from melisma.settings.record import RecordSettings
from melisma.settings.sweep import SweepSettings
from melisma.tasks import settings_of
from melisma.tasks.recipe import recipe, recipes


class Offer(NamedTuple):
    """What is offered of a setting: what it is, and after its ``=`` words, or a file or folder."""

    help: str
    words: tuple[str, ...] = ()
    kind: Literal["plain", "file", "dir"] = "plain"
    several: bool = False  # words with commas between them


OWN: Final[Mapping[str, Mapping[str, Offer]]] = {
    "check": {
        "dry_run": Offer("whether to time some steps", ("yes", "no")),
        "fix": Offer("a new folder for a repaired copy", kind="dir"),
    },
    "evaluate": {
        "report": Offer("a new page of it all, NAME.html", kind="file"),
        "against": Offer("another run, to be compared with", kind="dir"),
    },
    "predict": {"format": Offer("subtitles of a recording, or its text alone", ("txt", "srt", "vtt"))},
    "listen": {
        "format": Offer("subtitles, or lines of text with times", ("txt", "srt", "vtt")),
        "keep": Offer("a folder in which what fires is kept", kind="dir"),
    },
    "record": {"text": Offer("a file of sentences to be read aloud, one a line", kind="file")},
    "look attention": {"file": Offer("a new picture, .png or .svg", kind="file")},
    "look steps": {
        "file": Offer("a new picture, .png or .svg", kind="file"),
        "target": Offer("what is to be heard and said, else the model's own answer"),
    },
    "look alarms": {"file": Offer("a new picture, .png or .svg", kind="file")},
    "look alignment": {
        "file": Offer("a new picture, .png or .svg", kind="file"),
        "grid": Offer("a new TextGrid of Praat's, .TextGrid", kind="file"),
    },
}
"""Verb, or look -> the settings that it alone has."""


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
    if not begun and before and before[-1] in known:  # and where no value is begun, click leaves out the =
        return _values(known[before[-1]], "", "")
    if equals:
        return _values(known.get(name), value, f"{name}=")
    found = [CompletionItem(f"{one}=", help=offer.help) for one, offer in known.items() if one.startswith(begun)]
    return found or [CompletionItem(begun, type="file")]


def _known(ctx: click.Context) -> Mapping[str, Offer]:
    verb = str(ctx.command.name)
    own = OWN.get(f"{verb} {ctx.params['what']}" if verb == "look" else verb, {})
    if verb == "record":
        return {**_offers(shape(RecordSettings).leaves), **own}
    if verb in ("train", "check", "sweep"):
        plan = shape(SweepSettings).leaves if verb == "sweep" else {}
        return {**own, **_offers(plan | shape(settings_of(recipe(ctx.params["recipe"]).task)).leaves)}
    run = read_run(ctx.params["run"])
    whole = shape(settings_of(run.task))
    if verb == "resume":
        leaves = whole.leaves.items()  # and data that lies elsewhere now
        return _offers({name: leaf for name, leaf in leaves if name.startswith("training.") or leaf.kind == "corpora"})
    named = {f"data.{kind}": whole.leaves[f"data.{kind}"] for kind in whole.kinds}
    data = (named or {"data": whole.leaves["data.train"]}) | {name: whole.leaves[name] for name in whole.columns}
    saved = {STEP.name: Offer(STEP.meaning.help, _steps(run))}
    return {**(_offers(data) if verb == "evaluate" else {}), **own, **_offers(LEAVES), **saved}


def _offers(leaves: Mapping[str, Leaf]) -> dict[str, Offer]:
    return {name: _offer(leaf) for name, leaf in leaves.items()}


def _offer(leaf: Leaf) -> Offer:
    words = ("yes", "no") if leaf.kind == "switch" else leaf.meaning.choices
    return Offer(leaf.meaning.help, words, "file" if leaf.kind == "corpora" else "plain", leaf.kind == "texts")


def _steps(run: Run) -> tuple[str, ...]:
    """What ``step=`` can name in a run."""
    return (*pointer_names(run.path), *dict.fromkeys(str(step.number) for step in step_names(run.path)))


def _values(offer: Offer | None, begun: str, prefix: str) -> list[CompletionItem]:
    if offer is None or offer.kind != "plain":
        return [CompletionItem(begun, type="file" if offer is None else offer.kind)]
    there, comma, rest = begun.rpartition(",") if offer.several else ("", "", begun)
    named = there.split(",")
    words = [word for word in offer.words if word.startswith(rest) and word not in named]
    return [CompletionItem(prefix + there + comma + word) for word in words]
