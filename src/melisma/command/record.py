"""``melisma record``: takes of one's own word and of what sounds like it, or sentences, each judged at once."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from melisma.api.record import Recorded, record
from melisma.command.complete import folders, settings
from melisma.command.talk import LiveLine, put, put_json, say, table
from melisma.command.verb import Verb
from melisma.errors import Interrupted, Refusal
from melisma.quoting import counted, shown_path
from melisma.settings.leaves import shape
from melisma.settings.record import RecordSettings
from melisma.settings.show import shown
from melisma.settings.words import assignments, from_words
from melisma.sound.microphone import microphone
from melisma.sound.taking import Level

WIDTH = 30  # characters of the bar that shows how loud it is
LOWEST = -60.0  # dB at which it is empty


class Recording(Verb):
    """The verb, whose settings are its own."""

    @property
    def settings(self) -> tuple[str, ...]:
        """The names of the settings that may stand among its words."""
        return shape(RecordSettings).names


@click.command(name="record", cls=Recording)
@click.argument("folder", shell_complete=folders)
@click.argument("words", nargs=-1, shell_complete=settings)
@click.option("--json", "as_json", is_flag=True, help="what there is in the end, as one JSON object")
def command(folder: str, words: tuple[str, ...], as_json: bool) -> None:
    """Leads through takes of a trigger word of one's own, then of words that sound like it, of other speech and of the
    quiet room, and records them into FOLDER, for the recipe trigger. With text= sentences are read aloud instead, for
    the recipe transcribe.

    Enter records; a take ends by itself. One that is too quiet, clipped, cut off or empty is asked for again. The same
    command goes on with what is there: nothing is overwritten, and q or Ctrl-C ends at any time.

    \b
    word=computer       the word, a phrase, or several with commas between them
    takes=20            takes of each word
    alike=commuter,…    what sounds like it; without it words are proposed, as many as proposed=12
    alike_takes=2       takes of each of these
    speech=60           seconds of other speech
    background=60       seconds of the room
    text=FILE           sentences to be read, one a line
    speaker=NAME        who speaks, for the manifest
    seconds=4           seconds of a take at most
    rate=16000          samples a second

    \b
    melisma record mine word=computer
    melisma record mine word=computer takes=40 alike=commuter,compute,pewter speaker=ada
    melisma record readings text=sentences.txt
    """
    names = shape(RecordSettings).names
    if folder.partition("=")[0] in names:
        raise Refusal(f"{shown(folder)} stands where the folder is wanted: melisma record FOLDER name=value …")
    given, _ = assignments(words, names, strict=True)
    layer = from_words(RecordSettings, given)
    talk = _Talk()
    try:
        found = record(folder, layer, talk=talk, source=microphone)
    except KeyboardInterrupt:
        again = shlex.join(["melisma", "record", folder, *words])
        raise Interrupted(f"stopped; all takes are kept; next: {again} goes on") from None
    finally:
        talk.line.clear()
    if as_json:
        put_json(_plain(found))
        return
    for line in _lines(found):
        put(line)
    _next(found, layer, words)


class _Talk:
    """Questions on stderr, answers from stdin, and the level as a line that is rewritten."""

    def __init__(self) -> None:
        self.line = LiveLine()

    def ask(self, text: str) -> str | None:
        say(text)
        answer = sys.stdin.readline()
        return answer.rstrip("\r\n") if answer else None

    def say(self, text: str) -> None:
        self.line.clear()
        say(text)

    def level(self, level: Level | None) -> None:
        if level is None:
            self.line.clear()
            return
        full = round(WIDTH * min(1.0, max(0.0, 1 - level.decibels / LOWEST)))
        self.line.show(f"● {'█' * full}{'·' * (WIDTH - full)} {level.decibels:4.0f} dB {level.seconds:5.1f} s")


def _lines(found: Recorded) -> Iterator[str]:
    rows = [("", "what", "takes", "wanted")]
    rows += [(kind, shown(what), f"{there:,}", f"{wanted:,}") for (kind, what), (there, wanted) in found.takes.items()]
    yield from table([row if any(kind for kind, _ in found.takes) else row[1:] for row in rows])


def _next(found: Recorded, layer: dict[str, Any], words: tuple[str, ...]) -> None:
    """What is wanted now: the rest of the takes, another session, a training."""
    folder = Path(found.folder)
    say(f"{counted(found.new, 'new take')} in {shown_path(folder)}, from {counted(found.sessions, 'session')} in all")
    if not found.whole:
        say(f"some are lacking; next: {shlex.join(['melisma', 'record', found.folder, *words])} goes on")
        return
    if "text" in layer:
        data = [f"data.train={folder / 'manifest.jsonl'}"]
        say(f"next: {shlex.join(['melisma', 'check', 'transcribe', *data])}")
        return
    kinds = dict.fromkeys(kind for kind, _ in found.takes)
    data = [f"data.{kind}={folder / kind / 'manifest.jsonl'}" for kind in kinds]
    say(f"next: {shlex.join(['melisma', 'check', 'trigger', *data, 'data.speaker=session'])}")


def _plain(found: Recorded) -> dict[str, Any]:
    takes = [
        {"kind": kind or None, "what": what, "takes": there, "wanted": wanted}
        for (kind, what), (there, wanted) in found.takes.items()
    ]
    return {**asdict(found), "takes": takes}
