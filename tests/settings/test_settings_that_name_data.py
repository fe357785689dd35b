"""Which settings name data, for every task there is: what is learned from stands first."""

from __future__ import annotations

import pytest

from melisma.settings.leaves import shape
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
