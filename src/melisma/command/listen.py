"""``melisma listen``: what is heard in a recording, or through the microphone, as it goes on."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from melisma.command.alarms import KEEP, cells, folder_of, keeping_of, say_kept
from melisma.command.complete import folders, settings
from melisma.command.search import Answering, options, split
from melisma.command.subtitled import OWN, subtitles_of
from melisma.command.talk import LiveLine, in_line, put, put_json, say
from melisma.errors import Refusal
from melisma.quoting import named
from melisma.sound.microphone import microphone
from melisma.sound.wave import blocks, cut_off

if TYPE_CHECKING:
    from melisma.api.keeping import Keeping
    from melisma.task import Stream

MICROPHONE = "mic"


@click.command(name="listen", cls=Answering, own=(*OWN, *KEEP))
@click.argument("run", shell_complete=folders)
@click.argument("words", nargs=-1, shell_complete=settings)
@click.option("--json", "as_json", is_flag=True, help="everything known of each utterance, a JSON object a line")
def command(run: str, words: tuple[str, ...], as_json: bool) -> None:
    """Hears a recording as if it were spoken now, or the microphone where the word mic stands for a file.

    Each utterance is told when it ends, with its beginning and end in seconds; on a terminal what is certain already of
    the one being said is shown as well; format=srt or format=vtt tells subtitles instead. A trigger word
    is told when it is heard, with its score; keep=FOLDER keeps what fired. Ctrl-C ends listening.

    \b
    melisma listen runs/speech lecture.mp3
    melisma listen runs/speech lecture.mp3 pause=0.5 --json
    melisma listen runs/alexa lecture.mp3 keep=fired
    """
    given, inputs = split(words, (*OWN, *KEEP))
    folder = folder_of(given)
    subtitles = subtitles_of(run, given)
    if subtitles is not None and as_json:
        raise Refusal(f"format={subtitles.kind} and --json: wanted is one of both")
    if len(inputs) != 1:
        raise Refusal(f"there are {len(inputs)} recordings to listen to; one is wanted: a file, or mic")
    chosen, saved = options(run, given)
    from melisma.api.model import load

    model = load(run, step=saved.step, device=saved.device)
    stream = model.stream(**chosen)
    keeping = keeping_of(model, stream.rate, folder, inputs[0])
    line = LiveLine()
    source = _microphone(stream, line) if inputs[0] == MICROPHONE else _file(inputs[0], stream)
    cut = None if inputs[0] == MICROPHONE else cut_off(inputs[0])
    if subtitles is not None and subtitles.head():
        put(subtitles.head().rstrip("\n") + "\n")
    told = False
    try:
        for said, last in _heard(stream, source, line, keeping):
            line.clear()
            told = True
            if as_json:
                put_json(asdict(said) | ({"truncated": last and cut is not None} if model.task.gives == "text" else {}))
            elif subtitles is not None:
                put(subtitles.more(said.words, said.end).removesuffix("\n"))
            elif model.task.gives == "alarms":
                put(*cells(said, _time(said.second)))
            else:
                put(_time(said.begin), _time(said.end), in_line(said.text))
    finally:
        line.clear()
    if cut is not None:
        say(cut)
    if not told:
        say(f"{named(inputs[0])}: nothing was heard")
    say_kept(keeping)


def _heard(
    stream: Stream, source: Iterable[Any], line: LiveLine, keeping: Keeping | None
) -> Iterator[tuple[Any, bool]]:
    """What was said, as it is told, and whether it was ended by the end of all; what fired is kept."""
    nothing = None
    try:
        for samples in source:
            nothing = samples[:0]
            for begin in range(0, len(samples), stream.chunk):
                chunk = samples[begin : begin + stream.chunk]
                heard = stream.feed(chunk)
                if keeping is not None:
                    keeping.feed(chunk, heard)
                yield from ((said, False) for said in filter(_tells, heard))
                line.show(stream.so_far())
        if nothing is not None:
            yield from ((said, True) for said in filter(_tells, stream.feed(nothing, last=True)))
    finally:
        if keeping is not None:
            keeping.finish()


def _tells(said: Any) -> bool:
    """Whether there is anything to tell; in an utterance may be nothing."""
    return bool(getattr(said, "text", True))


def _file(path: str, stream: Stream) -> Iterable[Any]:
    return blocks(path, stream.rate)


def _microphone(stream: Stream, line: LiveLine) -> Iterator[Any]:
    source = microphone(stream.rate, stream.chunk / stream.rate, line.above)
    with _interrupts() as pressed, closing(source):
        for number, samples in enumerate(source):
            if not number:  # before it there may be no microphone
                say("listening; Ctrl-C ends")
            yield samples
            if pressed:
                return


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Ctrl-C only adds to this list, so that nothing breaks off halfway and the last utterance is told; the second
    time it interrupts as ever."""
    pressed: list[int] = []

    def note(number: int, frame: object) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _time(seconds: float) -> str:
    """12:03.40, with hours where there are any."""
    minutes, rest = divmod(round(seconds * 100), 6000)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}:{minutes:02d}" if hours else f"{minutes}") + f":{rest / 100:05.2f}"
