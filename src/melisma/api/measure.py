"""Measuring a run on data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from melisma.api.device import threads
from melisma.api.familiar import familiar, sentences
from melisma.api.given import folder
from melisma.api.model import Model, load
from melisma.errors import Refusal
from melisma.evaluation.evaluate import Evaluation
from melisma.evaluation.evaluate import evaluate as evaluate_on
from melisma.settings.leaves import shape
from melisma.settings.read import build, with_values
from melisma.settings.values import convert


def evaluate(run: str | Path | Model, data: Any, *, device: str | None = None, **options: Any) -> Evaluation:
    """Measures a run (or a loaded model) on ``data``, written as ``data.train`` is; options are the search settings.

    What says how a table is read (``**{"data.source": "en"}``) and what is measured (``**{"data.measures": "chrf"}``)
    are options too: without them, as in training. ``device`` is that of ``load``. Nothing is written
    but what int8 costs, when that is first asked for. Refusal where the data or an option is not right, or the run is
    not whole.
    """
    if not isinstance(run, Model):
        run = folder(run)
    elif device is not None:
        raise Refusal(f"device={device} and a model that is loaded: wants load(run, device={device!r}), or a run")
    model = run if isinstance(run, Model) else load(run, device=device or "auto")
    columns = {name: options.pop(name) for name in shape(type(model.settings)).columns if name in options}
    named = replace(shape(type(model.settings.data)).leaves["train"], name="data")
    corpora = build(type(model.settings.data), {"train": convert(named, data)}).train
    if not corpora:
        raise Refusal("there is no data to evaluate on; wanted is data=SOURCE,TARGET or data=TABLE")
    search, settings = model.search(options), with_values(model.settings, columns)
    parts = [(corpus, *model.task.examples(settings, [corpus])) for corpus in corpora]
    examples = [example for _, some, _ in parts for example in some]
    dropped = tuple(sentence for _, _, said in parts for sentence in said)
    met = familiar(model.run, model.task, model.settings, [(corpus, some) for corpus, some, _ in parts])
    told, network = model.ready(options), model.answering(search)
    with threads(model.settings.training.threads):
        found = evaluate_on(model.task, network, model.codec, replace(settings, search=search), examples)
    return replace(
        found,
        notes=(*dropped, *sentences(met), *told),
        run=str(model.run.path),
        step=model.step,
        search=search,
        familiar=met,
        dropped=dropped,
    )
