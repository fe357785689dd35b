"""``melisma look``: a picture of what a model does."""

from __future__ import annotations

from pathlib import Path

import click

from melisma.command.talk import put
from melisma.errors import Refusal
from melisma.runs.disk import DISK, replace_file
from melisma.runs.read import read_run
from melisma.settings.leaves import shape
from melisma.settings.search import SearchSettings
from melisma.settings.words import assignments, from_words


@click.command(name="look")
@click.argument("what", type=click.Choice(["attention"]))
@click.argument("run")
@click.argument("words", nargs=-1)
def command(what: str, run: str, words: tuple[str, ...]) -> None:
    """Draws what RUN attends to while it answers one input, into file=… (.png or .svg).

    \b
    melisma look attention runs/dates "Sunday the 27th of July 1969" file=attention.png
    """
    given, inputs = assignments(words, ("file", *shape(SearchSettings).names))
    path = Path(given.pop("file", [f"{what}.png"])[-1])
    if path.suffix not in (".png", ".svg"):
        raise Refusal(f"file={path}: a picture is drawn as .png or .svg")
    if not path.parent.is_dir():
        raise Refusal(f"file={path}: there is no folder {path.parent}")
    if len(inputs) != 1:
        raise Refusal(f"there are {len(inputs)} inputs; one text to look at is wanted, in quotes")
    read_run(run)
    from melisma.api.model import load
    from melisma.looks.attention import attention
    from melisma.report.charts import draw

    answer = load(run)(inputs[0], **from_words(SearchSettings, given))
    try:
        replace_file(DISK, path, draw(attention(answer), path.suffix[1:]))
    except OSError as error:
        raise Refusal(f"file={path}: {error.strerror}") from None
    put(answer.text)
