"""``melisma show``: what a run is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from melisma.command.columns import columns
from melisma.command.complete import folders
from melisma.command.talk import put, put_json
from melisma.command.verb import Verb
from melisma.errors import Failure
from melisma.quoting import shown_path
from melisma.runs.facts import UNREAD, facts
from melisma.runs.facts import as_json as plain
from melisma.runs.sections import Section, in_words, sections

INDENT = "  "


@click.command(name="show", cls=Verb)
@click.argument("run", shell_complete=folders)
@click.option("--json", "as_json", is_flag=True, help="everything known as one JSON object, nothing shortened")
def command(run: str, as_json: bool) -> None:
    """What RUN is, where it stands, its scores, data, settings and sizes, and whether its folder is whole.

    \b
    melisma show runs/en-de
    """
    known = facts(run)
    if as_json:
        put_json(plain(known))
    else:
        for number, section in enumerate(sections(known)):
            for line in (*([""] if number else []), *_lines(section)):
                put(line)
    if known.state in UNREAD:
        fault = known.remarks[0] if known.remarks else "see above"
        raise Failure(f"{shown_path(Path(run))} is {in_words(known, shown_path(Path(run)))} ({fault})")


def _lines(section: Section) -> Iterator[str]:
    yield section.title
    yield from columns(section.rows, indent=INDENT)
    if section.table:
        yield from [""] if section.rows else []
        yield from columns([section.head, *section.table], section.numbers, indent=INDENT)
