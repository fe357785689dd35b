"""The laws of layers hold for recognisers of every form: cutting, causality, neighbours; and for their spelling."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from math import ceil
from typing import Any

import pytest
import torch
from laws.test_cutting import assert_bits, cuttings, fed, one_by_one
from laws.things import by_sequence, some_sequences
from models.transcribers import BANDS, BOTH_WAYS, FORMS, SMALL, SPELLING, SYMBOLS, a_transcriber
from torch import Generator, Tensor

from melisma.contract import joined, leaves, part, take, whole
from melisma.models.transcriber import Transcriber
from melisma.ragged import Ragged, exactly
from melisma.search import Bounds, Hypothesis, beam, greedy
from melisma.search.heard import BLANK
from melisma.settings.transcriber import TranscriberSettings

LENGTHS = [17, 0, 30, 1, 17, 5, 2]
STRANGERS = [30, 0, 2, 41, 1, 17, 4, 9]

FORMED = pytest.mark.parametrize("settings", FORMS.values(), ids=FORMS)
SPELT = pytest.mark.parametrize("settings", SPELLING.values(), ids=SPELLING)


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def mode(exact: bool) -> Any:
    return exactly() if exact else nullcontext()


def same(found: Tensor, wanted: Tensor, exact: bool) -> None:
    if exact:
        assert torch.equal(found, wanted)
    else:
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)


# --- cutting ----------------------------------------------------------------------------------------------------------


@FORMED
def test_a_stream_is_what_its_file_is_in_bits(settings: TranscriberSettings) -> None:
    model = a_transcriber(settings)
    with torch.no_grad():
        for length in (0, 1, 22):
            sequences = some_sequences(length, [length], BANDS)
            wanted = whole(model, Ragged.of(sequences))
            for chunks in (cuttings(length, [length], together=False), [[0], *one_by_one(length)]):
                assert_bits(fed(model, sequences, chunks), wanted)


@FORMED
def test_streams_cut_each_at_its_own_places(settings: TranscriberSettings) -> None:
    model = a_transcriber(settings)
    sequences = some_sequences(4, LENGTHS, BANDS)
    with torch.no_grad():
        wanted = whole(model, Ragged.of(sequences))
        with exactly():
            bits = whole(model, Ragged.of(sequences), Generator().manual_seed(8))
        chunks = cuttings(1, LENGTHS, together=False)
        found = fed(model, sequences, chunks)
        assert found.lengths().tolist() == [settings.outputs(length) for length in LENGTHS]
        torch.testing.assert_close(found.flat(), wanted.flat(), rtol=0, atol=1e-5)
        with exactly():
            assert_bits(fed(model, sequences, chunks, Generator().manual_seed(8)), bits)


def test_a_stream_remembers_no_more_however_long_it_is() -> None:
    for settings in (SMALL, FORMS["one of four"]):
        model = a_transcriber(settings)
        state, sizes = model.start(1), []
        with torch.no_grad():
            for _ in range(15):
                state, _ = model.feed(state, Ragged.of(some_sequences(1, [8], BANDS)))
                sizes.append(sum(tensor.numel() for tensors in by_sequence(state) for tensor in tensors))
        assert len(set(sizes[4:])) == 1


# --- causality --------------------------------------------------------------------------------------------------------


def reach(model: Transcriber, steps: int) -> list[int]:
    """For each output the last frame that it has a gradient towards."""
    frames = torch.randn(1, steps, BANDS, dtype=torch.float64, generator=Generator().manual_seed(3))
    outputs = model.settings.outputs(steps)
    copies = frames.expand(outputs, -1, -1).clone().requires_grad_()
    said = whole(model.double(), Ragged.of(list(copies))).sequences()
    weights = torch.randn(SYMBOLS, dtype=torch.float64, generator=Generator().manual_seed(4))
    (gradients,) = torch.autograd.grad(sum(said[output][output] @ weights for output in range(outputs)), copies)
    return [int(row.abs().sum(-1).nonzero()[-1]) for row in gradients]


@FORMED
def test_the_delay_is_what_the_gradient_measures(settings: TranscriberSettings) -> None:
    model, steps = a_transcriber(settings), 43
    assert model.delay == settings.delay
    last = reach(model, steps)
    if settings.delay is None:
        assert last == [steps - 1] * len(last)
        return
    places = [output * settings.stride for output in range(len(last))]
    inside = [(at, place) for at, place in zip(last, places) if place + settings.delay < steps]
    assert len(inside) > 1
    assert {at - place for at, place in inside} == {settings.delay}


@FORMED
def test_an_output_is_said_as_soon_as_it_can_be(settings: TranscriberSettings) -> None:
    model, said = a_transcriber(settings), 0
    (sequence,) = some_sequences(5, [30], BANDS)
    state = model.start(1)
    with torch.no_grad():
        for heard in range(1, 31):
            state, y = model.feed(state, Ragged.of([sequence[heard - 1 : heard]]))
            said += len(y.rows)
            wanted = 0 if settings.delay is None else max(0, ceil((heard - settings.delay) / settings.stride))
            assert said == wanted


# --- neighbours -------------------------------------------------------------------------------------------------------


def said_by(model: Transcriber, sequences: Sequence[Tensor]) -> list[Tensor]:
    return whole(model, Ragged.of(sequences)).sequences()


@pytest.mark.parametrize("exact", [False, True])
@FORMED
def test_an_answer_does_not_know_its_neighbours(settings: TranscriberSettings, exact: bool) -> None:
    model = a_transcriber(settings)
    own = some_sequences(1, LENGTHS, BANDS)
    strangers = [torch.full((length, BANDS), torch.nan) for length in STRANGERS]
    with torch.no_grad(), mode(exact):
        alone = [said_by(model, [sequence])[0] for sequence in own]
        for found, wanted in zip(said_by(model, [*strangers, *own]), [None] * len(strangers) + alone, strict=True):
            if wanted is not None:
                same(found, wanted, exact)
        for found, wanted in zip(said_by(model, [*own[::-1], *strangers]), alone[::-1], strict=False):
            same(found, wanted, exact)


def test_streams_leave_and_enter() -> None:
    """The states of those who stay go on as if nobody had left."""
    for settings in (SMALL, BOTH_WAYS):
        model = a_transcriber(settings)
        first, more = some_sequences(1, LENGTHS, BANDS), some_sequences(2, LENGTHS[::-1], BANDS)
        with torch.no_grad(), exactly():
            state, _ = model.feed(model.start(len(LENGTHS)), Ragged.of(first))
            wanted = after(model, state, more)
            order = [5, 2, 3, 0]
            taken = after(model, take(state, torch.tensor(order)), [more[index] for index in order])
            assert all(torch.equal(found, wanted[index]) for found, index in zip(taken, order, strict=True))
            halves = after(model, joined([part(state, 0, 3), part(state, 3, len(LENGTHS))]), more)
            assert all(torch.equal(found, other) for found, other in zip(halves, wanted, strict=True))


def after(model: Transcriber, state: Any, sequences: Sequence[Tensor]) -> list[Tensor]:
    state, y = model.feed(state, Ragged.of(sequences))
    rest = model.flush(state)[1]
    return (y if rest is None else y.join(rest)).sequences()


# --- spelling ---------------------------------------------------------------------------------------------------------


def spelt(model: Transcriber, sequences: Sequence[Tensor], labels: Sequence[Sequence[int]]) -> Tensor:
    found = model.loss(Ragged.of(sequences), Ragged.of_symbols(labels))
    return torch.stack([found["ctc"].nats, found["attention"].nats], 1)


LABELS = [[1, 2, 2, 3], [4], [5, 6, 1, 1, 2, 3], [], [3, 3], [2], []]


@pytest.mark.parametrize("exact", [False, True])
@SPELT
def test_losses_do_not_know_their_neighbours(settings: TranscriberSettings, exact: bool) -> None:
    model = a_transcriber(settings)
    own = some_sequences(1, LENGTHS, BANDS)
    strangers = [torch.full((length, BANDS), torch.nan) for length in STRANGERS]
    with torch.no_grad(), mode(exact):
        alone = torch.cat([spelt(model, [sequence], [labels]) for sequence, labels in zip(own, LABELS)])
        assert torch.equal(
            torch.isinf(alone[:, 0]),
            torch.tensor([length < 2 * len(labels) for length, labels in zip(LENGTHS, LABELS)]),
        )
        together = spelt(model, [*strangers, *own], [[6] * (length // 3) for length in STRANGERS] + LABELS)
        same(together[len(strangers) :], alone, exact)


@pytest.mark.parametrize("exact", [False, True])
@SPELT
def test_spelling_does_not_know_its_neighbours(settings: TranscriberSettings, exact: bool) -> None:
    model = a_transcriber(settings, seed=2)
    own = [sequence for sequence in some_sequences(1, LENGTHS, BANDS) if len(sequence)]
    strangers = [torch.full((length, BANDS), torch.nan) for length in STRANGERS]

    def answers(sequences: Sequence[Tensor]) -> list[Hypothesis]:
        step, state = model.spell(model.encode(Ragged.of(sequences)))
        bounds = Bounds(BLANK, BLANK, torch.full((len(sequences),), 6), minimum=2)
        if exact:
            return [found[0] for found in beam(step, state, bounds, width=3)]
        return greedy(step, state, bounds)

    with torch.no_grad(), mode(exact):
        alone = [answers([sequence])[0] for sequence in own]
        assert len({answer.score for answer in alone}) == len(own), "models that always say the same prove nothing"
        for found, wanted in zip(answers([*strangers, *own])[len(strangers) :], alone, strict=True):
            assert found.symbols == wanted.symbols
            tolerance = 0.0 if exact else 1e-5
            assert found.log_probabilities == pytest.approx(wanted.log_probabilities, rel=0, abs=tolerance)


@SPELT
def test_spelling_step_by_step_is_what_the_loss_sums(settings: TranscriberSettings) -> None:
    model = a_transcriber(settings)
    with torch.no_grad():
        encoded = model.encode(Ragged.of(some_sequences(1, LENGTHS, BANDS)))
        wanted = model.spelled(encoded, Ragged.of_symbols(LABELS)).nats
        step, state = model.spell(encoded)
        sums, symbols = torch.zeros(len(LABELS)), torch.full((len(LABELS),), BLANK)
        for place in range(max(map(len, LABELS)) + 1):
            state, logs, _ = step(state, symbols)
            symbols = torch.tensor([[*labels, BLANK][place] if place <= len(labels) else -1 for labels in LABELS])
            there = symbols >= 0
            symbols = symbols.clamp(min=0)
            sums -= logs.gather(1, symbols[:, None])[:, 0] * there
        torch.testing.assert_close(sums, wanted, rtol=0, atol=1e-5)


def test_what_search_moves_about_is_tensors() -> None:
    model = a_transcriber(replace(SMALL, decoder="attention"))
    with torch.no_grad():
        _, state = model.spell(model.encode(Ragged.of(some_sequences(1, [9, 4], BANDS))))
    assert all(len(leaf) == 2 for leaf in leaves(state))
