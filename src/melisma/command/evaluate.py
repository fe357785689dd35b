"""``melisma evaluate``: how good a model is on data it has not seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from melisma.command.columns import columns
from melisma.command.complete import folders, settings
from melisma.command.search import NAMES, Answering, options
from melisma.command.talk import duration, put, put_json, say
from melisma.errors import Refusal
from melisma.measures.units import ASKED, asked_of, called, figure, unit_of
from melisma.quoting import counted, shown_path
from melisma.runs.disk import DISK, reason, replace_file
from melisma.runs.layout import step_number
from melisma.runs.read import read_run
from melisma.settings.asked import searched
from melisma.settings.leaves import Shape, shape
from melisma.settings.read import flat
from melisma.settings.words import assignments
from melisma.tasks import settings_of

if TYPE_CHECKING:
    from melisma.evaluation.evaluate import Evaluation
    from melisma.measures.by_length import Bucket
    from melisma.measures.measure import Measure

ELSEWHERE = ("data.train", "data.valid")  # what names data in training, and here would be near to a column's name
OWN = ("report", "against")
INTERVAL = "95 % interval"


@click.command(name="evaluate", cls=Answering, own=("data",))
@click.argument("run", shell_complete=folders)
@click.argument("words", nargs=-1, shell_complete=settings)
@click.option("--json", "as_json", is_flag=True, help="everything known, answers included, as one JSON object")
def command(run: str, words: tuple[str, ...], as_json: bool) -> None:
    """Measures RUN on data=SOURCE,TARGET or data=TABLE; trigger words on data.positive=, data.negative= and
    data.background=.

    Search settings are name=value, and so are device=cpu, gpu or auto, step=, which names a saved step, a table's
    columns, and data.measures=, what is measured. report=FILE.html draws a page of it all, against=RUN2 beside another
    run on the same data.

    \b
    melisma evaluate runs/en-de data=test.en,test.de
    melisma evaluate runs/dates data=made:dates.test beam=1 report=dates.html
    melisma evaluate runs/en-de data=test.csv data.source=en data.target=de
    melisma evaluate runs/alexa data.positive=alexa data.background=noise
    """
    known = shape(settings_of(read_run(run).task))
    data, given = _data(known, words)
    named = {name: given.pop(name)[-1] for name in known.columns if name in given}
    file, other = (_once(given, name) for name in OWN)
    path = None if file is None else _page(file)
    if other is not None:
        if path is None:
            raise Refusal("against=RUN is drawn on a page: report=FILE.html is wanted besides")
        options(other, given)
    chosen, saved = options(run, given)
    from melisma.api.measure import evaluate
    from melisma.api.model import load
    from melisma.api.report import report

    model = load(run, step=saved.step, device=saved.device)
    found = evaluate(model, data, **named, **chosen)
    if path is not None:
        beside = None if other is None else evaluate(other, data, device=saved.device, **named, **chosen)
        try:
            replace_file(DISK, path, report(model, data, found, beside, **named).encode())
        except OSError as error:
            raise Refusal(f"report={shown_path(path)} cannot be written: {reason(error)}") from None
        say(f"the page is {shown_path(path)}")
    for note in found.notes:
        say(note)
    if as_json:
        put_json(_plain(found))
        return
    for line in _report(found):
        put(line)
    say(f"{counted(len(found.answers), 'answer')} in {duration(found.seconds)}")


def _data(known: Shape, words: Sequence[str]) -> tuple[Any, dict[str, list[str]]]:
    """What to measure on, by its kinds where a task has several, and the settings besides."""
    kinds = tuple(f"data.{kind}" for kind in known.kinds)
    strange = next((word for word in words if word.partition("=")[0] in ELSEWHERE or word == "data"), None)
    if strange is not None and not kinds:
        name, _, value = strange.partition("=")
        raise Refusal(f"found {name}: did you mean data={value or '…'}?")
    given, _ = assignments(words, (*(kinds or ("data",)), *OWN, *known.columns, *NAMES), strict=True)
    corpora = {kind: given.pop(f"data.{kind}") for kind in known.kinds if f"data.{kind}" in given}
    data: Any = corpora if kinds else given.pop("data", [])
    if not any(data):
        wanted = " and ".join(f"{kind}=…" for kind in kinds) or "data=SOURCE,TARGET or data=TABLE"
        raise Refusal(f"there is no data to evaluate on; wanted is {wanted}")
    return data, given


def _once(given: dict[str, list[str]], name: str) -> str | None:
    values = given.pop(name, [])
    if len(values) > 1:
        raise Refusal(f"{name} is given {len(values)} times: one is wanted")
    return values[0] if values else None


def _page(word: str) -> Path:
    """Where the page goes: a new file in a folder that is there."""
    path, found = Path(word), ""
    try:
        if path.exists():
            found = " is there already"
        elif path.suffix.lower() == ".html" and path.parent.is_dir():
            return path
    except (OSError, ValueError):
        pass
    raise Refusal(f"report={shown_path(path)}{found}: a new file NAME.html in a folder that is there is wanted")


def _report(found: Evaluation) -> list[str]:
    measures = list(found.measures.items())
    rows = [("measure", "value", "", INTERVAL, "signature")]
    rows += [
        (m.name, figure(key, m.value), unit_of(key), ends, m.signature)
        for (key, m), ends in zip(measures, _intervals(measures))
    ]
    lines = [*_about(found), "", *columns(rows, {1})]
    for key, buckets in found.by_length.items():
        scored = ", ".join(filter(None, (found.measures[key].name, unit_of(key))))
        header = (f"{found.unit} in", scored, INTERVAL, f"{ASKED.get(key, 'example')}s")
        lines += ["", *columns([header, *_buckets(key, buckets)], {0, 1, 3})]
    if found.details is not None:
        lines += ["", *columns([found.details.head, *found.details.rows])] if found.details.rows else []
        lines += ["", *found.details.sentences]
    return lines


def _about(found: Evaluation) -> list[str]:
    """What was measured, and how it was asked."""
    rows = [("run", f"{found.run}, step {step_number(found.step):,}")]
    rows += [("data", f"{','.join(one.corpus)} ({counted(one.pairs, found.example)})") for one in found.familiar]
    by_source = [name for name in found.measures if name in ASKED]
    if by_source:
        count = asked_of(by_source[0], found.measures[by_source[0]].count)
        says = f"{' and '.join(map(called, by_source))} {'count' if len(by_source) > 1 else 'counts'}"
        rows.append(("counted", f"{says} {count}, with all targets of each"))
    return columns([*rows, ("search", searched(found.search))])


def _buckets(key: str, buckets: Sequence[Bucket]) -> Iterator[tuple[str, str, str, str]]:
    between = _intervals([(key, bucket.measure) for bucket in buckets])
    for bucket, ends in zip(buckets, between):
        one = bucket.measure
        yield bucket.lengths, figure(key, one.value), ends, f"{one.count:,}"


def _intervals(measures: Sequence[tuple[str, Measure]]) -> list[str]:
    """Both ends of each interval, so that the points of all of them align."""
    ends = [(figure(key, one.low), figure(key, one.high)) for key, one in measures]
    low, high = (max((len(pair[side]) for pair in ends), default=0) for side in (0, 1))
    return [f"{first:>{low}} – {last:>{high}}" for first, last in ends]


def _plain(found: Evaluation) -> dict[str, Any]:
    return {
        "run": found.run,
        "step": step_number(found.step),
        "data": [asdict(one) for one in found.familiar],
        "pairs": len(found.answers),
        "search": flat(found.search),
        "measures": {name: asdict(measure) | {"unit": unit_of(name)} for name, measure in found.measures.items()},
        "by_length": {name: [asdict(bucket) for bucket in buckets] for name, buckets in found.by_length.items()},
        **({} if found.details is None else {"details": found.details.data}),
        "notes": list(found.notes),
        "dropped": list(found.dropped),
        "seconds": round(found.seconds, 2),
        "answers": [{"source": answer.source, "text": answer.text, "score": answer.score} for answer in found.answers],
    }
