"""Which settings name data, for every task there is: what is learned from stands first."""

from __future__ import annotations

import pytest

from melisma.errors import Refusal
from melisma.settings.leaves import shape
from melisma.settings.names import naming_data
from melisma.settings.read import build
from melisma.settings.words import assignments
from melisma.tasks import SETTINGS, settings_of


@pytest.mark.parametrize("task", SETTINGS)
def test_what_names_data_is_learned_from_or_validated_on(task: str) -> None:
    found = shape(settings_of(task))
    rest = found.corpora[len(found.learned) :]
    assert found.corpora == (*found.learned, *rest)
    assert found.learned
    assert all(name.removeprefix("data.").startswith("valid") for name in rest)
    assert all(found.leaves[name].kind == "corpora" for name in found.corpora)
    assert len(rest) == len(found.learned), "each kind of data has its own to validate on"


def test_trigger_words_have_three_kinds_of_data_and_other_tasks_one() -> None:
    assert shape(settings_of("trigger")).learned == ("data.positive", "data.negative", "data.background")
    assert shape(settings_of("transcribe")).corpora == ("data.train", "data.valid")


@pytest.mark.parametrize(
    ("task", "name", "wanted"),
    [
        ("trigger", "data", "data.positive=…, data.negative=… and data.background=…"),
        ("trigger", "data.train", "data.positive=…, data.negative=… and data.background=…"),
        ("trigger", "data.valid", "data.valid_positive=…, data.valid_negative=… and data.valid_background=…"),
        ("transcribe", "data.positive", "data.train=…"),
        ("transcribe", "data.valid_negative", "data.valid=…"),
        ("translate", "data", "data.train=…"),
    ],
)
def test_the_data_of_another_task_is_told_its_right_name(task: str, name: str, wanted: str) -> None:
    with pytest.raises(Refusal) as typed:
        assignments([f"{name}=some"], shape(settings_of(task)).names, strict=True)
    with pytest.raises(Refusal) as called:
        build(settings_of(task), {name: "some"})
    assert str(typed.value) == str(called.value) == f"found {name}: here data is given as {wanted}"


def test_an_evaluation_says_how_its_data_is_given() -> None:
    kinds = shape(settings_of("trigger")).learned
    assert (
        str(naming_data("data", kinds))
        == f"found data: here data is given as {kinds[0]}=…, {kinds[1]}=… and {kinds[2]}=…"
    )
    assert str(naming_data("data.positive", ("data", "report"))) == "found data.positive: here data is given as data=…"
    assert naming_data("data.text", ("data", "report")) is None
