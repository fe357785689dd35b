"""What symbols enter a decoder as is kept: answers stay as they are, and so do those in int8 beside any neighbours."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from laws.test_neighbours import OTHERS, SOURCES, bounds_for, by_beam, crowds, same_answers
from laws.things import FEW, SYMBOLS, VARIANTS, a_model, some_symbols

from melisma.layers.columns import by_columns
from melisma.layers.int8 import exact_sums, in_int8
from melisma.layers.serial import Serial
from melisma.models.encoder_decoder import EncoderDecoder
from melisma.models.heard import TOGETHER, Entered
from melisma.ragged import Ragged, exactly
from melisma.search import Hypothesis, beam, greedy

pytestmark = pytest.mark.usefixtures("one_thread", "no_gradient")

needs_int8 = pytest.mark.skipif(not exact_sums(), reason="this processor cannot multiply 8-bit integers without loss")


def with_heard(model: EncoderDecoder, sources: list[list[int]], width: int):
    step, state = model.start(Ragged.of_symbols(sources), model.hearing())
    if width == 1:
        return [[one] for one in greedy(step, state, bounds_for(sources))]
    return beam(step, state, bounds_for(sources), width=width, best=2)


def without(model: EncoderDecoder, sources: list[list[int]], width: int):
    step, state = model.start(Ragged.of_symbols(sources))
    if width == 1:
        return [[one] for one in greedy(step, state, bounds_for(sources))]
    return beam(step, state, bounds_for(sources), width=width, best=2)


HEARING = [name for name in FEW if a_model(name).hearing() is not None]
SOME = HEARING[::2]


def test_who_hears_symbols_alone_keeps_them() -> None:
    assert len(HEARING) > 5
    for name in set(FEW) - set(HEARING):
        chosen = VARIANTS[name]
        deep = chosen.residual and chosen.hidden == chosen.embedding
        assert chosen.input_feeding or chosen.attention == "fixed" or chosen.decoder == "transformer" or deep


@pytest.mark.parametrize("name", SOME)
def test_answers_are_the_same(name: str) -> None:
    model, sources = a_model(name), some_symbols(4, [3, 1, 7, 2, 5])
    for width in (1, 3):
        for found, wanted in zip(with_heard(model, sources, width), without(model, sources, width), strict=True):
            same_answers(found, wanted, exact=False)


@pytest.mark.parametrize("name", HEARING)
def test_a_network_that_only_answers_gives_the_answers_of_one_that_learns(name: str) -> None:
    """Its matrices are laid out for products; by columns as they are loaded."""
    learning, sources = a_model(name), some_symbols(5, [3, 1, 7, 2, 5, 4])
    answering = by_columns(a_model(name)).requires_grad_(False)
    for found, wanted in zip(with_heard(answering, sources, 3), without(learning, sources, 3), strict=True):
        same_answers(found, wanted, exact=False)


@pytest.mark.parametrize("name", FEW[::3])
def test_a_network_that_only_answers_has_answers_that_depend_on_no_neighbours(name: str) -> None:
    model = by_columns(a_model(name)).requires_grad_(False)
    sources = some_symbols(1, SOURCES) + [[SYMBOLS - 1] * length for length in OTHERS]
    order = list(crowds(len(SOURCES), len(OTHERS)))[-1]

    def compare(search: Callable[[list[list[int]]], list[list[Hypothesis]]], exact: bool) -> None:
        alone = [search([source])[0] for source in sources[: len(SOURCES)]]
        for answers, index in zip(search([sources[index] for index in order]), order, strict=True):
            if index < len(SOURCES):
                same_answers(answers, alone[index], exact)

    compare(lambda some: with_heard(model, some, 3), exact=False)
    with exactly():
        compare(lambda some: by_beam(model, some), exact=True)


def test_what_is_kept_serves_as_long_as_nothing_learns() -> None:
    model, sources = a_model("general lstm tied=two"), some_symbols(4, [3, 1, 7])
    assert model.hearing() is not model.hearing()  # its weights may change at any time
    model.requires_grad_(False)
    kept = model.hearing()
    assert kept is not None
    first = with_heard(model, sources, 3)
    came = kept.known.clone()
    assert model.hearing() is kept
    assert 1 < int(came.sum()) <= SYMBOLS
    assert with_heard(model, sources, 3) == first
    assert torch.equal(kept.known, came)


def fresh(model: EncoderDecoder) -> EncoderDecoder:
    """The same numbers in a network that has never answered."""
    other = a_model("general lstm tied=two").requires_grad_(False)
    other.load_state_dict(model.state_dict())
    return other


def loaded(model: EncoderDecoder) -> EncoderDecoder:
    model.load_state_dict({name: 1.5 * weight for name, weight in model.state_dict().items()})
    return model


def learned(model: EncoderDecoder) -> EncoderDecoder:
    model.requires_grad_(True)
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight)
    torch.optim.SGD(model.parameters(), 0.1).step()
    return model.requires_grad_(False)


def copied(model: EncoderDecoder) -> EncoderDecoder:
    return loaded(copy.deepcopy(model))


def rounded(model: EncoderDecoder) -> EncoderDecoder:
    return model.bfloat16().float()


CHANGES = (loaded, learned, copied, rounded)


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_kept_of_weights_that_have_changed(change: Callable[[EncoderDecoder], EncoderDecoder]) -> None:
    model, sources = a_model("general lstm tied=two").requires_grad_(False), some_symbols(4, [3, 1, 7, 2, 5, 6, 4])
    with_heard(model, sources, 3)  # something is kept now
    changed = change(model)
    for found, wanted in zip(with_heard(changed, sources, 3), without(fresh(changed), sources, 3), strict=True):
        same_answers(found, wanted, exact=False)


def test_few_symbols_are_heard_as_they_come_and_where_many_came_all_are() -> None:
    table = torch.randn(1000, 6, generator=torch.Generator().manual_seed(1))
    asked: list[int] = []

    def entering(symbols: torch.Tensor) -> torch.Tensor:
        asked.append(len(symbols))
        return table[symbols]

    kept = Entered(Serial([]), entering, torch.zeros(1000, dtype=torch.bool))
    few = torch.tensor([5, 999, 5, 7])
    assert torch.equal(kept(few), table[few])
    assert torch.equal(kept(few), table[few])
    assert kept.known.nonzero().flatten().tolist() == [5, 7, 999]
    assert not kept.complete
    many = torch.arange(0, 1000, 8)  # an eighth
    assert torch.equal(kept(many), table[many])
    assert kept.complete
    assert torch.equal(kept.rows, table)
    before = len(asked)
    assert torch.equal(kept(torch.arange(1000)), table)
    assert len(asked) == before
    assert max(asked) <= TOGETHER


@needs_int8
@pytest.mark.parametrize("name", FEW[::5])
def test_in_int8_an_answer_has_the_bits_that_are_owed_beside_any_neighbours(name: str) -> None:
    plain = by_columns(a_model(name)).requires_grad_(False)
    model = in_int8(EncoderDecoder(SYMBOLS, SYMBOLS, VARIANTS[name]), dict(plain.named_parameters()))
    assert isinstance(model, EncoderDecoder)
    sources = some_symbols(1, SOURCES) + [[SYMBOLS - 1] * length for length in OTHERS]
    with exactly():
        alone = [by_beam(model, [source])[0] for source in sources[: len(SOURCES)]]
        for order in list(crowds(len(SOURCES), len(OTHERS)))[3:5]:
            answers = by_beam(model, [sources[index] for index in order])
            for place, index in enumerate(order):
                if index < len(SOURCES):
                    same_answers(answers[place], alone[index], exact=True)
        assert alone != [by_beam(plain, [source])[0] for source in sources[: len(SOURCES)]]
