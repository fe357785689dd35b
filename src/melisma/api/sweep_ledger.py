"""The results of a sweep, in a study of Optuna: what is finished is not done again, and Optuna's tools can read it.

Only an RDB storage is ever opened, which keeps numbers and JSON in tables.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.samplers import RandomSampler
from optuna.storages import RDBStorage
from optuna.trial import TrialState
from sqlalchemy.exc import SQLAlchemyError

from melisma.errors import Failure, Refusal
from melisma.evaluation.levers import Trained
from melisma.quoting import quoted, shown_path

FILE = "sweep.db"
LARGEST = 1e18  # of any value that is varied


def check_storage(out: Path, storage: str | None) -> None:
    """Refusal where the results cannot be kept; opens a storage that is not of the folder itself."""
    if storage is not None:
        _opened(out, storage)
    elif "?" in str(out):
        raise Refusal(f"{shown_path(out)} has a question mark in its name: wants another folder, or storage=…")


class Ledger:
    """The study of one sweep; many processes may add to it at once."""

    def __init__(self, out: Path, storage: str | None, study: str, higher: bool) -> None:
        self._where, opened = _opened(out, storage)
        try:
            self._study = optuna.create_study(
                storage=opened,
                study_name=study,
                sampler=RandomSampler(seed=0),  # no sampler is ever asked
                direction="maximize" if higher else "minimize",
                load_if_exists=True,
            )
        except (SQLAlchemyError, RuntimeError, ValueError) as error:
            raise Refusal(f"{self._where} cannot hold the results: {_reason(error)}") from None

    def results(self) -> dict[str, Trained]:
        """Every finished training by its name; entries that no sweep wrote are passed over."""
        try:
            trials = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        except SQLAlchemyError as error:
            raise Failure(f"{self._where} cannot be read: {_reason(error)}") from None
        found = {}
        for trial in trials:
            name, told = trial.user_attrs.get("name"), _trained(trial.user_attrs)
            if isinstance(name, str) and told is not None:
                found[name] = told
        return found

    def add(self, name: str, params: Mapping[str, float], measure: str, found: Trained | str) -> None:
        """Writes down what a training came to, or why it failed."""
        distributions: dict[str, BaseDistribution] = {key: _distribution(value) for key, value in params.items()}
        attributes: dict[str, Any] = {"name": name}
        if isinstance(found, str):
            attributes["failed"] = found[:1000]
        else:
            attributes |= {"scores": dict(found.scores), "step": found.step, "seconds": found.seconds}
            attributes["parameters"] = found.parameters
        trial = optuna.create_trial(
            state=TrialState.FAIL if isinstance(found, str) else TrialState.COMPLETE,
            value=None if isinstance(found, str) else found.scores[measure],
            params=dict(params),
            distributions=distributions,
            user_attrs=attributes,
        )
        try:
            self._study.add_trial(trial)
        except SQLAlchemyError as error:
            raise Failure(
                f"{self._where} cannot be written to: {_reason(error)}; the training itself is saved"
            ) from None


def _opened(out: Path, storage: str | None) -> tuple[str, RDBStorage]:
    """What to call a storage, and the storage itself; Refusal where it is none."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    where = shown_path(out / FILE) if storage is None else f"storage={_shown(storage)}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return where, RDBStorage(storage or f"sqlite:///{out / FILE}")
    except ImportError:
        raise Refusal(f"{where}: the Python package that reads such a database is not installed") from None
    except (SQLAlchemyError, RuntimeError, ValueError) as error:
        raise Refusal(f"{where} cannot be opened as a database of Optuna: {_reason(error)}") from None


def _distribution(value: float) -> BaseDistribution:
    return IntDistribution(0, int(LARGEST)) if isinstance(value, int) else FloatDistribution(0, LARGEST)


def _trained(told: Mapping[str, Any]) -> Trained | None:
    scores, step, seconds, parameters = (told.get(name) for name in ("scores", "step", "seconds", "parameters"))
    if not isinstance(scores, dict) or type(step) is not int or type(parameters) is not int:
        return None
    numbers = [seconds, *scores.values()]
    if seconds is None or not all(type(value) in (int, float) and math.isfinite(value) for value in numbers):
        return None
    return Trained({str(name): float(value) for name, value in scores.items()}, step, float(seconds), parameters)


def _reason(error: Exception) -> str:
    text = str(getattr(error, "orig", None) or error).split("\n")[0]
    return quoted(text, 160)


def _shown(storage: str) -> str:
    """An address without what stands before its host: a password is nothing for a screen."""
    scheme, _, rest = storage.partition("://")
    return quoted(f"{scheme}://{rest.partition('?')[0].rpartition('@')[2]}", 160)
