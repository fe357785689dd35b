"""``melisma show``: what a run is."""

from __future__ import annotations

import click

from melisma.command.complete import folders
from melisma.command.talk import put, put_json, table
from melisma.command.verb import Verb
from melisma.errors import Failure
from melisma.runs.card import facts


@click.command(name="show", cls=Verb)
@click.argument("run", shell_complete=folders)
@click.option("--json", "as_json", is_flag=True, help="the same as a JSON list of [name, value]")
def command(run: str, as_json: bool) -> None:
    """What RUN is, what it was trained on, its scores and sizes, and whether its folder is whole.

    \b
    melisma show runs/en-de
    """
    found = facts(run)
    if as_json:
        put_json(found)
    else:
        for line in table(found):
            put(line)
    if dict(found)["state"] == "damaged":
        raise Failure(f"{run} is damaged: {dict(found).get('remark', 'see above')}")
