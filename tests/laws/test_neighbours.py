"""Neighbours: an answer depends neither on who shares the batch, nor on their order or number; in bits where bits are owed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from laws.things import (
    COMPARING,
    FEATURES,
    FEW,
    FIRST,
    LAST,
    LAYERS,
    SYMBOLS,
    VARIANTS,
    a_layer,
    a_model,
    a_scorer,
    by_sequence,
    some_sequences,
    some_symbols,
)
from torch import Tensor

from melisma.contract import Layer, joined, part, take
from melisma.layers.attention import attend, remembered
from melisma.models.encoder_decoder import EncoderDecoder
from melisma.ragged import Ragged, exactly
from melisma.search import Bounds, Hypothesis, Ranking, beam, greedy

OWN = [4, 0, 9, 1, 4, 13]  # lengths of the sequences whose answers must not change
STRANGERS = [13, 0, 2, 17, 1, 4, 4, 9, 21, 3, 13, 5, 1, 8, 8, 8, 30, 2, 6, 7]


pytestmark = pytest.mark.usefixtures("one_thread", "no_gradient")


def mode(exact: bool) -> Any:
    return exactly() if exact else nullcontext()


def same(found: Tensor, wanted: Tensor, exact: bool) -> None:
    if exact:
        assert torch.equal(found, wanted)
    else:
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)


def crowds(count: int, strangers: int) -> Iterator[list[int]]:
    """Orders of ``count`` own sequences (0 ..) among strangers (count ..): in front, behind, between, backwards, some only."""
    own, others = list(range(count)), list(range(count, count + strangers))
    yield own
    yield own[::-1]
    yield own + others
    yield others + own
    yield [*others[:7], *own[::-1], *others[7:]]
    yield [*others[:1], *own[1::2], *others[1:12]]
    yield own[::2]


def run_layer(layer: Any, sequences: Sequence[Tensor]) -> list[list[Tensor]]:
    """What a layer says at feed and at flush, and its state after feed; each by sequence."""
    state, said = layer.feed(layer.start(len(sequences)), Ragged.of(sequences))
    rest = layer.flush(state)[1]
    return [said.sequences(), *([] if rest is None else [rest.sequences()]), *by_sequence(state)]


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str, exact: bool) -> None:
    layer = a_layer(name)
    sequences = some_sequences(1, OWN) + [torch.full((length, FEATURES), torch.nan) for length in STRANGERS]
    with mode(exact):
        alone = [run_layer(layer, [sequence]) for sequence in sequences[: len(OWN)]]
        for order in crowds(len(OWN), len(STRANGERS)):
            together = run_layer(layer, [sequences[index] for index in order])
            for place, index in enumerate(order):
                if index < len(OWN):
                    for found, wanted in zip(together, alone[index], strict=True):
                        same(found[place], wanted[0], exact)


@pytest.mark.parametrize("name", LAYERS)
def test_a_batch_of_nobody(name: str) -> None:
    layer = a_layer(name)
    nobody = Ragged.none(0, FEATURES, like=torch.zeros(1))
    state, said = layer.feed(layer.start(0), nobody)
    state, said_too = layer.feed(take(layer.start(3), torch.tensor([], dtype=torch.int64)), nobody)
    rest = layer.flush(state)[1]
    for y in (said, said_too, *([] if rest is None else [rest])):
        assert (y.batch, y.rows.shape) == (0, (0, FEATURES))


@pytest.mark.parametrize("name", LAYERS)
def test_states_can_be_taken_parted_and_joined(name: str) -> None:
    """Streams that end leave, streams that begin enter: the others' states go on as if nobody had."""
    layer = a_layer(name)
    sequences, more = some_sequences(1, OWN), some_sequences(2, OWN[::-1])
    with exactly():
        whole, _ = layer.feed(layer.start(len(OWN)), Ragged.of(sequences))
        wanted = _said_after(layer, whole, more)
        order = [5, 2, 3, 0]
        taken = take(whole, torch.tensor(order))
        halves = joined([part(whole, 0, 2), part(whole, 2, len(OWN))])
        for found, index in zip(_said_after(layer, taken, [more[index] for index in order]), order, strict=True):
            assert torch.equal(found, wanted[index])
        for found, expected in zip(_said_after(layer, halves, more), wanted, strict=True):
            assert torch.equal(found, expected)


def _said_after(layer: Layer, state: Any, sequences: Sequence[Tensor]) -> list[Tensor]:
    state, y = layer.feed(state, Ragged.of(sequences))
    rest = layer.flush(state)[1]
    return (y if rest is None else y.join(rest)).sequences()


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("name", COMPARING)
def test_attention(name: str, exact: bool) -> None:
    scorer = a_scorer(name)
    lengths, others = [4, 1, 9], [2, 17, 5]
    sequences = some_sequences(1, lengths) + [torch.full((length, FEATURES), torch.nan) for length in others]
    queries = torch.randn(6, 3, FEATURES, generator=torch.Generator().manual_seed(2))
    queries[3:] = torch.nan

    def of(order: Sequence[int]) -> tuple[Tensor, Tensor]:
        memory = remembered(scorer, Ragged.of([sequences[index] for index in order]), torch.zeros(len(order), FEATURES))
        read, weights = attend(scorer, queries[list(order)], memory)
        assert weights is not None
        return read, weights

    with mode(exact):
        alone = [of([index]) for index in range(3)]
        for order in crowds(3, 3):
            read, weights = of(order)
            for place, index in enumerate(order):
                if index < 3:
                    same(read[place], alone[index][0][0], exact)
                    same(weights[place, :, : lengths[index]], alone[index][1][0], exact)


# --- decoding ---------------------------------------------------------------------------------------------------------

SOURCES = [3, 1, 7]  # lengths
OTHERS = [2, 9, 1, 4, 6, 11, 3, 3, 5, 1, 8, 2, 14]
Search = Callable[[EncoderDecoder, list[list[int]]], list[list[Hypothesis]]]


def bounds_for(sources: Sequence[Sequence[int]]) -> Bounds:
    """Every sentence its own limit, so that they finish at different steps."""
    return Bounds(FIRST, LAST, torch.tensor([2 + len(source) % 5 for source in sources]), minimum=1, forbidden=(FIRST,))


def greedily(model: EncoderDecoder, sources: list[list[int]]) -> list[list[Hypothesis]]:
    step, state = model.start(Ragged.of_symbols(sources))
    return [[answer] for answer in greedy(step, state, bounds_for(sources))]


def by_beam(model: EncoderDecoder, sources: list[list[int]]) -> list[list[Hypothesis]]:
    step, state = model.start(Ragged.of_symbols(sources))
    ranking = Ranking(length_penalty=0.8, coverage_penalty=0.2 if model.settings.attends else 0.0)
    return beam(step, state, bounds_for(sources), width=3, ranking=ranking, best=2)


def same_answers(found: list[Hypothesis], wanted: list[Hypothesis], exact: bool) -> None:
    assert [answer.symbols for answer in found] == [answer.symbols for answer in wanted]
    assert [answer.finished for answer in found] == [answer.finished for answer in wanted]
    for one, other in zip(found, wanted, strict=True):
        tolerance = 0.0 if exact else 1e-5
        assert one.log_probabilities == pytest.approx(other.log_probabilities, rel=0, abs=tolerance)
        assert one.score == pytest.approx(other.score, rel=0, abs=tolerance * (1 + len(one.symbols)))
        assert (one.trace is None) == (other.trace is None)
        if one.trace is not None and other.trace is not None:
            same(one.trace, other.trace, exact)


def check_answers(name: str, search: Search, exact: bool) -> set[tuple[int, ...]]:
    model = a_model(name)
    sources = some_symbols(1, SOURCES) + [[SYMBOLS - 1] * length for length in OTHERS]
    with mode(exact):
        alone = [search(model, [source])[0] for source in sources[: len(SOURCES)]]
        for order in list(crowds(len(SOURCES), len(OTHERS)))[3:]:
            answers = search(model, [sources[index] for index in order])
            for place, index in enumerate(order):
                if index < len(SOURCES):
                    same_answers(answers[place], alone[index], exact)
    return {answer.symbols for answers in alone for answer in answers}


# A search knows nothing of a model but its step. So every model is asked the simple way; in bits, by the search that moves
# its states about, each that has other states or another memory than those before it; and these few in the other two ways.
MOVED = [
    name
    for name in FEW
    if not name.startswith(("begin", "one-hot", "thin", "plain dropout", "wide", "transformer rms"))
]
IN_EACH_WAY = (
    "none lstm tied=two",
    "fixed lstm tied=two fed",
    "additive gru_reset_before tied=two",
    "location lstm tied=two fed",
    "multi_head lstm tied=two",
    "deep begin learned fed",
    "one-hot fed",
    "thin mogrifier",
    "transformer layer relu",
    "general after transformer",
)


@pytest.mark.parametrize("name", VARIANTS)
def test_greedy_answers(name: str) -> None:
    check_answers(name, greedily, exact=False)


@pytest.mark.parametrize("name", MOVED)
def test_beam_answers_in_bits(name: str) -> None:
    assert len(check_answers(name, by_beam, exact=True)) > 1, "models that always say the same prove nothing"


@pytest.mark.parametrize("name", IN_EACH_WAY)
def test_answers_the_other_ways(name: str) -> None:
    check_answers(name, greedily, exact=True)
    check_answers(name, by_beam, exact=False)


@pytest.mark.parametrize("name", FEW)
def test_log_probabilities_of_given_symbols_in_bits(name: str) -> None:
    """Wider than any answer: every log-probability of every step, teacher-forced one step at a time."""
    model = a_model(name, seed=3)
    sources = some_symbols(1, SOURCES) + [[SYMBOLS - 1] * length for length in OTHERS]

    def forced(order: Sequence[int]) -> Tensor:
        step, state = model.start(Ragged.of_symbols([sources[index] for index in order]))
        logs = []
        for symbols in ([FIRST] * len(order), order, [2] * len(order)):
            state, log_probabilities, _ = step(state, torch.tensor(symbols) % SYMBOLS)
            logs.append(log_probabilities)
        return torch.stack(logs, 1)

    with exactly():
        alone = [forced([index])[0] for index in range(len(SOURCES))]
        for order in crowds(len(SOURCES), len(OTHERS)):
            found = forced(order)
            for place, index in enumerate(order):
                if index < len(SOURCES):
                    assert torch.equal(found[place], alone[index])
