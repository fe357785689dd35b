"""``melisma look``: a picture of what a model does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from melisma.command.alarms import heard
from melisma.command.alignment import rows
from melisma.command.complete import folders, settings
from melisma.command.search import Answering, options, split
from melisma.command.steps import lines
from melisma.command.talk import put, put_json, say
from melisma.errors import Refusal
from melisma.looks.alignment import grid
from melisma.looks.attention import attention
from melisma.looks.served import require_served
from melisma.quoting import named, shown_path
from melisma.report.charts import draw, note
from melisma.runs.disk import DISK, reason, replace_file
from melisma.runs.read import read_run
from melisma.settings.show import shown
from melisma.sound.wave import cut_off
from melisma.task import Figure

if TYPE_CHECKING:
    from melisma.api.model import Model


class Look(NamedTuple):
    """A way to look at a run."""

    own: tuple[str, ...]  # settings that it has besides those of answering
    inputs: int  # at most
    wanted: str
    drawn: str = ""  # the picture that it always draws, unless another is named


TEXT = "one text to look at is wanted, in quotes"
LOOKS = {
    "attention": Look(("file",), 1, TEXT, "attention.png"),
    "steps": Look(("file", "target"), 1, TEXT),
    "alignment": Look(("file", "grid"), 2, "a recording is wanted and, where it is known, its text, in quotes"),
    "alarms": Look(("file",), 1, "one recording is wanted"),
}


class File(NamedTuple):
    """What a look writes."""

    thing: str
    made: str  # how
    kinds: tuple[str, ...]
    example: str


FILES = {
    "file": File("picture", "drawn", (".png", ".svg"), "attention.png"),
    "grid": File("TextGrid", "written", (".TextGrid",), "take.TextGrid"),
}
OWN = {"file": "picture", "grid": "TextGrid", "target": "target"}


def _looks(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """What there is to look at."""
    return [CompletionItem(name) for name in LOOKS if name.startswith(begun)]


@click.command(name="look", cls=Answering, own=tuple(OWN))
@click.argument("what", shell_complete=_looks)
@click.argument("run", shell_complete=folders)
@click.argument("words", nargs=-1, shell_complete=settings)
@click.option("--json", "as_json", is_flag=True, help="all that is seen, as one JSON object")
def command(what: str, run: str, words: tuple[str, ...], as_json: bool) -> None:
    """Shows what RUN does while it answers one input: WHAT is attention, steps, alignment or alarms.

    attention draws how much of each source symbol was read while each symbol was written, into file=… (.png or .svg).

    steps tells what went in at every step, the target (target=…, else the model's own answer), what the model says with
    its probability, and the runners-up, with the target heard and with its own words heard, and where these part; with
    file=… it is drawn as well.

    alignment tells when each word of a recording is said, by its text (else the model's own answer), and how surely it
    is heard; file=… draws it beneath the spectrogram, grid=… writes words and symbols as a TextGrid for Praat.

    alarms tells when a trigger word is heard in a recording, else how nearly one was; file=… draws the scores, step by
    step and with their threshold, beneath the spectrogram.

    \b
    melisma look attention runs/dates "Sunday the 27th of July 1969" file=attention.png
    melisma look steps runs/dates "Sunday the 27th of July 1969"
    melisma look steps runs/dates "3 May 2007" target="2007-05-03" file=steps.svg
    melisma look alignment runs/speech take1.wav "li" file=take1.png grid=take1.TextGrid
    melisma look alarms runs/alexa take1.wav file=alarms.png
    """
    if what not in LOOKS:
        raise Refusal(f"there is no look {shown(what)}: wanted is {' or '.join(LOOKS)}")
    look = LOOKS[what]
    given, inputs = split(words, tuple(OWN))
    own = {name: _own(what, name, given.pop(name, [])) for name in OWN}
    if own["file"] is None and look.drawn and not as_json:
        own["file"] = look.drawn
    paths = {name: _new(name, own[name]) for name in FILES}
    if not 1 <= len(inputs) <= look.inputs:
        raise Refusal(f"there are {len(inputs)} inputs; {look.wanted}")
    require_served(what, read_run(run).task)
    chosen, saved = options(run, given)
    from melisma.api.model import load

    figure, told = _seen(what, load(run, step=saved.step, device=saved.device), inputs, own["target"], chosen)
    if figure.data.get("truncated"):
        say(cut_off(inputs[0]) or "")
    if what == "alignment" and not figure.data["words"]:
        say(f"{named(inputs[0])}: nothing was heard")
    made = {name: (path, MADE[name](figure, path)) for name, path in paths.items() if path is not None}
    for name, (path, data) in made.items():
        _write(name, path, data)
    if as_json:
        put_json(figure.data)
    else:
        put("\n".join(told))
    _say_written(figure, paths)


def _own(what: str, name: str, values: Sequence[str]) -> str | None:
    """The one value of a setting of the looks, if it is given."""
    if values and name not in LOOKS[what].own:
        others = " or ".join(f"look {other}" for other, look in LOOKS.items() if name in look.own)
        raise Refusal(f"look {what} takes no {name}: wanted is {others}, or no {name}")
    if len(values) > 1:
        some = ", ".join(map(shown, values[:3]))
        raise Refusal(f"{name} is given {len(values)} times ({some}): one {OWN[name]} is wanted")
    return values[0] if values else None


def _seen(
    what: str, model: Model, inputs: Sequence[str], target: str | None, chosen: Mapping[str, Any]
) -> tuple[Figure, list[str]]:
    """A look's figure, and its lines."""
    if what == "steps":
        figure = model.steps(inputs[0], target, **chosen)
        return figure, lines(figure)
    if what == "alignment":
        figure = model.alignment(*inputs, **chosen)
        return figure, rows(figure)
    if what == "alarms":
        figure = model.alarms(inputs[0], **chosen)
        return figure, heard(figure)
    answer = model(inputs[0], **chosen)
    return attention(answer), [answer.text]


def _kind(path: Path) -> str:
    return path.suffix[1:].lower()


MADE: dict[str, Callable[[Figure, Path], bytes]] = {
    "file": lambda figure, path: draw(figure, _kind(path)),
    "grid": lambda figure, path: grid(figure).encode(),
}
"""What is written -> its bytes."""


def _write(name: str, path: Path, data: bytes) -> None:
    try:
        replace_file(DISK, path, data)
    except OSError as error:
        raise Refusal(f"{name}={shown_path(path)} cannot be written: {reason(error)}") from None


def _say_written(figure: Figure, paths: Mapping[str, Path | None]) -> None:
    picture, intervals = paths["file"], paths["grid"]
    if picture is not None:
        if missing := note(figure, _kind(picture)):
            say(missing)
        say(f"drawn into {shown_path(picture)}")
    if intervals is not None:
        say(f"words and symbols are in {shown_path(intervals)}")


def _new(name: str, word: str | None) -> Path | None:
    """Where a file is written: a new one of the right kind, in a folder that is there."""
    if word is None:
        return None
    file = FILES[name]
    if not word:
        raise Refusal(f"{name}= names no {file.thing}: a name such as {file.example} is wanted")
    path = Path(word)
    if path.suffix.lower() not in {kind.lower() for kind in file.kinds}:
        raise Refusal(f"{name}={shown_path(path)}: a {file.thing} is {file.made} as {' or '.join(file.kinds)}")
    try:
        if path.exists() and not path.is_dir():
            raise Refusal(f"{name}={shown_path(path)} is there already: another name is wanted, or none of that name")
        if path.parent.is_dir() and not path.is_dir():
            return path
    except (OSError, ValueError):
        pass
    raise Refusal(f"{name}={shown_path(path)}: the name of a {file.thing} in a folder that is there is wanted")
