"""Measuring a run on data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from melisma.api.device import threads
from melisma.api.familiar import familiar, learned, sentences
from melisma.api.given import folder
from melisma.api.model import Model, load
from melisma.errors import Refusal
from melisma.evaluation.evaluate import Evaluation
from melisma.evaluation.evaluate import evaluate as evaluate_on
from melisma.evaluation.spoken import details
from melisma.quoting import named
from melisma.settings.leaves import shape
from melisma.settings.names import naming_data
from melisma.settings.read import build, with_values
from melisma.settings.values import convert
from melisma.task import Details


def evaluate(run: str | Path | Model, *data: Any, device: str | None = None, **options: Any) -> Evaluation:
    """Measures a run (or a loaded model) on ``data`` (also as ``data=…``), written as ``data.train`` is.

    Options are the search settings. What says how a table is read and what is measured are options too, nested
    (``data={"measures": "chrf"}``) or dotted (``**{"data.source": "en"}``): without them, as in training. ``device`` is
    that of ``load``. Nothing is written but what int8 costs, when that is first asked for. Refusal where the data or an
    option is not right, or the run is not whole.
    """
    if not isinstance(run, Model):
        run = folder(run)
    elif device is not None:
        raise Refusal(f"device={device} and a model that is loaded: wants load(run, device={device!r}), or a run")
    model = run if isinstance(run, Model) else load(run, device=device or "auto")
    given, options = _given(model, data, options)
    columns = _columns(options, shape(type(model.settings)).columns)
    corpora = parts_of(model, given)
    search, settings = model.search(options), with_values(model.settings, columns)
    parts = [(corpus, *examples_of(model, settings, asked)) for corpus, asked in corpora]
    examples = [example for _, some, _ in parts for example in some]
    dropped = tuple(sentence for _, _, said in parts for sentence in said)
    met = familiar(model.run, model.task, model.settings, [(corpus, some) for corpus, some, _ in parts])
    told, network = model.ready(options), model.answering(search)
    with threads(model.settings.training.threads):
        found = evaluate_on(model.task, network, model.codec, replace(settings, search=search), examples)
    return replace(
        found,
        notes=(*dropped, *found.notes, *sentences(met, model.task.example), *told),
        run=str(model.run.path),
        step=model.step,
        search=search,
        details=found.details or _errors(model, found, examples),
        familiar=met,
        dropped=(*dropped, *found.notes),
    )


def _errors(model: Model, found: Evaluation, examples: Sequence[Any]) -> Details | None:
    """Errors by kind where recordings were transcribed, and where speakers are known by whom the training heard."""
    if (model.task.takes, model.task.gives) != ("recording", "text"):
        return None
    texts, speakers = [answer.text for answer in found.answers], [one.speaker for one in examples]
    known, why = learned(model.run, model.task, model.settings) if any(speakers) else ((), "")
    trained = {one.speaker for one in known if one.speaker is not None}
    told = details(list(found.measures), texts, model.task.references(examples), speakers, trained or None)
    return told if told is None or not why else told._replace(sentences=(*told.sentences, why))


def examples_of(model: Model, settings: Any, asked: Any) -> tuple[list[Any], list[str]]:
    """The examples of a part, as the model knows them, and what to say of them; ``asked`` is one of ``parts_of``."""
    found, notes = model.task.examples(settings, asked)
    known, told = model.task.known(model.codec, found)
    return known, [*notes, *told]


def parts_of(model: Model, given: Any) -> list[tuple[tuple[str, ...], Any]]:
    """Each corpus to measure on, and how the task's ``examples`` is asked for it alone; Refusal where there is none.

    ``given`` is written as ``data.train`` is, or where the task has several kinds of data {kind: as ``data.KIND``}.
    """
    data, kinds = type(model.settings.data), shape(type(model.settings)).kinds
    leaves = shape(data).leaves
    if not kinds:
        corpora = build(data, {"train": convert(replace(leaves["train"], name="data"), given)}).train
        found: list[tuple[tuple[str, ...], Any]] = [(corpus, [corpus]) for corpus in corpora]
    else:
        if not isinstance(given, Mapping) or not set(given) <= set(kinds):
            raise Refusal(f"this run is measured on {_and_others(kinds)}: wants data.{kinds[0]}=… and the like")
        named_ones = {kind: convert(replace(leaves[kind], name=f"data.{kind}"), given[kind]) for kind in given}
        made = build(data, named_ones)
        asked: dict[tuple[str, ...], dict[str, Any]] = {}  # what is given as several kinds tells itself what it is
        for kind in (one for one in kinds if one in given):
            for corpus in getattr(made, kind):
                asked.setdefault(corpus, {})[kind] = (corpus,)
        found = list(asked.items())
    if not found:
        wanted = " and ".join(f"data.{kind}=…" for kind in kinds) or "data=SOURCE,TARGET or data=TABLE"
        raise Refusal(f"there is no data to evaluate on; wanted is {wanted}")
    return found


def _and_others(kinds: Sequence[str]) -> str:
    return f"{', '.join(kinds[:-1])} and {kinds[-1]} data"


def _given(model: Model, data: Sequence[Any], options: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """What to measure on, and the options with the nested settings of the group ``data`` dotted."""
    rest, corpora = dict(options), list(data)
    if "data" in rest:
        nested = rest.pop("data")
        if isinstance(nested, Mapping):
            rest |= {f"data.{name}": value for name, value in nested.items()}
        else:
            corpora.append(nested)
    kinds = shape(type(model.settings)).kinds
    if kinds and not corpora:
        return {kind: rest.pop(f"data.{kind}") for kind in kinds if f"data.{kind}" in rest}, rest
    if len(corpora) != 1:
        for other in filter(None, (naming_data(name, ("data",)) for name in rest)):
            raise other
        found = f"{len(corpora)} corpora are given to measure on" if corpora else "there is no data to evaluate on"
        raise Refusal(f'{found}: wants evaluate(run, ("a.en", "a.de")), several corpora in a list')
    return corpora[0], rest


def _columns(options: dict[str, Any], known: Sequence[str]) -> dict[str, Any]:
    """Takes what an evaluation may say anew of ``data`` out of the options; Refusal where such a name is not right."""
    found = {name: options.pop(name) for name in known if name in options}
    for name in options:
        meant = [one for one in known if one.rpartition(".")[2] == name.rpartition(".")[2]]
        if meant:
            inside = meant[0].partition(".")[2]
            raise Refusal(f'unknown setting {named(name)}: did you mean data={{"{inside}": …}}, which is {meant[0]}?')
        if name.startswith("data."):
            raise Refusal(f"unknown setting {named(name)}: an evaluation takes {', '.join(known)}")
        if name == "step":
            raise Refusal("step is no option of evaluate: wants evaluate(melisma.load(run, step), …)")
    return found
