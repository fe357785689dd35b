"""The command ``melisma VERB …``: verbs, exit codes, and the last line of defence before a user would see Python."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Sequence
from importlib import import_module

import click

from melisma import __version__
from melisma.command.talk import ReaderGone, say, unwritten
from melisma.errors import Failure, Interrupted, Refusal, out_of_memory
from melisma.settings.names import nearest
from melisma.training.launch import Launch, launched

VERBS: dict[str, tuple[str, str]] = {
    "recipes": ("melisma.command.recipes", "what can be trained, a line each; with a name: its settings"),
    "check": ("melisma.command.check", "find all that is wrong with data, and what training on it will take"),
    "train": ("melisma.command.train", "train a recipe on your data into a new folder"),
    "resume": ("melisma.command.resume", "go on with a training that was stopped"),
    "sweep": ("melisma.command.sweep", "find out what improves a model: more data, width, length or another batch"),
    "predict": ("melisma.command.predict", "answer inputs given as words, or line by line from stdin"),
    "listen": ("melisma.command.listen", "hear a recording, or the microphone, as it goes on"),
    "record": ("melisma.command.record", "be led through takes of your own word, or sentences, at the microphone"),
    "evaluate": ("melisma.command.evaluate", "measure a trained model on data it has not seen"),
    "show": ("melisma.command.show", "what a run is, what it learned from, how good it is, whether it is whole"),
    "look": ("melisma.command.look", "draw what a model attends to, as a picture"),
}
"""Verb -> the module whose ``command`` it is, and its line of help."""

SHARED = ("train", "resume")  # verbs that several processes can share
LATER = 5.0  # seconds after which a process says what went wrong, if the first one has not ended them all by then

NEWCOMER = """melisma trains, uses, measures and shows sequence models on your own data.

  melisma train dates runs/dates                    train a first model, in a minute or two
  melisma predict runs/dates "3 May 1998"           ask it
  melisma evaluate runs/dates data=made:dates.test  measure it

melisma recipes lists what can be trained; melisma --help lists all verbs.
"""


class Verbs(click.Group):
    """The verbs, each loaded when it is called; ``help VERB`` is ``VERB --help``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [*args[1:2], "--help"] if args[:1] == ["help"] else args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(VERBS[cmd_name][0]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS and not ctx.resilient_parsing:  # so is a line parsed that is being typed
            near = nearest(args[0], VERBS)
            meant = f"did you mean {near}?" if near else f"there are {', '.join(VERBS)}"
            raise Refusal(f"there is no verb {args[0]!r}: {meant}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl([(verb, line) for verb, (_, line) in VERBS.items()])


@click.group(cls=Verbs, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="melisma")
@click.pass_context
def commands(ctx: click.Context) -> None:
    """Trains, uses, measures and shows sequence models on your own data.

    Settings are name=value (melisma recipes RECIPE lists them); after -- all words are inputs.
    """
    size = launched().size
    if size > 1 and ctx.invoked_subcommand not in SHARED:
        raise Refusal(f"{size} processes were started and only {' and '.join(SHARED)} use more than one: start one")
    if ctx.invoked_subcommand is None:
        click.echo(NEWCOMER, nl=False)


def main() -> None:
    """The command; ends the process."""
    _open_streams()
    code = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # said already, or nobody is there to hear it
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(code)


def _open_streams() -> None:
    """Gives the place of a closed stdin, stdout or stderr to nothing, so that no file of a run ever gets its number.

    What is written to a closed stdout fails all the same: nobody gets the answers.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if number == 1 else os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    if isinstance(sys.stdout, io.TextIOWrapper):  # whatever the locale: what comes in is UTF-8, what goes out too
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")


def run(words: Sequence[str]) -> int:
    """One command line -> its exit code: 0 done, 1 failed, 2 refused, 75 busy, 130 interrupted."""
    try:
        result = commands.main(list(words), prog_name="melisma", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except (Refusal, Failure, Interrupted) as error:
        return _ended(str(error), error.exit_code)
    except click.ClickException as error:
        said = error.format_message().rstrip(".")
        return _ended(f"{said[:1].lower()}{said[1:]}; melisma --help tells what there is", 2)
    except (KeyboardInterrupt, click.Abort):
        return _ended("interrupted", Interrupted.exit_code)
    except (ReaderGone, BrokenPipeError):
        return 0
    except SystemExit as error:  # click's, where the help is written to a reader that is gone
        return error.code if isinstance(error.code, int) else 1
    except Exception as error:
        if isinstance(error, OSError) and _is_from_click(error):
            return _ended(unwritten(error), 1)
        if out_of_memory(error):
            wanted = "a smaller training.batch_tokens, search batch or model is wanted"
            return _ended(f"there is not enough memory; {wanted}", 1)
        if os.environ.get("MELISMA_TRACE"):
            raise
        what = f"{type(error).__name__}: {str(error)[:200]}"
        return _ended(f"this should not have happened ({what}); MELISMA_TRACE=1 shows where", 1)


def _ended(text: str, code: int) -> int:
    """Says why a command ended -> its exit code.

    Of several processes the first one speaks. What it knows too it has said before the others would, and who started
    them has ended them; the rest only they can say.
    """
    try:
        launch = launched()
    except Refusal:
        launch = Launch()
    if launch.leads:
        say(text)
    elif code == Interrupted.exit_code:
        time.sleep(1)
    else:
        time.sleep(LATER)
        say(f"process {launch.rank}: {text}")
    return code


def _is_from_click(error: Exception) -> bool:
    """Whether it arose where click writes: help or a version, to stdout."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals.get("__name__") == click.echo.__module__
