"""Measuring a run on data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from melisma.api.data import learned_from
from melisma.api.device import threads
from melisma.api.model import Model, load
from melisma.errors import Refusal
from melisma.evaluation.evaluate import Evaluation
from melisma.evaluation.evaluate import evaluate as evaluate_on
from melisma.settings.leaves import shape
from melisma.settings.read import build, with_values


def evaluate(run: str | Path | Model, data: Any, *, device: str | None = None, **options: Any) -> Evaluation:
    """Measures a run (or a loaded model) on ``data``, written as ``data.train`` is; options are the search settings.

    What says how a table is read (``**{"data.source": "en"}``) is an option too: without it, as in training. ``device``
    is that of ``load``. Nothing is written. Refusal where the data or an option is not right, or the run is not whole.
    """
    if isinstance(run, Model) and device is not None:
        raise Refusal(f"device={device} and a model that is loaded: wants load(run, device={device!r}), or a run")
    model = run if isinstance(run, Model) else load(run, device=device or "auto")
    columns = {name: options.pop(name) for name in shape(type(model.settings)).columns if name in options}
    corpora = build(type(model.settings.data), {"train": data}).train
    if not corpora:
        raise Refusal("there is no data to evaluate on; wanted is data=SOURCE,TARGET or data=TABLE")
    search = model.search(options)
    examples, dropped = model.task.examples(with_values(model.settings, columns), corpora)
    with threads(model.settings.training.threads):
        found = evaluate_on(model.task, model.network, model.codec, search, examples)
    return replace(found, notes=(*dropped, *learned_from(model.run, model.settings, corpora)))
