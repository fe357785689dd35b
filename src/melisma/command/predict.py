"""``melisma predict``: answers, one a line, in the order of the inputs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from melisma.command.talk import in_line, put, put_json
from melisma.errors import Refusal
from melisma.runs.read import read_run
from melisma.settings.leaves import shape
from melisma.settings.search import SearchSettings
from melisma.settings.words import assignments, from_words

if TYPE_CHECKING:
    from melisma.api.model import Model

LONGEST = 2**20  # bytes of an input line; a longer one is refused before it fills the memory


@click.command(name="predict")
@click.argument("run")
@click.argument("words", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="everything known of each answer, a JSON object a line")
def command(run: str, words: tuple[str, ...], as_json: bool) -> None:
    """Answers the inputs given as words, or each line of stdin. Search settings are name=value; after -- all are inputs.

    \b
    melisma predict runs/en-de "A man rides a bike."
    melisma predict runs/en-de beam=10 alternatives=3 --json "A man rides a bike."
    melisma predict runs/en-de < sentences.txt > answers.txt
    """
    given, inputs = assignments(words, shape(SearchSettings).names)
    options = from_words(SearchSettings, given)
    read_run(run)
    from melisma.api.model import load

    model = load(run)
    model.search(options)
    if inputs:
        _answer(model, inputs, options, as_json, single=len(inputs) == 1)
    else:
        for lines in _lines(sys.stdin.fileno()):
            _answer(model, lines, options, as_json, single=False)


def _answer(model: Model, inputs: Sequence[str], options: dict[str, Any], as_json: bool, *, single: bool) -> None:
    for answer in model(inputs, **options):
        if as_json:
            put_json(asdict(answer) | {"text": answer.text})
        else:
            texts = [one.text for one in answer.alternatives]
            put("\t".join(texts if single else [in_line(text) for text in texts]))


def _lines(file: int) -> Iterator[list[str]]:
    """Lines as they come, as many at once as are there: a pipe that waits for its answer gets it, a file is read in large pieces."""
    rest, number = b"", 0
    while piece := os.read(file, LONGEST):
        *whole, rest = (rest + piece).split(b"\n")
        if len(rest) > LONGEST:
            raise Refusal(f"stdin, line {number + len(whole) + 1}: it is longer than {LONGEST:,} bytes; shorter lines are wanted")
        yield [_text(line, number + place) for place, line in enumerate(whole, 1)]
        number += len(whole)
    if rest:
        yield [_text(rest, number + 1)]


def _text(line: bytes, number: int) -> str:
    try:
        return line.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refusal(f"stdin, line {number}, byte {error.start + 1}: this is not UTF-8; text in UTF-8 is wanted") from None
