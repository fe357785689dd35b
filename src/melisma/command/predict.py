"""``melisma predict``: answers, one a line, in the order of the inputs."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from melisma.command.complete import folders, settings
from melisma.command.search import Answering, options, split
from melisma.command.subtitled import OWN, subtitles_of
from melisma.command.talk import in_line, put, put_json, say
from melisma.errors import Refusal
from melisma.files.subtitles import Subtitles
from melisma.quoting import counted, named, shown_path
from melisma.sound.unusable import Unusable
from melisma.sound.wave import cut_off

if TYPE_CHECKING:
    from melisma.api.model import Model

LONGEST = 2**20  # bytes of an input line; a longer one is refused before it fills the memory
TOGETHER = 1024  # lines that are answered before any of their answers is written
NUMBER = re.compile(r"input ([0-9]+) ")  # how a task names one of the inputs that it refuses


@click.command(name="predict", cls=Answering, own=OWN)
@click.argument("run", shell_complete=folders)
@click.argument("words", nargs=-1, shell_complete=settings)
@click.option("--json", "as_json", is_flag=True, help="everything known of each answer, a JSON object a line")
def command(run: str, words: tuple[str, ...], as_json: bool) -> int:
    """Answers the inputs given as words, or each line of stdin.

    Search settings are name=value, and so are device=cpu, gpu or auto and step=, which names a saved step; after -- all
    words are inputs. Of a recording format=srt or format=vtt makes subtitles, by when its words are said.

    \b
    melisma predict runs/en-de "A man rides a bike."
    melisma predict runs/en-de beam=10 alternatives=3 --json "A man rides a bike."
    melisma predict runs/en-de < sentences.txt > answers.txt
    melisma predict runs/speech lecture.mp3 format=srt > lecture.srt
    """
    given, inputs = split(words, OWN)
    subtitles = subtitles_of(run, given)
    if subtitles is not None and (as_json or len(inputs) != 1):
        asked = "--json" if as_json else f"{len(inputs)} inputs"
        raise Refusal(f"format={subtitles.kind} with {asked}: wanted is one recording, and no --json")
    chosen, saved = options(run, given)
    if not inputs and sys.stdin is None:
        raise Refusal("there is nothing to answer, as stdin is closed: wanted are inputs as words, or lines on stdin")
    from melisma.api.model import load

    model = load(run, step=saved.step, device=saved.device)
    for note in model.ready(chosen):
        say(note)
    if subtitles is not None:
        answer = model(inputs[0], **chosen)
        _told(model, inputs[0], answer)
        _subtitle(answer, subtitles)
        return 0
    if inputs:
        for word in filter(_is_file, inputs if model.task.takes == "text" else ()):
            say(
                f"{named(word)} is a file and was answered as text; "
                f"melisma predict {shlex.quote(shown_path(run))} < {shlex.quote(named(word))} answers its lines"
            )
        left_out = _answer(model, inputs, chosen, as_json, single=len(inputs) == 1)
        return _ended(left_out, len(inputs))
    if sys.stdin.isatty():
        say("each line is answered as it comes; Ctrl-D ends")
    return _ended(*_answer_lines(model, chosen, as_json))


def _answer_lines(model: Model, chosen: dict[str, Any], as_json: bool) -> tuple[int, int]:
    """Answers each line of stdin -> how many recordings were left out, of how many."""
    left_out = done = 0
    for lines in _lines(sys.stdin.fileno()):
        for first in range(0, len(lines), TOGETHER):
            together = lines[first : first + TOGETHER]
            try:
                left_out += _answer(model, together, chosen, as_json, single=False)
            except Refusal as refusal:
                raise _placed(refusal, done) from None
            done += len(together)
    return left_out, done


def _ended(left_out: int, of: int) -> int:
    """Says how many recordings were left out -> the exit code, which tells whether any input was answered."""
    if not left_out:
        return 0
    say(f"{counted(left_out, 'recording')} of {of:,} left out")
    return 0 if left_out < of else Refusal.exit_code


def _answer(model: Model, inputs: Sequence[str], chosen: dict[str, Any], as_json: bool, *, single: bool) -> int:
    """Answers the inputs, a line each -> how many recordings were left out; Refusal of a single one."""
    left_out = 0
    for asked, answer in zip(inputs, model(inputs, **chosen) if single else _answers(model, inputs, chosen)):
        if isinstance(answer, Unusable):
            say(f"{answer}; left out")
            left_out += 1
            if as_json:
                put_json({"source": asked, "error": str(answer)})
            else:
                put("")
            continue
        truncated = _told(model, asked, answer) if model.task.takes == "recording" else {}
        if as_json:
            put_json(_fields(answer) | {"text": answer.text} | truncated)
            continue
        texts = [one.text for one in answer.alternatives]
        put(*(texts if single and len(texts) == 1 else map(in_line, texts)))
    return left_out


def _fields(answer: Any) -> dict[str, Any]:
    """An answer as plain data; without the scores of alarms, 25 a second, which ``look alarms`` tells."""
    told = asdict(answer)
    if "alarms" in told:
        del told["scores"]
    return told


def _answers(model: Model, inputs: Sequence[str], chosen: dict[str, Any]) -> list[Any]:
    """The answers, why it cannot be used in the place of such a recording.

    The inputs are answered together; where that fails, either half of them by itself.
    """
    try:
        return list(model(inputs, **chosen))
    except Unusable as unusable:
        if len(inputs) == 1:
            return [unusable]
    half = len(inputs) // 2
    return [*_answers(model, inputs[:half], chosen), *_answers(model, inputs[half:], chosen)]


def _told(model: Model, path: str, answer: Any) -> dict[str, bool]:
    """What is to be said of a recording that was answered, and whether its end is not there."""
    if (cut := cut_off(path)) is not None:
        say(cut)
    if not answer.text.strip():
        say(f"{named(path)}: nothing was heard")
    return {"truncated": cut is not None}


def _subtitle(answer: Any, subtitles: Subtitles) -> None:
    put((subtitles.head() + "".join(subtitles.more(said.words, said.end) for said in answer.utterances)).rstrip("\n"))


def _is_file(word: str) -> bool:
    try:
        return os.path.isfile(word)
    except (OSError, ValueError):  # no name that a file could have
        return False


def _placed(refusal: Refusal, before: int) -> Refusal:
    """The refusal of one of the inputs that follow ``before`` others, with its line on stdin."""
    said = str(refusal)
    found = NUMBER.match(said)
    return Refusal(f"stdin, line {before + int(found[1])}: it {said[found.end() :]}") if found else refusal


def _lines(file: int) -> Iterator[list[str]]:
    """Lines as they come, as many at once as are there: a pipe that waits for its answer gets it."""
    rest, number = b"", 0
    while piece := _read(file):
        *whole, rest = (rest + piece).split(b"\n")
        if len(rest) > LONGEST:
            place = number + len(whole) + 1
            raise Refusal(f"stdin, line {place}: it is longer than {LONGEST:,} bytes; shorter lines are wanted")
        yield [_text(line, number + place) for place, line in enumerate(whole, 1)]
        number += len(whole)
    if rest:
        yield [_text(rest, number + 1)]


def _read(file: int) -> bytes:
    try:
        return os.read(file, LONGEST)
    except OSError as error:
        raise Refusal(f"stdin cannot be read: {(error.strerror or str(error)).lower()}") from None


def _text(line: bytes, number: int) -> str:
    try:
        text = line.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError as error:
        place = f"stdin, line {number}, byte {error.start + 1}"
        raise Refusal(f"{place}: this is not UTF-8; text in UTF-8 is wanted") from None
    return text.removeprefix("\ufeff") if number == 1 else text
