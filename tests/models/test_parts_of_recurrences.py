"""What recurrent encoder-decoders can be made of: one-hot symbols, states that begin otherwise, weights left out in training."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from laws.things import FEW, FIRST, LAST, SMALL, SYMBOLS, VARIANTS, a_model, shaken, some_symbols
from torch import Generator, Tensor, nn

from melisma.layers.embedding import Embedding, OneHot
from melisma.layers.mogrifier import Mogrifier
from melisma.models.encoder_decoder import EncoderDecoder
from melisma.ragged import Ragged
from melisma.search import Bounds, greedy
from melisma.settings.model import EncoderDecoderSettings

SOURCES, TARGETS = [3, 1, 5, 4], [2, 6, 1, 4]
OTHER_SYMBOLS = 8  # of the targets, where both sides are to differ


def seeded(seed: int = 1) -> Generator:
    return Generator().manual_seed(seed)


def made(symbols: int = SYMBOLS, **given: Any) -> EncoderDecoder:
    torch.manual_seed(0)
    model: EncoderDecoder = shaken(EncoderDecoder(SYMBOLS, symbols, replace(SMALL, **given)))
    return model


def pairs(symbols: int = SYMBOLS) -> tuple[Ragged, Ragged, Tensor]:
    answers = [[min(symbol, symbols - 1) for symbol in answer] for answer in some_symbols(2, TARGETS)]
    heard, wanted = [[FIRST, *answer] for answer in answers], [[*answer, LAST] for answer in answers]
    return (
        Ragged.of_symbols(some_symbols(1, SOURCES)),
        Ragged.of_symbols(heard),
        Ragged.of_symbols(wanted).rows,
    )


def trained(model: EncoderDecoder, random: Generator | None, symbols: int = SYMBOLS) -> Tensor:
    source, heard, wanted = pairs(symbols)
    return model.loss(source, heard, wanted, smoothing=0.1, rows=None, random=random).trained


# --- one-hot ------------------------------------------------------------------------------------------------------------


def identity(symbols: int) -> Embedding:
    """An embedding that is the identity matrix."""
    embedding = Embedding(symbols, symbols)
    embedding.weight, embedding.scale = nn.Parameter(torch.eye(symbols), requires_grad=False), 1.0
    return embedding


@pytest.mark.parametrize("attention", ["general", "fixed", "none"])
@pytest.mark.parametrize("drawn", [False, True])
def test_one_hot_symbols_are_an_embedding_that_is_the_identity_matrix(attention: str, drawn: bool) -> None:
    """Both sides with vocabularies of their own; masks are drawn alike."""
    one = made(OTHER_SYMBOLS, input="one_hot", tied="none", attention=attention)
    other = made(OTHER_SYMBOLS, input="one_hot", tied="none", attention=attention)
    other.embed_source, other.embed_target = identity(SYMBOLS), identity(OTHER_SYMBOLS)
    losses = [trained(model, seeded() if drawn else None, OTHER_SYMBOLS) for model in (one, other)]
    torch.testing.assert_close(losses[0], losses[1], rtol=0, atol=0)
    gradients = [
        torch.autograd.grad(loss, [p for p in model.parameters() if p.requires_grad])
        for loss, model in zip(losses, (one, other))
    ]
    for found, wanted in zip(*gradients, strict=True):
        assert torch.equal(found, wanted)


def test_one_hot_answers_are_those_of_the_identity_matrix_too() -> None:
    one, other = (made(OTHER_SYMBOLS, input="one_hot", tied="none") for _ in range(2))
    other.embed_source, other.embed_target = identity(SYMBOLS), identity(OTHER_SYMBOLS)
    answers = []
    for model in (one, other):
        step, state = model.start(pairs()[0])
        answers.append(greedy(step, state, Bounds(FIRST, LAST, torch.full((4,), 7))))
    for found, wanted in zip(*answers, strict=True):
        assert (found.symbols, found.log_probabilities) == (wanted.symbols, wanted.log_probabilities)


def test_one_hot_models_hold_no_matrix_to_read_by() -> None:
    model = made(OTHER_SYMBOLS, input="one_hot", tied="none")
    assert isinstance(model.embed_source, OneHot)
    assert not [name for name, _ in model.named_parameters() if name.startswith("embed")]
    cells: Any = [model.encoder.layers[1].forward_cell, model.decoder.layers[1].cell]
    assert [cell.input_size for cell in cells] == [SYMBOLS, OTHER_SYMBOLS]
    assert model.state_dict().keys() == dict(model.named_parameters()).keys(), "nothing is saved but parameters"


# --- how states begin -----------------------------------------------------------------------------------------------------


def first_states(model: EncoderDecoder) -> list[Tensor]:
    """The tensors of all recurrent layers' states before the first step."""
    memory = model.encode(pairs()[0])
    state: Any = model.begin(memory)
    return [leaf for layer in state.layers.layers for leaf in layer if isinstance(leaf, Tensor)]


def test_zero_begins_with_zeros_and_without_parameters() -> None:
    model = made(begin="zero", decoder_layers=2)
    leaves = first_states(model)
    assert [leaf.shape for leaf in leaves] == [(4, SMALL.hidden)] * 4
    assert not any(bool(leaf.any()) for leaf in leaves)
    assert not [name for name, _ in model.named_parameters() if name.startswith(("bridge", "beginnings"))]


def test_learned_begins_every_sentence_with_the_same_vectors_one_a_state() -> None:
    model = made(begin="learned", decoder_layers=2)
    leaves = first_states(model)
    assert len(model.beginnings) == len(leaves) == 4
    for leaf, vector in zip(leaves, model.beginnings, strict=True):
        assert all(torch.equal(row, vector) for row in leaf)
    assert len({tuple(vector.tolist()) for vector in model.beginnings}) == 4
    trained(model, None).backward()
    assert all(vector.grad is not None and bool(vector.grad.any()) for vector in model.beginnings)
    assert not [name for name, _ in model.named_parameters() if name.startswith("bridge")]
    torch.manual_seed(0)
    fresh = EncoderDecoder(SYMBOLS, SYMBOLS, replace(SMALL, begin="learned"))
    assert not any(bool(vector.any()) for vector in fresh.beginnings), "a new model begins with zeros"


def test_the_bridge_makes_states_of_the_source() -> None:
    model = made()
    summary = model.encode(pairs()[0]).summary
    wanted = [torch.tanh(summary @ bridge.weight.t() + bridge.bias) for bridge in model.bridge]  # type: ignore[operator, union-attr]
    for leaf, expected in zip(first_states(model), wanted, strict=True):
        torch.testing.assert_close(leaf, expected)


def test_a_model_without_the_setting_begins_as_it_always_did() -> None:
    assert EncoderDecoderSettings().begin == "bridge"
    names = [name for name, _ in made().named_parameters()]
    assert sorted(name for name in names if "bridge" in name) == [
        f"bridge.{number}.{part}" for number in (0, 1) for part in ("bias", "weight")
    ]
    assert not [name for name in names if "beginnings" in name]


# --- weights that are left out ----------------------------------------------------------------------------------------------


def still(**given: Any) -> dict[str, Any]:
    return {"dropout": 0.0, "embedding_dropout": 0.0, "word_dropout": 0.0, "output_dropout": 0.0} | given


@pytest.mark.parametrize("fed", [False, True])
@pytest.mark.parametrize("where", ["encoder", "decoder"])
def test_weights_of_every_half_are_left_out(where: str, fed: bool) -> None:
    """A recurrent matrix that is zero has nothing to leave out: then the other half's shows."""
    model = made(**still(weight_dropout=0.4, input_feeding=fed))
    assert not torch.equal(trained(model, seeded(1)), trained(model, None))
    silent = "decoder" if where == "encoder" else "encoder"
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith(silent) and name.endswith("recurrent"):
                parameter.zero_()
    assert not torch.equal(trained(model, seeded(1)), trained(model, None))
    assert not torch.equal(trained(model, seeded(1)), trained(model, seeded(2)))
    assert torch.equal(trained(model, seeded(1)), trained(model, seeded(1)))


def test_no_weight_is_left_out_while_answering() -> None:
    thin, whole = made(**still(weight_dropout=0.9)), made(**still())
    assert torch.equal(trained(thin, None), trained(whole, None))
    answers = []
    for model in (thin, whole):
        step, state = model.start(pairs()[0])
        answers.append(greedy(step, state, Bounds(FIRST, LAST, torch.full((4,), 7))))
    assert [one.log_probabilities for one in answers[0]] == [one.log_probabilities for one in answers[1]]


def test_a_step_by_step_decoder_keeps_one_mask_for_all_steps() -> None:
    """Input feeding goes step by step: the mask of the first step must be that of the last."""
    model = made(**still(weight_dropout=0.4, input_feeding=True, cell="elman"))
    memory = model.encode(pairs()[0])
    state: Any = model.begin(memory, seeded())
    before = state.layers.layers[1].mask
    for _ in range(3):
        vectors = model.embed_target.vectors(torch.full((4,), 3))
        state, _, _ = model.advance(memory, state, vectors)
        assert state.layers.layers[1].mask is before


# --- the Mogrifier's rounds -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rounds", [1, 2, 3, 6])
def test_the_rounds_are_those_of_the_settings(rounds: int) -> None:
    model = made(cell="mogrifier", mogrifier_rounds=rounds)
    cells = [module for module in model.modules() if isinstance(module, Mogrifier)]
    assert [cell.rounds for cell in cells] == [rounds] * 3
    for cell in cells:
        assert len(cell.by_memory) == (rounds + 1) // 2
        assert (len(cell.by_input) if rounds > 1 else cell.by_input) == (rounds // 2 or None)


def test_each_round_changes_what_is_said() -> None:
    torch.manual_seed(0)
    cell = Mogrifier(3, 5, 6)
    x, state = torch.randn(2, 3), type(cell.start(1))(torch.randn(2, 5), torch.randn(2, 5))
    said = []
    for rounds in range(7):
        cell.rounds = rounds
        said.append(cell.step(state, x)[1])
    assert all(not torch.allclose(one, other) for one, other in pairwise(said))
    with torch.no_grad():  # an even round matters only through memory, an odd one only through input
        cell.rounds = 2
        cell.by_input.zero_()
    torch.testing.assert_close(cell.step(state, x)[1], said[1])
    with pytest.raises(ValueError, match="0 rounds is an LSTM"):
        Mogrifier(3, 5, 0)


@pytest.mark.parametrize("name", FEW)
def test_a_model_built_without_values_takes_saved_ones(name: str) -> None:
    """As a run is loaded: nothing may hide where no saved weight reaches it."""
    model = a_model(name)
    with torch.device("meta"):
        empty = EncoderDecoder(SYMBOLS, SYMBOLS, VARIANTS[name])
    empty.load_state_dict(dict(model.named_parameters(remove_duplicate=False)), assign=True)
    empty = empty.to("cpu")
    assert torch.equal(trained(empty, seeded()), trained(model, seeded()))


def test_these_models_stand_under_the_laws() -> None:
    for name in ("one-hot general", "begin learned fed", "thin mogrifier", "mogrifier of 1"):
        assert a_model(name).settings == VARIANTS[name]
