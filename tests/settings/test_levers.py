"""The levers of a sweep: which values they take, and which they refuse."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.settings.levers import LEVERS, effort, levels, own_value
from melisma.settings.read import build, flat
from melisma.settings.sweep import SweepSettings
from melisma.settings.translate import TranslateSettings
from melisma.tasks.recipe import recipes


def settings(**values: Any) -> TranslateSettings:
    return build(TranslateSettings, {name.replace("__", "."): value for name, value in values.items()})


def labels(lever: str, points: int, **values: Any) -> list[str]:
    return [one.label for one in levels(lever, settings(**values), points)]


def test_the_values_are_doublings_around_the_recipes_own() -> None:
    assert labels("data", 4) == ["12.5 %", "25 %", "50 %", "100 %"]
    assert labels("hidden", 4, model__hidden=128) == ["32", "64", "128", "256"]
    assert labels("epochs", 4) == ["5", "10", "20", "40"]
    assert labels("batch", 5) == ["625", "1,250", "2,500", "5,000", "10,000"]


def test_there_is_no_half_epoch_and_never_more_than_all_data() -> None:
    assert labels("epochs", 4, training__epochs=2) == ["1", "2", "4", "8"]
    assert labels("epochs", 3, training__epochs=1) == ["1", "2", "4"]
    assert labels("data", 3, data__share=0.5) == ["12.5 %", "25 %", "50 %"]


def test_steps_are_moved_where_they_end_the_training() -> None:
    found = levels("epochs", settings(training__epochs=None, training__steps=60), 3)
    assert [one.changes for one in found] == [{"training.steps": 30}, {}, {"training.steps": 120}]


@given(st.sampled_from(LEVERS), st.integers(2, 8), st.integers(1, 40))
def test_each_value_is_twice_the_one_before_and_the_own_is_among_them(lever: str, points: int, epochs: int) -> None:
    found = levels(lever, settings(training__epochs=epochs), points)
    assert len(found) == points
    assert [one.factor for one in found if one.own] == [1]
    assert all(after.factor == 2 * before.factor for before, after in pairwise(found))
    assert all(after.value > before.value for before, after in pairwise(found))


@pytest.mark.parametrize("name", [name for name, one in recipes().items() if one.task == "translate"])
@pytest.mark.parametrize("lever", LEVERS)
def test_every_recipe_takes_every_lever_at_its_usual_values(name: str, lever: str) -> None:
    own = build(TranslateSettings, recipes()[name].settings)
    for level in levels(lever, own, 4):
        made = build(TranslateSettings, flat(own), level.changes)
        assert own_value(lever, made) == pytest.approx(level.value, rel=0.2)


@pytest.mark.parametrize("both", [True, False])
def test_widths_that_must_agree_go_on_agreeing(both: bool) -> None:
    own = settings(
        model__hidden=60, model__encoder_hidden=30 if both else 60, model__bidirectional=both, model__attention="dot"
    )
    for level in levels("hidden", own, 5):
        made = build(TranslateSettings, flat(own), level.changes)
        assert made.model.hidden == made.model.memory


def test_a_model_of_one_hot_rows_has_no_embedding_to_scale() -> None:
    own = settings(model__input="one_hot", model__tied="none")
    changes = levels("hidden", own, 2)[1].changes
    assert "model.embedding" not in changes
    assert changes["model.hidden"] == 1024


def test_a_value_says_how_it_is_typed() -> None:
    assert levels("batch", settings(), 2)[0].words == "training.batch_tokens=1250"


def test_what_takes_longer_is_said_to() -> None:
    own = settings()
    for lever, sign in {"data": 1, "hidden": 1, "epochs": 1, "batch": -1}.items():
        found = [sign * effort(level, own) for level in levels(lever, own, 4)]
        assert found == sorted(found)
        assert len(set(found)) == 4
    steps = settings(training__epochs=None, training__steps=9)
    assert {effort(level, steps) for level in levels("data", steps, 4)} == {1.0}


@pytest.mark.parametrize(
    ("lever", "values", "said"),
    [
        ("epochs", {"training__minutes": 3}, "training.minutes=3"),
        ("epochs", {"training__epochs": None, "training__patience": 3}, "patience alone"),
        ("epochs", {"training__steps": 50}, "both training.epochs and training.steps"),
        ("hidden", {"model__hidden": 2, "model__embedding": 2, "model__encoder_hidden": 2}, "two of them the same"),
    ],
)
def test_what_a_recipe_cannot_do_is_refused(lever: str, values: dict[str, Any], said: str) -> None:
    with pytest.raises(Refusal, match=said):
        levels(lever, settings(**values), 5)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"vary": "data,hiden"}, "did you mean hidden"),
        ({"vary": ""}, "names no lever"),
        ({"vary": "data,data"}, "twice"),
        ({"seeds": "1"}, "2 to 20"),
        ({"points": "1"}, "2 to 8"),
        ({"processes": "0"}, "1 to 256"),
        ({"storage": "results.db"}, "sqlite:///results.db"),
    ],
)
def test_what_is_no_sweep_is_refused(values: dict[str, str], said: str) -> None:
    with pytest.raises(Refusal, match=said):
        build(SweepSettings, values)
