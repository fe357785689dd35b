"""``melisma look``: a picture of what a model does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from melisma.command.complete import folders, settings
from melisma.command.search import Answering, options, split
from melisma.command.steps import lines
from melisma.command.talk import put, say
from melisma.errors import Refusal
from melisma.looks.attention import attention
from melisma.quoting import shown_path
from melisma.report.charts import draw, note
from melisma.runs.disk import DISK, reason, replace_file
from melisma.settings.show import shown
from melisma.task import Figure

LOOKS = {"attention": ("file",), "steps": ("file", "target")}
"""Each look, and the settings that it has besides those of answering."""
OWN = {"file": "picture", "target": "target"}
KINDS = (".png", ".svg")


def _looks(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """What there is to look at."""
    return [CompletionItem(name) for name in LOOKS if name.startswith(begun)]


@click.command(name="look", cls=Answering, own=("file", "target"))
@click.argument("what", shell_complete=_looks)
@click.argument("run", shell_complete=folders)
@click.argument("words", nargs=-1, shell_complete=settings)
def command(what: str, run: str, words: tuple[str, ...]) -> None:
    """Shows what RUN does while it answers one input: WHAT is attention or steps.

    attention draws how much of each source symbol was read while each symbol was written, into file=… (.png or .svg).

    steps tells what went in at every step, the target (target=…, else the model's own answer), what the model says with
    its probability, and the runners-up, with the target heard and with its own words heard, and where these part; with
    file=… it is drawn as well.

    \b
    melisma look attention runs/dates "Sunday the 27th of July 1969" file=attention.png
    melisma look steps runs/dates "Sunday the 27th of July 1969"
    melisma look steps runs/dates "3 May 2007" target="2007-05-03" file=steps.svg
    """
    if what not in LOOKS:
        raise Refusal(f"there is no look {shown(what)}: wanted is {' or '.join(LOOKS)}")
    given, inputs = split(words, ("file", "target"))
    own = {name: given.pop(name, []) for name in ("file", "target")}
    for name, values in own.items():
        if values and name not in LOOKS[what]:
            raise Refusal(f"look {what} takes no {name}: wanted is look steps, or no {name}")
        if len(values) > 1:
            some = ", ".join(map(shown, values[:3]))
            raise Refusal(f"{name} is given {len(values)} times ({some}): one {OWN[name]} is wanted")
    files = own["file"] or (["attention.png"] if what == "attention" else [])
    path = _picture(files[0]) if files else None
    if len(inputs) != 1:
        raise Refusal(f"there are {len(inputs)} inputs; one text to look at is wanted, in quotes")
    chosen, saved = options(run, given)
    from melisma.api.model import load

    model = load(run, step=saved.step, device=saved.device)
    if what == "steps":
        figure = model.steps(inputs[0], own["target"][0] if own["target"] else None, **chosen)
        told = lines(figure)
    else:
        answer = model(inputs[0], **chosen)
        figure, told = attention(answer), [answer.text]
    if path is None:
        put("\n".join(told))
        return
    _write(figure, path, told)


def _write(figure: Figure, path: Path, told: Sequence[str]) -> None:
    """Draws the figure, and tells what it shows once it is drawn."""
    kind = path.suffix[1:].lower()
    try:
        replace_file(DISK, path, draw(figure, kind))
    except OSError as error:
        raise Refusal(f"file={shown_path(path)} cannot be written: {reason(error)}") from None
    put("\n".join(told))
    if missing := note(figure, kind):
        say(missing)
    say(f"drawn into {shown_path(path)}")


def _picture(word: str) -> Path:
    if not word:
        raise Refusal("file= names no picture: a name such as attention.png is wanted")
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
