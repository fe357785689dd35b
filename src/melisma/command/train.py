"""``melisma train``: a recipe on the user's data, into a new folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from melisma.command.complete import folders, recipe_names, settings
from melisma.command.course import follow
from melisma.command.verb import Verb
from melisma.errors import Refusal
from melisma.runs.disk import DISK
from melisma.runs.place import check_new
from melisma.settings.leaves import shape
from melisma.settings.read import build
from melisma.settings.show import shown
from melisma.settings.toml import read_toml
from melisma.settings.words import assignments, from_words
from melisma.tasks import settings_of
from melisma.tasks.recipe import recipe as recipe_of
from melisma.training.launch import launched


@click.command(name="train", cls=Verb)
@click.argument("recipe", shell_complete=recipe_names)
@click.argument("run", shell_complete=folders)
@click.argument("words", nargs=-1, shell_complete=settings)
@click.option("--json", "as_json", is_flag=True, help="progress as JSON lines on stdout")
@click.option("--quiet", is_flag=True, help="no progress: only notes, and what goes wrong")
def command(recipe: str, run: str, words: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Trains RECIPE into the new folder RUN. Settings are name=value, or a .toml file of them.

    \b
    melisma train dates runs/dates
    melisma train translate runs/en-de data.train=train.en,train.de data.valid=val.en,val.de training.minutes=30
    melisma train trigger runs/alexa data.positive=alexa data.negative=other data.background=noise
    melisma train translate runs/en-de mine.toml model.attention=none
    """
    layers = settings_layers(recipe, words, run)
    if launched().leads:
        check_new(Path(run), 0, DISK)
    from melisma.api.train import train

    follow(lambda stop: train(recipe, run, *layers, stopped=stop), run, quiet=quiet, as_json=as_json)


def settings_layers(recipe: str, words: tuple[str, ...], run: str) -> list[dict[str, Any]]:
    """The settings files and words of a command line, checked before anything heavy is loaded."""
    chosen = recipe_of(recipe)
    cls: type[Any] = settings_of(chosen.task)
    names = shape(cls).names
    if run.partition("=")[0] in names or run.endswith(".toml"):
        raise Refusal(f"{shown(run)} stands where the folder is wanted: melisma train RECIPE RUN name=value …")
    files = [word for word in words if word.endswith(".toml") and "=" not in word]
    given, _ = assignments([word for word in words if word not in files], names, strict=True)
    layers = [*(read_toml(file) for file in files), from_words(cls, given)]
    build(cls, chosen.under(*layers), *layers).data.ready()
    return layers
