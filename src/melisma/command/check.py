"""``melisma check``: all that is wrong with the data, and what the training would take."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from melisma.checks.coverage import Coverage
from melisma.checks.dry_run import Cost
from melisma.checks.finding import Finding, percent
from melisma.checks.hours import Sounds
from melisma.checks.new_folder import Repaired, told
from melisma.command.complete import recipe_names, settings
from melisma.command.course import Waiting
from melisma.command.talk import duration, put, put_json, say, table
from melisma.command.verb import Verb
from melisma.errors import Refusal
from melisma.files.watch import watched
from melisma.quoting import counted, shown_path
from melisma.settings.leaves import shape
from melisma.settings.read import build
from melisma.settings.show import shown
from melisma.settings.toml import read_toml
from melisma.settings.words import assignments, from_words
from melisma.tasks import settings_of
from melisma.tasks.recipe import recipe as recipe_of

if TYPE_CHECKING:
    from melisma.checks.report import Report

SWITCHES = {"yes": True, "true": True, "no": False, "false": False}
BUSY = 0.7  # of a processor: with less the machine has other things to do, and the times above are too long
SPEAKERS = 8  # that are named
KINDS = 4  # of rates and numbers of channels
OWN = ("fix", "dry_run")  # what only this verb takes


@click.command(name="check", cls=Verb)
@click.argument("recipe", shell_complete=recipe_names)
@click.argument("words", nargs=-1, shell_complete=settings)
@click.option("--json", "as_json", is_flag=True, help="everything found, as one JSON object")
def command(recipe: str, words: tuple[str, ...], as_json: bool) -> int:
    """Finds all that is wrong with the data of RECIPE, and times some steps of the training without saving any.

    Settings are name=value, or a .toml file of them, as in melisma train; dry_run=no leaves the steps out. With
    fix=FOLDER a repaired copy is written into that new folder. Exit code 1: there are errors.

    \b
    melisma check translate data.train=train.en,train.de data.valid=val.en,val.de
    melisma check translate data.train=pairs.tsv dry_run=no fix=repaired
    melisma check transcribe data.train=train.jsonl data.valid=dev.jsonl
    melisma check trigger data.positive=alexa data.negative=other data.background=noise
    """
    layers, fix, dry_run = _layers(recipe, words)
    from melisma.api.check import check

    waiting = Waiting(quiet=as_json)
    try:
        with watched(waiting):
            report = check(recipe, *layers, fix=fix, dry_run=dry_run)
    finally:
        waiting.done()
    if as_json:
        put_json(_plain(report))
    else:
        for line in _lines(report):
            put(line)
    if report.unrepaired:
        say(report.unrepaired)
    if report.repaired is not None:
        _tell(report.repaired, report.thing, recipe, words)
    return 1 if report.faulty or report.unrepaired else 0


def _layers(recipe: str, words: tuple[str, ...]) -> tuple[list[dict[str, Any]], str | None, bool]:
    """The settings of a command line, and what this verb alone takes, checked before anything heavy is loaded."""
    chosen = recipe_of(recipe)
    cls: type[Any] = settings_of(chosen.task)
    files = [word for word in words if word.endswith(".toml") and "=" not in word]
    given, _ = assignments([word for word in words if word not in files], (*shape(cls).names, *OWN), strict=True)
    own = {name: _once(name, given.pop(name)) for name in OWN if name in given}
    switch = own.get("dry_run", "yes").lower()
    if switch not in SWITCHES:
        raise Refusal(f"dry_run={shown(switch)}: wanted is yes or no")
    if "fix" in own and not own["fix"]:
        raise Refusal("fix= names no folder: the name of a new one is wanted")
    layers = [*(read_toml(file) for file in files), from_words(cls, given)]
    build(cls, chosen.under(*layers), *layers).data.ready()
    return layers, own.get("fix"), SWITCHES[switch]


def _once(name: str, values: list[str]) -> str:
    if len(values) > 1:
        raise Refusal(f"{name} is given {len(values)} times: wants one")
    return values[0]


# --- as people read it ------------------------------------------------------------------------------------------------


def _lines(report: Report) -> Iterator[str]:
    examples = ", ".join(f"{counted(count, report.thing)} of {part}" for part, count in report.examples.items())
    yield f"looked at {examples}"
    yield ""
    if report.sounds:
        yield from _sounds(report.sounds)
        yield ""
    if report.findings:
        rows = [("", "finding", "count", "share", "")]
        rows += [(one.severity, one.name, *_figures(one), one.sentence) for one in report.findings]
        lines = table(rows)
        yield lines[0]
        for line, finding in zip(lines[1:], report.findings):
            yield line
            yield from (f"         {place}" for place in finding.places)
            yield f"         → {finding.advice}"
    else:
        yield "nothing wrong was found"
    if report.coverage is not None:
        yield ""
        yield from _covered(report.coverage)
    if report.cost is not None:
        yield ""
        yield from _cost(report.cost)
    yield ""
    yield _verdict(report)


def _figures(finding: Finding) -> tuple[str, str]:
    if finding.of <= 1:
        return "", ""
    return f"{finding.count:,}", percent(finding.count, finding.of)


def _sounds(sounds: Mapping[str, Sounds]) -> Iterator[str]:
    """What can be heard of each part, and who speaks most."""
    rows: list[tuple[str, ...]] = [
        ("", "sound", "recordings", "shortest", "median", "95 %", "longest", "rates", "channels")
    ]
    for part, one in sounds.items():
        lengths = (f"{seconds:.2f} s" for seconds in (one.shortest, one.median, one.p95, one.longest))
        rates, channels = _counts(one.rates, " Hz"), _counts(one.channels, "")
        rows.append((part, _long(one.seconds), f"{one.recordings:,}", *lengths, rates, channels))
    yield from table(rows)
    for part, one in sounds.items():
        if one.speakers:
            most = [f"{shown_path(who)} {_long(seconds)} ({count:,})" for who, (count, seconds) in one.speakers.items()]
            more = f" and {len(most) - SPEAKERS:,} more" if len(most) > SPEAKERS else ""
            yield f"{counted(len(most), 'speaker')} in {part}: {', '.join(most[:SPEAKERS])}{more}"
        if one.words:
            takes = [f"{shown_path(word)} ({counted(count, 'take')})" for word, count in one.words.items()]
            more = f" and {len(takes) - SPEAKERS:,} more" if len(takes) > SPEAKERS else ""
            yield f"{counted(len(takes), 'word')} in {part}: {', '.join(takes[:SPEAKERS])}{more}"


def _counts(found: Mapping[int, int], unit: str) -> str:
    if len(found) == 1:
        return f"{next(iter(found)):,}{unit}"
    most = sorted(found, key=lambda number: -found[number])
    more = f" and {len(most) - KINDS:,} more" if len(most) > KINDS else ""
    return ", ".join(f"{number:,}{unit} ({found[number]:,})" for number in most[:KINDS]) + more


def _long(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 5400 else f"{seconds / 60:.1f} min"


def _covered(coverage: Coverage) -> Iterator[str]:
    header = ("symbols", "different", "median", "95 %", "longest", "unseen in valid: characters", "words", "symbols")
    rows: list[tuple[str, ...]] = [header]
    for one in coverage.sides:
        unseen = (one.unseen_characters, one.unseen_words, one.unseen_symbols)
        sizes = (f"{number:,}" for number in (one.vocabulary, one.median, one.p95, one.longest))
        rows.append((one.side, *sizes, *(_share(share) for share in unseen)))
    yield from table(rows)


def _share(share: float | None) -> str:
    return "–" if share is None else percent(round(share * 1_000_000), 1_000_000)


def _cost(cost: Cost) -> Iterator[str]:
    timed = counted(cost.timed_steps, "step")
    rows = [
        ("model", f"{cost.parameters:,} parameters, on {cost.device}"),
        ("step", f"{_brief(cost.step_seconds)} ({cost.symbols_per_second:,.0f} symbols/s, {timed} timed)"),
        ("validation", f"about {_brief(cost.validation_seconds)}"),
        ("epoch", f"{counted(cost.epoch_steps, 'step')}, about {_brief(cost.epoch_seconds)} with its validation"),
        ("training", _whole(cost)),
        ("memory", f"{_bytes(cost.memory)} at most so far"),
        (
            "disk",
            f"up to {_bytes(cost.room)}" + ("" if cost.free is None else f" of {_bytes(cost.free)} that are free here"),
        ),
    ]
    yield from table(rows)
    if cost.processor < BUSY and cost.device != "a GPU":
        yield f"other programs were running: {100 * cost.processor:.0f} % of a processor was left for this"


def _whole(cost: Cost) -> str:
    if cost.steps is None or cost.seconds is None:
        return "no end can be foreseen: patience decides"
    return f"{counted(cost.steps, 'step')}, about {_brief(cost.seconds)}"


def _brief(seconds: float) -> str:
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)


def _bytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _verdict(report: Report) -> str:
    counts = {name: sum(one.severity == name for one in report.findings) for name in ("error", "warning", "note")}
    found = ", ".join(counted(count, name) for name, count in counts.items())
    if not report.faulty:
        return f"{found}: this data can be trained on"
    return f"{found}: mend the errors" + (", or training leaves these out" if report.trainable else " before you train")


def _tell(found: Repaired, thing: str, recipe: str, words: tuple[str, ...]) -> None:
    kept = " and ".join(f"{counted(count, thing)} of {part}" for part, count in found.kept.items())
    say(f"{shown_path(found.folder)} has {kept}; {told(found)}")
    parts = [f"data.{part}={corpus}" for part, corpora in found.corpora.items() for corpus in corpora]
    data = [name for name, leaf in shape(settings_of(recipe_of(recipe).task)).leaves.items() if leaf.kind == "corpora"]
    rest = [word for word in words if word.partition("=")[0] not in (*data, *OWN)]
    say(f"to train on it: melisma train {shlex.join([recipe, 'RUN', *parts, *rest])}")


# --- as JSON ----------------------------------------------------------------------------------------------------------


def _plain(report: Report) -> Mapping[str, Any]:
    things = f"{report.thing}s"
    coverage = None if report.coverage is None else asdict(report.coverage)
    return {
        things: dict(report.examples),
        "errors": report.faulty,
        "findings": [_finding(finding) for finding in report.findings],
        "sounds": {part: asdict(one) for part, one in report.sounds.items()} or None,
        "coverage": coverage and {things: coverage.pop("examples"), **coverage},
        "cost": None if report.cost is None else asdict(report.cost),
        "repaired": None if report.repaired is None else asdict(report.repaired),
        "unrepaired": report.unrepaired or None,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    told = {name: value for name, value in vars(finding).items() if name != "places"}
    return told | {"share": finding.share, "places": [place._asdict() for place in finding.places]}
