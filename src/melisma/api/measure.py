"""Measuring a run on data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from melisma.api.data import learned_from
from melisma.api.model import Model, load
from melisma.errors import Refusal
from melisma.evaluation.evaluate import Evaluation
from melisma.evaluation.evaluate import evaluate as evaluate_on
from melisma.settings.read import build
from melisma.settings.translate import DataSettings


def evaluate(run: str | Path | Model, data: Any, **options: Any) -> Evaluation:
    """Measures a run (or a loaded model) on ``data``, written as ``data.train`` is; options are the search settings.

    Nothing is written. Refusal where the data or an option is not right, or the run is not whole.
    """
    model = run if isinstance(run, Model) else load(run)
    corpora = build(DataSettings, {"train": data}).train
    if not corpora:
        raise Refusal("there is no data to evaluate on; wanted is data=SOURCE,TARGET or data=TABLE")
    search = model.search(options)
    examples = model.task.examples(model.settings, corpora)
    found = evaluate_on(model.task, model.network, model.codec, search, examples)
    return replace(found, notes=tuple(learned_from(model.run, model.settings, corpora)))
