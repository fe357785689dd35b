"""``melisma recipes``: what can be trained."""

from __future__ import annotations

import shutil
from itertools import groupby
from typing import Any

import click

from melisma.command.complete import recipe_names
from melisma.command.talk import put, put_json, table
from melisma.command.verb import Verb
from melisma.settings.describe import Described, describe, typed_and_told
from melisma.settings.read import build, flat
from melisma.settings.show import as_text
from melisma.tasks import settings_of
from melisma.tasks.recipe import Recipe, recipe, recipes

WIDEST = 100  # columns; longer lines are hard to read
LEFT = 40  # columns of name and value, of which few are wider


@click.command(name="recipes", cls=Verb)
@click.argument("name", required=False, shell_complete=recipe_names)
@click.option("--json", "as_json", is_flag=True, help="everything known, as JSON")
def command(name: str | None, as_json: bool) -> None:
    """What can be trained, a line each, with what data it wants; with a NAME: every setting of that recipe.

    \b
    melisma recipes
    melisma recipes translate
    """
    if name is not None:
        _settings(recipe(name), as_json)
        return
    for one in recipes().values() if as_json else ():
        put_json(
            {"name": one.name, "task": one.task, "about": one.about, "data": one.data, "settings": one.settings},
        )
    if not as_json:
        for line in table([(one.name, one.about, f"data: {one.wants}") for one in recipes().values()]):
            put(line)


def _settings(chosen: Recipe, as_json: bool) -> None:
    cls = settings_of(chosen.task)
    here = {name: as_text(value) for name, value in flat(build(cls, chosen.settings)).items()}
    if as_json:
        put_json([_plain(one, here[one.name]) for one in describe(cls)])
        return
    width = min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)
    page = click.HelpFormatter(width=width)
    page.write_text(f"{chosen.name}: {chosen.about}")
    page.write_text(f"data: {chosen.data}")
    for group, settings in groupby(describe(cls), lambda one: one.name.rpartition(".")[0]):
        with page.section(group or chosen.task):
            page.write_dl([typed_and_told(one, here[one.name]) for one in settings], col_max=LEFT)
    for line in page.getvalue().splitlines():
        put(line)


def _plain(one: Described, default: str) -> dict[str, Any]:
    told = {"name": one.name, "type": one.type, "default": default, "range": one.range}
    return told | {"choices": list(one.choices), "help": one.help, "why": one.why}
