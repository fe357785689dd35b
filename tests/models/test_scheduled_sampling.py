"""Scheduled sampling: nothing of it is teacher forcing, all of it hears the model alone, and coins are drawn by name."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from laws.things import FEW, FIRST, LAST, VARIANTS, a_model, some_symbols
from torch import Generator, Tensor
from torch.nn import functional

from melisma.models.encoder_decoder import EncoderDecoder
from melisma.ragged import Ragged

SOURCES, TARGETS = [3, 1, 5, 4], [2, 6, 1, 4]
NEVER = 1e-12  # a coin that never falls so, yet goes the way of those that do
FORMS = [name for name in FEW if VARIANTS[name].decoder == "recurrent"]


def pairs() -> tuple[Ragged, Ragged, Ragged]:
    answers = some_symbols(2, TARGETS)
    heard, wanted = [[FIRST, *answer] for answer in answers], [[*answer, LAST] for answer in answers]
    return Ragged.of_symbols(some_symbols(1, SOURCES)), Ragged.of_symbols(heard), Ragged.of_symbols(wanted)


def a_still_model(name: str) -> EncoderDecoder:
    """Without dropout of any kind, so that a generator draws coins alone."""
    model = a_model(name).double()
    for module in model.modules():
        for rate in ("rate", "weight_dropout"):
            if hasattr(module, rate):
                setattr(module, rate, 0.0)
    object.__setattr__(model.settings, "word_dropout", 0.0)
    return model


@pytest.fixture(autouse=True)
def settings_stay() -> Any:
    """The settings of the list are shared by all tests."""
    before = {name: VARIANTS[name].word_dropout for name in VARIANTS}
    yield
    for name, rate in before.items():
        object.__setattr__(VARIANTS[name], "word_dropout", rate)


def loss(model: EncoderDecoder, sampling: float, seed: int | None = 1, rows: Tensor | None = None) -> Any:
    source, heard, wanted = pairs()
    random = None if seed is None else Generator().manual_seed(seed)
    return model.loss(source, heard, wanted.rows, smoothing=0.1, rows=rows, random=random, sampling=sampling)


def alone(model: EncoderDecoder, coins: list[list[bool]]) -> tuple[Tensor, list[list[int]]]:
    """The nats, sentence by sentence and step by step as search asks for them, and what was heard: by these coins."""
    total, all_heard = [], []
    source, heard, wanted = pairs()
    for b, (true, answers) in enumerate(zip(heard.sequences(), wanted.sequences())):
        step, state = model.start(source.take(torch.tensor([b])))
        said, listened = FIRST, []
        for t, (symbol, answer) in enumerate(zip(true.tolist(), answers.tolist())):
            listened.append(said if coins[b][t] else symbol)
            state, logs, _ = step(state, torch.tensor(listened[-1:]))
            total.append(-logs[0, answer])
            said = int(logs[0].argmax())
        all_heard.append(listened)
    return torch.stack(total).sum(), all_heard


def falling(sampling: float, seed: int = 1) -> list[list[bool]]:
    """The coins that a generator of this seed gives, in the caller's order; the first symbol of a sentence is true."""
    heard = pairs()[1]
    coins = torch.rand(len(heard.rows), generator=Generator().manual_seed(seed)) < sampling
    return [[False, *sequence.tolist()[1:]] for sequence in heard.with_rows(coins).sequences()]


@pytest.mark.parametrize("name", FORMS)
def test_coins_that_never_fall_so_are_teacher_forcing(name: str) -> None:
    model = a_still_model(name)
    parameters = list(model.parameters())
    found, wanted = loss(model, NEVER), loss(model, 0.0)
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-10)
    for one, other in zip(*(torch.autograd.grad(total.trained, parameters) for total in (found, wanted)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    ("name", "sampling"),
    [*((name, 0.5) for name in FORMS), *((name, 1.0) for name in ("none lstm tied=two", "deep general fed"))],
)
def test_the_decoder_hears_its_own_likeliest_symbol_where_the_coin_says_so(name: str, sampling: float) -> None:
    model, coins = a_still_model(name), falling(sampling)
    nats, heard = alone(model, coins)
    torch.testing.assert_close(loss(model, sampling).nats, nats.detach(), rtol=1e-9, atol=1e-9)
    assert all(listened[0] == FIRST for listened in heard)
    taught = [sequence.tolist() for sequence in pairs()[1].sequences()]
    assert heard != taught, "a model that says what is true anyway proves nothing"


@pytest.mark.parametrize("name", ["general lstm tied=two", "one-hot general"])
def test_the_loss_is_exact_and_its_gradient_that_of_the_symbols_heard(name: str) -> None:
    """No gradient goes through the choice: what was heard could as well have been true."""
    model, coins = a_still_model(name), falling(0.5)
    _, heard = alone(model, coins)
    source, _, wanted = pairs()
    given = (source, Ragged.of_symbols(heard), wanted.rows)
    taught = model.loss(*given, smoothing=0.1, rows=None, random=None)
    found = loss(model, 0.5)
    torch.testing.assert_close(found, taught, rtol=1e-10, atol=1e-10)
    parameters = list(model.parameters())
    for one, other in zip(*(torch.autograd.grad(total.trained, parameters) for total in (found, taught)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10)


def test_only_the_generator_decides() -> None:
    model = a_model("general lstm tied=two")
    before = torch.get_rng_state()
    assert torch.equal(loss(model, 0.5).trained, loss(model, 0.5).trained)
    assert not torch.equal(loss(model, 0.5, seed=1).trained, loss(model, 0.5, seed=2).trained)
    assert torch.equal(loss(model, 0.5, seed=None).trained, loss(model, 0.0, seed=None).trained), "nothing to draw by"
    assert torch.equal(torch.get_rng_state(), before)


def test_off_it_draws_nothing_and_goes_over_whole_sequences() -> None:
    """The bits of a training without it must not change."""
    model = a_model("general lstm tied=two")
    source, heard, wanted = pairs()
    random, other = (Generator().manual_seed(1) for _ in range(2))
    one = model.loss(source, heard, wanted.rows, smoothing=0.1, rows=None, random=random)
    memory = model.encode(source, other)
    model.decode(memory, model.begin(memory, other), heard, other)
    assert torch.equal(random.get_state(), other.get_state())
    assert torch.equal(one.trained, loss(model, 0.0).trained)


@pytest.mark.parametrize("name", ["general lstm tied=two", "one-hot general"])
def test_words_are_dropped_as_they_are_under_teacher_forcing(name: str) -> None:
    """One mask of the embedding for all steps, drawn before the coins."""
    model = a_still_model(name)
    object.__setattr__(model.settings, "word_dropout", 0.5)
    torch.testing.assert_close(loss(model, NEVER), loss(model, 0.0), rtol=1e-10, atol=1e-10)
    assert not torch.allclose(loss(model, NEVER).nats, loss(model, NEVER, seed=None).nats)


def test_filler_rows_weigh_nothing() -> None:
    model = a_still_model("general lstm tied=two")
    heard = pairs()[1]
    weights = (heard.owners != 1).double()
    without, nats = loss(model, 1.0, rows=weights).nats, functional.relu(loss(model, 1.0).nats)
    assert 0 < without < nats
