"""The precision of products: chosen once, by a clear margin, for a large model alone; written down, kept, given back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from command.drill import DATA, TINY, record, typed

from melisma.api import sweep as sweeping
from melisma.checks import dry_run
from melisma.settings.sweep import SweepSettings
from melisma.training import descent, precision
from melisma.training.precision import chosen, multiplying

LARGE = [(3000, 2000), (3000,)]
SMALL = [(300, 200), (300,)]


def held() -> str:
    """What torch rounds the numbers of a product to."""
    return str(torch.backends.mkldnn.matmul.fp32_precision)  # type: ignore[attr-defined]


def measured(monkeypatch: pytest.MonkeyPatch, gain: float) -> list[tuple[int, ...]]:
    """Has every measurement find this gain; what was measured is kept."""
    asked: list[tuple[int, ...]] = []

    def found(shape: tuple[int, ...]) -> float:
        asked.append(shape)
        return gain

    monkeypatch.setattr(precision, "gain", found)
    return asked


def test_rounding_ends_with_the_step_however_that_ends() -> None:
    before = held()
    seen: list[str] = []

    def step() -> None:
        with multiplying("bfloat16"):
            seen.append(held())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        step()
    assert (seen, held()) == (["bf16"], before)
    for other in ("auto", "float32"):
        with multiplying(other):
            assert held() == before


@pytest.mark.parametrize(("gain", "wanted"), [(0.6, "auto"), (1.0, "auto"), (1.14, "auto"), (1.16, "bfloat16")])
def test_only_a_clear_margin_decides(monkeypatch: pytest.MonkeyPatch, gain: float, wanted: str) -> None:
    asked = measured(monkeypatch, gain)
    assert chosen("auto", LARGE) == wanted
    assert asked == [(3000, 2000)], "the largest product is measured, once"


def test_small_models_and_given_precisions_are_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = measured(monkeypatch, 9.0)
    assert chosen("auto", SMALL) == "auto"
    assert [chosen(given, LARGE) for given in ("float32", "bfloat16")] == ["float32", "bfloat16"]
    assert not asked


def test_a_torch_that_cannot_round_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "can_round", lambda: False)
    asked = measured(monkeypatch, 9.0)
    before = held()
    with multiplying("bfloat16"):
        assert held() == before
    assert chosen("auto", LARGE) == "auto"
    assert not asked


def test_a_measurement_leaves_products_as_they_were() -> None:
    before = held()
    assert precision.gain((20, 10)) > 0
    assert held() == before


def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The precision of every step that is taken."""
    found: list[str] = []

    def told(given: str) -> Any:
        found.append(given)
        return multiplying(given)

    monkeypatch.setattr(descent, "multiplying", told)
    return found


def test_what_was_chosen_is_written_down_and_kept(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "SMALLEST", 0)
    asked, steps = measured(monkeypatch, 2.0), seen(monkeypatch)
    said = typed("train", "translate", "run", DATA, *TINY, "training.steps=4")
    assert "training.precision=bfloat16" in said.err
    assert json.loads((here / "run" / "run.json").read_text())["settings"]["training"]["precision"] == "bfloat16"
    assert steps == ["bfloat16"] * 4
    typed("resume", "run", "training.steps=6")
    assert len(asked) == 1, "what was chosen when a training began is not asked again"
    assert steps == ["bfloat16"] * 6


SWEEP = ("sweep", "translate", "out", DATA, *TINY, "training.epochs=1", "vary=hidden", "points=2")


def told(run: Path) -> str:
    """The precision that a run says it was trained in."""
    return str(record(run)["settings"]["training"]["precision"])


def test_all_trainings_of_a_sweep_have_one_precision(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "SMALLEST", 0)
    asked, steps = measured(monkeypatch, 2.0), seen(monkeypatch)
    said = typed(*SWEEP, "seeds=2")
    assert said.code == 0, said.err
    assert "training.precision=bfloat16" in said.err
    later = measured(monkeypatch, 1.0)  # the machine is otherwise now
    assert typed(*SWEEP, "seeds=3").code == 0
    assert (asked, later) == ([(259, 8)], []), "it is measured once, for the recipe's own widths"
    assert [told(run) for run in sorted((here / "out" / "trials").iterdir())] == ["bfloat16"] * 6
    assert set(steps) == {"bfloat16"}


def begun(out: Path) -> sweeping.Sweep:
    words = dict(word.split("=") for word in (DATA, *TINY, "training.epochs=1"))
    made = sweeping.Sweep("translate", out, SweepSettings(vary=("hidden",), points=2, seeds=2), (words,))
    made.prepare()
    return made


def test_a_sweep_that_gains_nothing_by_it_leaves_no_training_a_choice(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "SMALLEST", 0)
    asked = measured(monkeypatch, 1.0)
    made = begun(here / "out")
    assert {made._given(trial)["training.precision"] for trial in made.trials.values()} == {"float32"}
    assert len(asked) == 1
    assert not made.notes
    plan = here / "out" / "sweep.json"
    before = json.loads(plan.read_text())
    del before["precision"]  # as a sweep of before has none
    plan.write_text(json.dumps(before))
    again = begun(here / "out")
    assert {again._given(trial)["training.precision"] for trial in again.trials.values()} == {"auto"}


@pytest.mark.parametrize(("gain", "wanted"), [(2.0, "bfloat16"), (1.0, "auto")])
def test_a_dry_run_times_the_precision_of_the_training(
    here: Path, monkeypatch: pytest.MonkeyPatch, gain: float, wanted: str
) -> None:
    steps = seen(monkeypatch)
    monkeypatch.setattr(dry_run, "ENOUGH", 0.0)
    assert typed("check", "translate", DATA, *TINY).code == 0
    assert set(steps) == {"auto"}, "too small to be measured"
    monkeypatch.setattr(precision, "SMALLEST", 0)
    asked = measured(monkeypatch, gain)
    steps.clear()
    assert typed("check", "translate", DATA, *TINY).code == 0
    assert set(steps) == {wanted}
    assert len(asked) == 1


def test_a_training_that_began_in_float32_goes_on_in_it(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = seen(monkeypatch)
    typed("train", "translate", "run", DATA, *TINY, "training.steps=2")
    monkeypatch.setattr(precision, "SMALLEST", 0)
    asked = measured(monkeypatch, 2.0)
    typed("resume", "run", "training.steps=3")
    assert not asked
    assert steps == ["auto"] * 3
