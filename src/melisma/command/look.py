"""``melisma look``: a picture of what a model does."""

from __future__ import annotations

from pathlib import Path

import click

from melisma.command.complete import folders, settings
from melisma.command.search import Answering, options, split
from melisma.command.talk import put, say
from melisma.errors import Refusal
from melisma.looks.attention import attention
from melisma.quoting import shown_path
from melisma.report.charts import draw, note
from melisma.runs.disk import DISK, reason, replace_file
from melisma.settings.show import shown

LOOKS = ("attention",)
KINDS = (".png", ".svg")


@click.command(name="look", cls=Answering, own=("file",))
@click.argument("what")
@click.argument("run", shell_complete=folders)
@click.argument("words", nargs=-1, shell_complete=settings)
def command(what: str, run: str, words: tuple[str, ...]) -> None:
    """Draws what RUN attends to while it answers one input, into file=… (.png or .svg).

    \b
    melisma look attention runs/dates "Sunday the 27th of July 1969" file=attention.png
    """
    if what not in LOOKS:
        raise Refusal(f"there is no look {shown(what)}: wanted is {' or '.join(LOOKS)}")
    given, inputs = split(words, ("file",))
    files = given.pop("file", [f"{what}.png"])
    if len(files) > 1:
        raise Refusal(f"file is given {len(files)} times ({', '.join(map(shown, files[:3]))}): one picture is wanted")
    path = _picture(files[0])
    if len(inputs) != 1:
        raise Refusal(f"there are {len(inputs)} inputs; one text to look at is wanted, in quotes")
    chosen, place = options(run, given)
    from melisma.api.model import load

    answer = load(run, device=place)(inputs[0], **chosen)
    figure, kind = attention(answer), path.suffix[1:].lower()
    try:
        replace_file(DISK, path, draw(figure, kind))
    except OSError as error:
        raise Refusal(f"file={shown_path(path)} cannot be written: {reason(error)}") from None
    put(answer.text)
    if missing := note(figure, kind):
        say(missing)
    say(f"drawn into {shown_path(path)}")


def _picture(word: str) -> Path:
    path = Path(word)
    if path.suffix.lower() not in KINDS:
        raise Refusal(f"file={shown_path(path)}: a picture is drawn as {' or '.join(KINDS)}")
    try:
        if path.exists() and not path.is_dir():
            raise Refusal(f"file={shown_path(path)} is there already: another name is wanted, or none of that name")
        if path.parent.is_dir() and not path.is_dir():
            return path
    except (OSError, ValueError):
        pass
    raise Refusal(f"file={shown_path(path)}: the name of a picture in a folder that is there is wanted")
