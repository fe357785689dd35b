"""``melisma resume``: a training that was stopped, by whatever."""

from __future__ import annotations

import click

from melisma.command.complete import folders, settings
from melisma.command.course import follow
from melisma.command.verb import Verb
from melisma.runs.read import read_run
from melisma.settings.leaves import shape
from melisma.settings.words import assignments, from_words
from melisma.tasks import settings_of


@click.command(name="resume", cls=Verb)
@click.argument("run", shell_complete=folders)
@click.argument("words", nargs=-1, shell_complete=settings)
@click.option("--json", "as_json", is_flag=True, help="progress as JSON lines on stdout")
@click.option("--quiet", is_flag=True, help="no progress: only notes, and what goes wrong")
def command(run: str, words: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Goes on with the training in RUN, to the same bits as if it had never stopped.

    \b
    melisma resume runs/en-de
    melisma resume runs/en-de training.epochs=40
    """
    cls = settings_of(read_run(run).task)
    given, _ = assignments(words, shape(cls).names, strict=True)
    layer = from_words(cls, given)
    from melisma.api.train import resume

    follow(lambda stop: resume(run, layer, stopped=stop), run, quiet=quiet, as_json=as_json)
