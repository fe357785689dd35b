"""What symbols enter a decoder as is kept: answers stay as they are, and so do those in int8 beside any neighbours."""

from __future__ import annotations

import pytest
import torch
from laws.test_neighbours import OTHERS, SOURCES, bounds_for, by_beam, crowds, same_answers
from laws.things import FEW, SYMBOLS, VARIANTS, a_model, some_symbols

from melisma.layers.columns import by_columns
from melisma.layers.int8 import exact_sums, in_int8
from melisma.models.encoder_decoder import EncoderDecoder
from melisma.ragged import Ragged, exactly
from melisma.search import beam, greedy

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
