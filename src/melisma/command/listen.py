"""``melisma listen``: what is heard in a recording, or through the microphone, as it goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from melisma.command.complete import folders, settings
from melisma.command.search import Answering, options, split
from melisma.command.talk import LiveLine, in_line, put, put_json, say
from melisma.errors import Refusal
from melisma.sound.microphone import microphone
from melisma.sound.wave import blocks

if TYPE_CHECKING:
    from melisma.task import Stream

MICROPHONE = "mic"


@click.command(name="listen", cls=Answering)
@click.argument("run", shell_complete=folders)
@click.argument("words", nargs=-1, shell_complete=settings)
@click.option("--json", "as_json", is_flag=True, help="everything known of each utterance, a JSON object a line")
def command(run: str, words: tuple[str, ...], as_json: bool) -> None:
    """Hears a recording as if it were spoken now, or the microphone where the word mic stands for a file.

    Each utterance is told when it ends, with its beginning and end in seconds; on a terminal what is certain already of
    the one being said is shown as well. Ctrl-C ends listening.

    \b
    melisma listen runs/speech lecture.mp3
    melisma listen runs/speech lecture.mp3 pause=0.5 --json
    """
    given, inputs = split(words)
    if len(inputs) != 1:
        raise Refusal(f"there are {len(inputs)} recordings to listen to; one is wanted: a file, or mic")
    chosen, saved = options(run, given)
    from melisma.api.model import load

    model = load(run, step=saved.step, device=saved.device)
    stream = model.stream(**chosen)
    source = _microphone(stream) if inputs[0] == MICROPHONE else _file(inputs[0], stream)
    line = LiveLine()
    try:
        for said in _heard(stream, source, line):
            line.clear()
            if as_json:
                put_json(asdict(said))
            else:
                put(_time(said.begin), _time(said.end), in_line(said.text))
    finally:
        line.clear()


def _heard(stream: Stream, source: Iterable[Any], line: LiveLine) -> Iterator[Any]:
    """What was said, as it is told."""
    nothing = None
    for samples in source:
        nothing = samples[:0]
        for begin in range(0, len(samples), stream.chunk):
            yield from (said for said in stream.feed(samples[begin : begin + stream.chunk]) if said.text)
            line.show(stream.so_far())
    if nothing is not None:
        yield from (said for said in stream.feed(nothing, last=True) if said.text)


def _file(path: str, stream: Stream) -> Iterable[Any]:
    return blocks(path, stream.rate)


def _microphone(stream: Stream) -> Iterator[Any]:
    say("listening; Ctrl-C ends")
    source = microphone(stream.rate, stream.chunk / stream.rate)
    try:
        yield from source
    except KeyboardInterrupt:
        source.close()


def _time(seconds: float) -> str:
    """12:03.40, with hours where there are any."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return (f"{hours}:{minutes:02d}" if hours else f"{minutes}") + f":{rest:05.2f}"
