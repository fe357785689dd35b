"""The demo: trains a model that reads dates, asks it, measures it, and shows what attention brought.

``make demo`` runs it. What it trains stays in runs/, and a second run of the demo uses what is there.
"""

from __future__ import annotations

import shlex
import sys
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import melisma
from melisma.command.course import Stop, follow
from melisma.command.talk import duration
from melisma.files import dates
from melisma.looks.attention import attention
from melisma.report.charts import draw
from melisma.runs.disk import DISK, replace_file
from melisma.runs.read import read_run

TEST = "made:dates.test"
ISOLATE, RESTORE = "\u2068", "\u2069"  # keep a text that runs from right to left from turning its neighbours around


def main(folder: Path, changes: Mapping[str, Any]) -> int:
    """The demo in a folder of runs, with changes to the recipe's settings -> the exit code."""
    try:
        demonstrate(folder, changes)
    except (melisma.Refusal, melisma.Failure, melisma.Interrupted) as error:
        print(f"demo: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def demonstrate(folder: Path, changes: Mapping[str, Any]) -> None:
    """Everything in turn, said while it is done."""
    run, without = folder / "dates", folder / "dates-without-attention"
    say("Dates as people write them, in 35 languages, are to become YYYY-MM-DD. The model is told")
    say("nothing of calendars or languages: it learns from 40,000 pairs, character by character.")
    trained(run, changes)
    model = melisma.load(run)
    ask(model)
    say("")
    say("Measuring on 2,000 dates whose calendar days were in the training data in no language and no form:")
    reached = exact(model)
    say(f"  {reached}")
    picture(model, run / "attention.png")
    compare(run, without, changes, reached)
    farewell(run)


def trained(run: Path, *layers: Mapping[str, Any]) -> None:
    """Trains the recipe into the run, or goes on with what is there; nothing is ever deleted."""
    say("")
    began = time.monotonic()
    if not (run / "run.json").exists():
        say(f"Training it into {run}, on one thread (Ctrl-C stops and saves, make demo then goes on):")
        follow(lambda stop: melisma.train("dates", run, *layers, stopped=stop), str(run), quiet=False, as_json=False)
        say(f"Trained in {duration(time.monotonic() - began)}.")
        return
    recipe = read_run(run).record["recipe"]
    if recipe != "dates":
        raise melisma.Refusal(f"{run} was trained by the recipe {recipe}, not dates: it is in the way under this name")
    steps = 0

    def going_on(stop: Stop) -> Iterator[melisma.Progress]:
        nonlocal steps
        for progress in melisma.resume(run, stopped=stop):
            steps += progress.kind == "step"
            yield progress

    say(f"{run} is there already and is used; if its training was stopped before its end, it goes on now:")
    follow(going_on, str(run), quiet=False, as_json=False)
    if steps:
        say(f"Finished, after {steps:,} more steps in {duration(time.monotonic() - began)}.")


def ask(model: melisma.Model) -> None:
    """Puts the sample dates to the model and prints what it says, beside what is right."""
    samples = dates.examples()
    answers = [answer.text for answer in model([text for text, _ in samples])]
    marks = ["right" if answer == true else f"wrong, it is {true}" for answer, (_, true) in zip(answers, samples)]
    say("")
    say(f"{len(samples)} dates, on days that it has never seen:")
    say("")
    for line in table([(text, answer, mark) for (text, _), answer, mark in zip(samples, answers, marks)]):
        say(f"  {line}")


def exact(model: melisma.Model) -> str:
    """How many of the test dates it gets right to the last character, with the interval of chance."""
    measure = melisma.evaluate(model, TEST).measures["exact"]
    return f"{measure.value:.1f} % exactly right (95 % interval {measure.low:.1f} to {measure.high:.1f})"


def picture(model: melisma.Model, path: Path) -> None:
    """Draws what the model read while it answered the first sample."""
    sample = dates.examples()[0][0]
    figure = attention(model(sample))
    try:
        replace_file(DISK, path, draw(figure))
    except OSError as error:
        raise melisma.Refusal(f"{path} cannot be written: {error.strerror}") from None
    say("")
    say(f"What it read for each character that it wrote of “{sample}” is drawn in {path}.")


def compare(run: Path, without: Path, changes: Mapping[str, Any], reached: str) -> None:
    """The same model without attention, trained by the same settings and measured on the same dates."""
    settings = read_run(run).settings
    say("")
    say("What did attention bring? The same model again, for as many steps, with model.attention=none:")
    say("it is handed one vector for the whole date, and has to remember it while it writes.")
    same = {"model": {**settings["model"], "attention": "none"}, "training": settings["training"]}
    trained(without, changes, same)
    say("")
    say("On the same unseen days:")
    say(f"  with attention     {reached}")
    say(f"  without attention  {exact(melisma.load(without))}")


def farewell(run: Path) -> None:
    """What to try next."""
    name = shlex.quote(str(run))
    say("")
    say("What to try next:")
    for command in (
        f'melisma predict {name} "3 May 1998" "1998年5月3日" "den 3 maj 1998"',
        f'melisma predict {name} beam=5 alternatives=3 --json "1998. május 3."',
        f"melisma evaluate {name} data={TEST}",
        f'melisma look attention {name} "le 3 mai 1998" file=attention.png',
        f"melisma show {name}",
        "melisma recipes",
    ):
        say(f"  .venv/bin/{command}")


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines whose columns stand under each other in a terminal, whatever the script."""
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(padded(cell, wide) for cell, wide in zip(row, widths)).rstrip() for row in rows]


def padded(text: str, wide: int) -> str:
    """The text and as many blanks as fill the column."""
    turned = any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)
    return (ISOLATE + text + RESTORE if turned else text) + " " * (wide - width(text))


def width(text: str) -> int:
    """The columns that a text takes in a terminal: two for a wide character, none for a mark upon another."""
    return sum(columns(character) for character in text)


def columns(character: str) -> int:
    """The columns that one character takes."""
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def say(text: str) -> None:
    """A line of what the demo says."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(Path("runs"), {}))
