"""Writes the pages of docs/ that are made from the code: settings.md and command.md.

``make docs`` runs it; a test compares what it would write with what is there.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from melisma.command import VERBS, commands
from melisma.command.search import HEADING
from melisma.settings.describe import table
from melisma.settings.read import build, differences
from melisma.settings.show import as_text
from melisma.tasks import settings_of
from melisma.tasks.recipe import Recipe, recipes

DOCS = Path(__file__).parent
NOTE = "<!-- Made from the code by `make docs`: change it there. -->\n"
WIDTH = 100  # columns of the help texts

SETTINGS = f"""# Settings

{NOTE}
A setting is written `name=value` on the command line, nested in Python (`training={{"minutes": 30}}`), and as TOML in a
file whose name stands among the words of `melisma train`. It replaces what a file or the recipe says; the same name
twice in one command is refused, but for data, of which there may be several.
A value that does not fit, or a name that is not known, is refused before anything is read, with the nearest right one.
"""

COMMAND = f"""# The command

{NOTE}
`melisma VERB …`: every verb as `melisma VERB --help` shows it. Data goes to stdout, everything else to stderr. Exit
codes: 0 done, 1 failed or, of `check`, errors were found, 2 refused (something has to be changed first), 75 busy
(another process is training there), 130 interrupted (what was reached is saved).
"""


def settings_page() -> str:
    """The settings of every task as a table, and below it what each recipe sets differently."""
    parts = [SETTINGS]
    for task in dict.fromkeys(recipe.task for recipe in recipes().values()):
        parts.append(f"## The task `{task}`\n\n{table(settings_of(task))}")
        parts += [_recipe(recipe) for recipe in recipes().values() if recipe.task == task]
    return "\n".join(parts)


def _recipe(recipe: Recipe) -> str:
    cls = settings_of(recipe.task)
    changed = differences(cls(), build(cls, recipe.settings))
    lines = [f"| `{name}` | `{as_text(value)}` | {_default(as_text(default))} |" for name, default, value in changed]
    head = f"### The recipe `{recipe.name}`\n\n{recipe.about}. Data: {recipe.data}. What it sets:\n"
    return "\n".join([head, "| setting | here | the task's default |", "|---|---|---|", *lines]) + "\n"


def _default(text: str) -> str:
    return f"`{text}`" if text else "nothing"


def command_page() -> str:
    """The help of the command and of each verb."""
    parts, told = [COMMAND, _help(commands, "melisma", None)], ""
    with click.Context(commands, info_name="melisma", **commands.context_settings) as above:
        for verb in VERBS:
            command = commands.get_command(above, verb)
            assert command is not None  # it is one of the verbs
            text = _help(command, verb, above)
            if told:  # the search settings stand once, with the first verb that has them
                own = f"Search settings: those of melisma {told}\n```"
                text = re.sub(f"{re.escape(HEADING)}.*```", own, text, flags=re.DOTALL)
            elif HEADING in text:
                told = verb
            parts.append(f"## melisma {verb}\n\n{text}")
    return "\n".join(parts)


def _help(command: click.Command, name: str, above: click.Context | None) -> str:
    settings = dict(command.context_settings) | {"terminal_width": WIDTH, "max_content_width": WIDTH}
    with command.context_class(command, info_name=name, parent=above, **settings) as context:
        text = command.get_help(context)
    return "```text\n" + "\n".join(line.rstrip() for line in text.splitlines()) + "\n```\n"


PAGES = {"settings.md": settings_page, "command.md": command_page}


def main() -> int:
    """Writes every page."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
        sys.stdout.write(f"docs/{name} is written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
