"""The lists are whole: whoever writes a new cell, layer or scorer puts it under the laws."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import fields
from itertools import combinations, product

import pytest
import torch
from laws.things import CELL_NAMES, FEW, LAYERS, VARIANTS, WINDOWS, a_cell, a_layer, a_model, classes_within
from torch import nn

import melisma.layers
from melisma.contract import is_gated
from melisma.layers.attention import ATTENTIONS
from melisma.layers.cells import CELLS
from melisma.ragged import Ragged
from melisma.settings.model import EncoderDecoderSettings


def written_in_layers(*verbs: str) -> set[type]:
    """Every module class of ``melisma.layers`` that has these methods."""
    found = set()
    for file in pkgutil.iter_modules(melisma.layers.__path__):
        module = importlib.import_module(f"melisma.layers.{file.name}")
        for _, written in inspect.getmembers(module, inspect.isclass):
            own = written.__module__ == module.__name__ and issubclass(written, nn.Module)
            if own and all(hasattr(written, verb) for verb in verbs):
                found.add(written)
    return found


def test_every_layer_is_in_the_list() -> None:
    assert written_in_layers("start", "feed", "flush") == {type(make()) for make in LAYERS.values()}


def test_every_cell_is_in_the_table() -> None:
    assert written_in_layers("start", "enter", "step") == {type(make(2, 2)) for make in CELLS.values()}


def test_every_scorer_is_in_the_table() -> None:
    assert written_in_layers("keys", "score") == set(ATTENTIONS.values())


def test_every_cell_stands_in_every_kind_of_layer() -> None:
    for kind in ("one way", "both ways", "thin one way"):
        for name in CELL_NAMES:
            within = classes_within(a_layer(f"{kind} {name}"))
            assert type(a_cell(name)) in within
    for kind in ("residual one way", "residual both ways", "thin both ways"):
        within = [a_cell(name) for name in CELL_NAMES if f"{kind} {name}" in LAYERS]
        assert {is_gated(cell) for cell in within} == {False, True}, "one has a loop of its own, one has not"


@pytest.mark.parametrize("name", LAYERS)
def test_what_is_listed_keeps_the_contract_of_a_layer(name: str) -> None:
    layer = a_layer(name)
    assert all(callable(getattr(layer, part)) for part in ("start", "feed", "flush"))
    assert layer.delay is None or layer.delay >= 0
    assert layer.ratio > 0


@pytest.mark.parametrize("name", CELL_NAMES)
def test_what_is_listed_keeps_the_contract_of_a_cell(name: str) -> None:
    cell = a_cell(name, 3, 5)
    assert all(callable(getattr(cell, part)) for part in ("start", "enter", "step"))
    assert (cell.input_size, cell.hidden_size) == (3, 5)
    state, y = cell.step(cell.start(2), cell.enter(torch.zeros(2, 3)))
    assert y.shape == (2, 5)
    assert type(state) is type(cell.start(2))
    assert torch.equal(state[0], y), "the output stands first in the state"


def test_the_fast_path_takes_the_cells_that_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    scanning = importlib.import_module("melisma.layers.scan")
    taken: list[str] = []
    fast = scanning.fast_loop
    for name in CELL_NAMES:
        monkeypatch.setattr(scanning, "fast_loop", lambda *parts, name=name: (taken.append(name), fast(*parts))[1])
        cell = a_cell(name, 3, 5)
        scanning.scan(cell, Ragged.of([torch.zeros(4, 3), torch.zeros(2, 3)]), cell.start(2))
        assert is_gated(cell) == (name in taken)
    assert set(taken) == {"elman", "gru_reset_after", "lstm"}


def test_settings_offer_what_the_tables_hold() -> None:
    choices = {field.name: field.metadata["meaning"].choices for field in fields(EncoderDecoderSettings)}
    assert set(choices["cell"]) == set(CELLS)
    assert set(choices["attention"]) == {"none", *ATTENTIONS}
    assert {settings.tied for settings in VARIANTS.values()} == set(choices["tied"])
    assert {settings.attention for settings in VARIANTS.values()} == set(choices["attention"])
    assert {settings.cell for settings in VARIANTS.values()} == set(choices["cell"])
    assert {settings.input for settings in VARIANTS.values()} == set(choices["input"])
    assert {settings.begin for settings in VARIANTS.values()} == set(choices["begin"])
    assert {settings.cell for settings in VARIANTS.values() if settings.weight_dropout} == set(choices["cell"])


def test_any_two_values_that_go_together_stand_in_a_model() -> None:
    crossed = ("attention", "cell", "input_feeding", "tied")
    values = {name: {getattr(settings, name) for settings in VARIANTS.values()} for name in crossed}
    for one, other in combinations(crossed, 2):
        met = {(getattr(settings, one), getattr(settings, other)) for settings in VARIANTS.values()}
        unmet = set(product(values[one], values[other])) - met
        assert unmet == ({("none", True)} if (one, other) == ("attention", "input_feeding") else set())
    read = {(settings.attention, settings.input_feeding) for name, settings in VARIANTS.items() if name in FEW}
    assert len(read) == 2 * len(values["attention"]) - 1, "each form once, of few models too"


def test_the_models_are_of_the_settings_that_name_them() -> None:
    assert a_model("deep general").settings.decoder_layers == 2
    assert len({repr(settings) for settings in VARIANTS.values()}) == len(VARIANTS)


def test_windows_overlap_touch_and_look_both_sides() -> None:
    assert any(width == stride for width, stride in WINDOWS)
    assert any(width > 2 * stride for width, stride in WINDOWS)
