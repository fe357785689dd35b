"""``melisma evaluate``: how good a model is on data it has not seen."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from melisma.command.complete import folders, settings
from melisma.command.search import NAMES, options
from melisma.command.talk import duration, put, put_json, say, table
from melisma.command.verb import Verb
from melisma.errors import Refusal
from melisma.runs.read import read_run
from melisma.settings.leaves import shape
from melisma.settings.words import assignments
from melisma.tasks import settings_of

if TYPE_CHECKING:
    from melisma.evaluation.evaluate import Evaluation
    from melisma.measures.by_length import Bucket
    from melisma.measures.measure import Measure

ELSEWHERE = ("data.train", "data.valid")  # what names data in training, and here would be near to a column's name


@click.command(name="evaluate", cls=Verb)
@click.argument("run", shell_complete=folders)
@click.argument("words", nargs=-1, shell_complete=settings)
@click.option("--json", "as_json", is_flag=True, help="everything known, answers included, as one JSON object")
def command(run: str, words: tuple[str, ...], as_json: bool) -> None:
    """Measures RUN on data=SOURCE,TARGET or data=TABLE.

    Search settings are name=value, and so are device=cpu, gpu or auto, and a table's columns.

    \b
    melisma evaluate runs/en-de data=test.en,test.de
    melisma evaluate runs/dates data=made:dates.test beam=1
    melisma evaluate runs/en-de data=test.csv data.source=en data.target=de
    """
    columns = shape(settings_of(read_run(run).task)).columns
    strange = next((word for word in words if word.partition("=")[0] in ELSEWHERE or word == "data"), None)
    if strange is not None:
        name, _, value = strange.partition("=")
        raise Refusal(f"found {name}: did you mean data={value or '…'}?")
    given, _ = assignments(words, ("data", *columns, *NAMES), strict=True)
    data = given.pop("data", [])
    if not any(data):
        raise Refusal("there is no data to evaluate on; wanted is data=SOURCE,TARGET or data=TABLE")
    named = {name: given.pop(name)[-1] for name in columns if name in given}
    chosen, place = options(run, given)
    from melisma.api.measure import evaluate

    found = evaluate(run, data, device=place, **named, **chosen)
    for note in found.notes:
        say(note)
    if as_json:
        put_json(_plain(found))
        return
    for line in _report(found):
        put(line)
    say(f"{len(found.answers):,} answers in {duration(found.seconds)}")


def _report(found: Evaluation) -> list[str]:
    rows = [("measure", "value", "95 % interval", "signature")]
    rows += [(m.name, _value(m.value), _interval(m), m.signature) for m in found.measures.values()]
    lines = table(rows)
    for name, buckets in found.by_length.items():
        header = ("characters in", found.measures[name].name, "95 % interval", "examples")
        lines += ["", *table([header, *map(_bucket, buckets)])]
    return lines


def _bucket(bucket: Bucket) -> tuple[str, str, str, str]:
    measure = bucket.measure
    return f"{bucket.shortest}–{bucket.longest}", _value(measure.value), _interval(measure), f"{measure.count:,}"


def _interval(measure: Measure) -> str:
    return f"{_value(measure.low)} – {_value(measure.high)}"


def _value(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 1000 else f"{value:.3g}"


def _plain(found: Evaluation) -> dict[str, Any]:
    return {
        "measures": {name: asdict(measure) for name, measure in found.measures.items()},
        "by_length": {name: [asdict(bucket) for bucket in buckets] for name, buckets in found.by_length.items()},
        "notes": list(found.notes),
        "seconds": round(found.seconds, 2),
        "answers": [{"source": answer.source, "text": answer.text, "score": answer.score} for answer in found.answers],
    }
