"""``melisma recipes``: what can be trained."""

from __future__ import annotations

import click

from melisma.command.talk import put, put_json, table
from melisma.settings.describe import describe
from melisma.settings.read import build, flat
from melisma.settings.show import as_text
from melisma.tasks import settings_of
from melisma.tasks.recipe import Recipe, recipe, recipes


@click.command(name="recipes")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="everything known, as JSON")
def command(name: str | None, as_json: bool) -> None:
    """What can be trained, a line each, with what data it wants; with a NAME: every setting of that recipe.

    \b
    melisma recipes
    melisma recipes translate
    """
    if name is not None:
        _settings(recipe(name), as_json)
    elif as_json:
        for one in recipes().values():
            put_json({"name": one.name, "task": one.task, "about": one.about, "data": one.data, "settings": one.settings})
    else:
        for line in table([(one.name, one.about) for one in recipes().values()]):
            put(line)
        for one in recipes().values():
            put("")
            put(f"{one.name} wants {one.data}")


def _settings(chosen: Recipe, as_json: bool) -> None:
    cls = settings_of(chosen.task)
    here = {name: as_text(value) for name, value in flat(build(cls, chosen.settings)).items()}
    if as_json:
        put_json([{"name": o.name, "type": o.type, "default": here[o.name], "range": o.range, "help": o.help, "why": o.why} for o in describe(cls)])
        return
    put(f"{chosen.name}: {chosen.about}")
    put(f"data: {chosen.data}")
    put("")
    for line in table([(f"{one.name}={here[one.name]}", one.help + (f" ({one.range})" if one.range else "")) for one in describe(cls)]):
        put(line)
