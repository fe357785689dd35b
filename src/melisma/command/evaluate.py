"""``melisma evaluate``: how good a model is on data it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from melisma.command.complete import folders, settings
from melisma.command.measured import plain, plain_beside, told, told_beside
from melisma.command.search import NAMES, Answering, options
from melisma.command.talk import duration, put, put_json, say
from melisma.errors import Refusal
from melisma.quoting import counted, shown_path
from melisma.runs.disk import DISK, reason, replace_file
from melisma.runs.read import read_run
from melisma.settings.leaves import Shape, shape
from melisma.settings.words import assignments
from melisma.tasks import settings_of

if TYPE_CHECKING:
    from melisma.evaluation.evaluate import Evaluation

ELSEWHERE = ("data.train", "data.valid")  # what names data in training, and here would be near to a column's name
OWN = ("report", "against")


@click.command(name="evaluate", cls=Answering, own=("data",))
@click.argument("run", shell_complete=folders)
@click.argument("words", nargs=-1, shell_complete=settings)
@click.option("--json", "as_json", is_flag=True, help="everything known, answers included, as one JSON object")
def command(run: str, words: tuple[str, ...], as_json: bool) -> None:
    """Measures RUN on data=SOURCE,TARGET or data=TABLE; trigger words on data.positive=, data.negative= and
    data.background=.

    Search settings are name=value, and so are device=cpu, gpu or auto, step=, which names a saved step, a table's
    columns, and data.measures=, what is measured. against=RUN2 tells what lies between RUN and another run on the same
    data, and whether that is more than chance. report=FILE.html draws a page of it all.

    \b
    melisma evaluate runs/en-de data=test.en,test.de
    melisma evaluate runs/dates data=made:dates.test beam=1 report=dates.html
    melisma evaluate runs/en-de data=test.csv data.source=en data.target=de
    melisma evaluate runs/en-de data=test.en,test.de against=runs/additive
    melisma evaluate runs/alexa data.positive=alexa data.background=noise
    """
    known = shape(settings_of(read_run(run).task))
    data, given = _data(known, words)
    named = {name: given.pop(name)[-1] for name in known.columns if name in given}
    file, other = (_once(given, name) for name in OWN)
    path = None if file is None else _page(file)
    if other is not None:
        _require_same_task(run, other)
        options(other, given)
    chosen, saved = options(run, given)
    from melisma.api.compared import compare
    from melisma.api.measure import evaluate
    from melisma.api.model import load
    from melisma.api.report import report

    model = load(run, step=saved.step, device=saved.device)
    found = evaluate(model, data, **named, **chosen)
    against = None if other is None else evaluate(other, data, device=saved.device, **named, **chosen)
    beside = None if against is None else compare(model, data, found, against, **named)
    if path is not None:
        try:
            replace_file(DISK, path, report(model, data, found, against, **named).encode())
        except OSError as error:
            raise Refusal(f"report={shown_path(path)} cannot be written: {reason(error)}") from None
        say(f"the page is {shown_path(path)}")
    for note in (*found.notes, *_others_notes(found, against)):
        say(note)
    if as_json:
        put_json(plain(found) | ({} if beside is None else {"against": plain_beside(found, beside)}))
        return
    for line in (*told(found), *([] if beside is None else told_beside(found, beside))):
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


def _require_same_task(run: str, other: str) -> None:
    """Refuses to set a run beside one that does something else."""
    tasks = [read_run(one).task for one in (run, other)]
    if tasks[0] != tasks[1]:
        raise Refusal(
            f"against={shown_path(other)} is a run of {tasks[1]}, {shown_path(run)} one of {tasks[0]}: "
            "wants two that do the same"
        )


def _others_notes(found: Evaluation, against: Evaluation | None) -> list[str]:
    """What is to be said of the other run alone."""
    if against is None:
        return []
    return [f"{shown_path(against.run)}: {note}" for note in against.notes if note not in found.notes]
