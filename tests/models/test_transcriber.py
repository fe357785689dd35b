"""The recogniser of speech: what it is made of, what it loses, and that it learns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace

import pytest
import torch
from laws.things import classes_within, some_sequences
from models.transcribers import BANDS, FORMS, SMALL, SPELLING, SYMBOLS, a_transcriber
from torch import Generator, Tensor
from torch.nn import functional

from melisma.contract import whole
from melisma.errors import Refusal
from melisma.layers.cells import CELLS
from melisma.layers.look_ahead import LookAhead
from melisma.losses.ctc import collapse
from melisma.models.transcriber import Transcriber
from melisma.ragged import Ragged
from melisma.search import Bounds, greedy
from melisma.search.heard import BLANK
from melisma.settings.leaves import shape
from melisma.settings.transcriber import TranscriberSettings

LENGTHS = [20, 7, 0, 33]
LABELS = [[1, 2, 2], [3], [], [4, 5, 6, 6, 1]]


def test_the_default_is_small() -> None:
    model = Transcriber(40, 30, TranscriberSettings())
    assert 100_000 < sum(parameter.numel() for parameter in model.parameters()) < 160_000
    assert model.ratio.denominator * 10 <= 30, "outputs of at most 30 ms where a frame is 10"


@pytest.mark.parametrize("settings", FORMS.values(), ids=FORMS)
def test_names_of_weights_are_those_of_the_parts(settings: TranscriberSettings) -> None:
    names = set(a_transcriber(settings).state_dict())
    assert {"weight", "bias"} < names
    assert all(name in ("weight", "bias") or name.startswith("encoder.layers.") for name in names)


def test_shapes_are_known_without_making_weights() -> None:
    for settings in (SMALL, *SPELLING.values()):
        with torch.device("meta"):
            unmade = Transcriber(BANDS, SYMBOLS, settings)
        made = a_transcriber(settings).state_dict()
        assert {name: weight.shape for name, weight in unmade.state_dict().items()} == {
            name: weight.shape for name, weight in made.items()
        }


def test_the_settings_are_what_is_built() -> None:
    for cell, built in CELLS.items():
        found = a_transcriber(replace(SMALL, cell=cell, mogrifier_rounds=2))
        assert type(built(2, 2)) in classes_within(found)
    rounds = [a_transcriber(replace(SMALL, cell="mogrifier", mogrifier_rounds=n)) for n in (1, 4)]
    assert len(rounds[0].state_dict()) < len(rounds[1].state_dict())
    assert (LookAhead in classes_within(a_transcriber(SMALL))) is True
    assert (LookAhead in classes_within(a_transcriber(replace(SMALL, look_ahead=0)))) is False
    relu, gelu = (a_transcriber(replace(SMALL, activation=name)) for name in ("relu", "gelu"))
    x = Ragged.of(some_sequences(1, [9], BANDS))
    assert not torch.equal(whole(relu, x).rows, whole(gelu, x).rows)


def test_strides_share_the_whole() -> None:
    for stride, convolutions, wanted in ((1, 2, (1, 1)), (2, 2, (2, 1)), (3, 2, (3, 1)), (4, 2, (2, 2)), (4, 1, (4,))):
        assert replace(SMALL, stride=stride, convolutions=convolutions).strides == wanted
    for stride, convolutions, wanted in (
        (6, 2, (2, 3)),
        (8, 3, (2, 2, 2)),
        (8, 2, (2, 4)),
        (5, 3, (5, 1, 1)),
        (1, 0, ()),
    ):
        assert replace(SMALL, stride=stride, convolutions=convolutions).strides == wanted


def test_a_new_model_says_nothing_as_often_as_asked_whatever_it_could_say() -> None:
    for symbols, blank_bias in ((2, 0.0), (7, 0.0), (7, 1.5), (100, -3.0)):
        model = Transcriber(BANDS, symbols, replace(SMALL, blank_bias=blank_bias))
        shares = torch.softmax(model.bias.detach().double(), 0)
        assert float(shares[BLANK]) == pytest.approx(1 / (1 + math.exp(-blank_bias)))
        assert float(shares[1]) == pytest.approx(float(shares[-1]))


def test_dropout_is_there_while_training_alone() -> None:
    x = Ragged.of(some_sequences(1, LENGTHS, BANDS))
    for changed in ({}, {"locked": False}, {"dropout": 0.0}, {"convolution_dropout": 0.0}):
        model = a_transcriber(replace(SMALL, **changed))
        quiet, masked = whole(model, x), whole(model, x, Generator().manual_seed(1))
        assert torch.equal(whole(model, x).rows, quiet.rows)
        assert not torch.allclose(masked.rows, quiet.rows)
    model = a_transcriber(replace(SMALL, dropout=0.0, convolution_dropout=0.0))
    assert torch.equal(whole(model, x).rows, whole(model, x, Generator().manual_seed(1)).rows)
    thin = a_transcriber(replace(SMALL, dropout=0.0, convolution_dropout=0.0, weight_dropout=0.5))
    assert not torch.allclose(whole(thin, x).rows, whole(thin, x, Generator().manual_seed(1)).rows)


# --- losses -----------------------------------------------------------------------------------------------------------


def test_the_loss_of_paths_is_that_of_torch() -> None:
    model = a_transcriber(SMALL)
    frames, labels = Ragged.of(some_sequences(1, LENGTHS, BANDS)), Ragged.of_symbols(LABELS)
    found = model.loss(frames, labels)
    assert list(found) == ["ctc"]
    logits = whole(model, frames).sequences()
    for nats, rows, symbols in zip(found["ctc"].trained, logits, LABELS, strict=True):
        if not symbols and not len(rows):
            assert nats == 0, "one path, which says nothing"
            continue
        lengths = torch.tensor([len(rows)]), torch.tensor([len(symbols)])
        wanted = functional.ctc_loss(
            functional.log_softmax(rows, -1)[:, None], torch.tensor([symbols or [1]]), *lengths, reduction="sum"
        )
        torch.testing.assert_close(nats, wanted)
    assert not found["ctc"].nats.requires_grad
    assert torch.equal(found["ctc"].nats, found["ctc"].trained)


def test_what_has_too_few_outputs_is_infinite_and_teaches_nothing() -> None:
    model = a_transcriber(SMALL)
    frames = Ragged.of(some_sequences(1, [4, 12], BANDS))
    loss = model.loss(frames, Ragged.of_symbols([[1, 1], [2]]))["ctc"].trained
    assert torch.isinf(loss).tolist() == [True, False]
    alone = model.loss(Ragged.of(some_sequences(1, [4, 12], BANDS)[1:]), Ragged.of_symbols([[2]]))["ctc"].trained
    for one, other in zip(gradients(model, loss.sum()), gradients(model, alone.sum()), strict=True):
        torch.testing.assert_close(one, other)


def gradients(model: Transcriber, loss: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(model.parameters()), allow_unused=True, materialize_grads=True))


@pytest.mark.parametrize("settings", SPELLING.values(), ids=SPELLING)
def test_both_losses_teach_the_encoder(settings: TranscriberSettings) -> None:
    model = a_transcriber(settings)
    found = model.loss(Ragged.of(some_sequences(1, LENGTHS, BANDS)), Ragged.of_symbols(LABELS), Generator())
    assert list(found) == ["ctc", "attention"]
    for loss in found.values():
        assert (loss.trained.shape, loss.nats.shape) == ((4,), (4,))
        encoder = list(model.encoder.parameters())
        taught = torch.autograd.grad(loss.trained.sum(), encoder, retain_graph=True)
        assert all(bool(gradient.abs().sum() > 0) for gradient in taught)


def test_smoothing_is_trained_and_not_reported() -> None:
    model = a_transcriber(SPELLING["location"])
    frames, labels = Ragged.of(some_sequences(1, LENGTHS, BANDS)), Ragged.of_symbols(LABELS)
    encoded = model.encode(frames)
    plain, smooth, even = (model.spelled(encoded, labels, smoothing=share) for share in (0.0, 0.25, 1.0))
    torch.testing.assert_close(plain.trained, plain.nats)
    torch.testing.assert_close(smooth.nats, plain.nats)
    torch.testing.assert_close(smooth.trained, 0.75 * plain.nats + 0.25 * even.trained)
    assert not torch.allclose(smooth.trained, plain.trained)
    assert not smooth.nats.requires_grad


def test_of_no_output_the_decoder_still_has_a_say() -> None:
    """An utterance too short for one output has infinite nats as paths, and some as letters."""
    model = a_transcriber(SPELLING["location"])
    found = model.loss(Ragged.none(2, BANDS, like=torch.zeros(1)), Ragged.of_symbols([[1], []]))
    assert torch.isinf(found["ctc"].nats).tolist() == [True, False]
    assert bool(torch.isfinite(found["attention"].nats).all())


def test_without_a_decoder_nothing_is_spelt() -> None:
    model = a_transcriber(SMALL)
    encoded = model.encode(Ragged.of(some_sequences(1, [9], BANDS)))
    with pytest.raises(ValueError, match="without a decoder does not spell"):
        model.spell(encoded)
    with pytest.raises(ValueError, match="without a decoder does not spell"):
        model.spelled(encoded, Ragged.of_symbols([[1]]))


# --- learning ---------------------------------------------------------------------------------------------------------

TAUGHT = [[1, 2], [2, 2, 3], [3, 1]]


def spoken(labels: list[int], draw: Generator) -> Tensor:
    """A symbol is 6 frames with a band of its own, between 4 frames of nothing."""
    frames = 0.1 * torch.randn(4 + 10 * len(labels), BANDS, generator=draw)
    for place, label in enumerate(labels):
        frames[4 + 10 * place : 10 + 10 * place, label] += 1.0
    return frames


def test_it_learns_what_it_hears() -> None:
    """By both its parts, of a few utterances, from scratch."""
    settings = TranscriberSettings(
        channels=8, width=3, hidden=16, layers=1, dropout=0.0, convolution_dropout=0.0, decoder="attention"
    )
    torch.manual_seed(1)
    draw, model = Generator().manual_seed(2), Transcriber(BANDS, 4, settings)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    frames, labels = Ragged.of([spoken(symbols, draw) for symbols in TAUGHT]), Ragged.of_symbols(TAUGHT)
    for _ in range(40):
        optimizer.zero_grad()
        found = model.loss(frames, labels)
        (found["ctc"].trained.sum() + found["attention"].trained.sum()).backward()
        optimizer.step()
    with torch.no_grad():
        encoded = model.encode(frames)
        paths = [rows.argmax(1).tolist() for rows in model.logits(encoded).sequences()]
        assert [collapse(path) for path in paths] == TAUGHT
        answers = greedy(*model.spell(encoded), Bounds(BLANK, BLANK, torch.tensor([6, 6, 6])))
    assert [list(answer.symbols) for answer in answers] == TAUGHT


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"convolutions": 0}, "stride is 2 and convolutions=0 leave nothing that takes it"),
        ({"width": 1}, "width is 1 and a convolution with a stride of 2 would leave frames unseen"),
        ({"stride": 7, "width": 5}, "width is 5 and a convolution with a stride of 7"),
        ({"location_width": 30}, "location_width is 30 and has no middle"),
        ({"cell": "lstm_normalised", "hidden": 1}, "as hidden or decoder_hidden is 1"),
        ({"cell": "lstm_normalised", "decoder_hidden": 1}, "as hidden or decoder_hidden is 1"),
    ],
)
def test_parts_that_cannot_work_together_are_refused(changed: Mapping[str, object], said: str) -> None:
    settings = replace(TranscriberSettings(), **changed)
    with pytest.raises(Refusal) as refused:
        settings.check()
    assert said in str(refused.value)


def test_every_setting_has_help_a_reason_and_a_range() -> None:
    for leaf in shape(TranscriberSettings).leaves.values():
        assert min(len(leaf.meaning.help), len(leaf.meaning.why)) > 5
        if leaf.kind in ("whole", "number"):
            assert leaf.meaning.low is not None or leaf.meaning.above is not None
            assert leaf.meaning.high is not None or leaf.meaning.below is not None
        if leaf.kind == "text":
            assert leaf.meaning.choices


def test_settings_that_do_nothing_are_named() -> None:
    def idle(**changed: object) -> set[str]:
        found = replace(TranscriberSettings(), **changed).idle()
        assert set(found) < set(asdict(TranscriberSettings()))
        return {name for name, (absent, _, _) in found.items() if absent}

    decoding = {"attention_share", "decoder_hidden", "decoder_layers", "attention"}
    location, convolving = (
        {"location_filters", "location_width"},
        {"channels", "width", "activation", "convolution_dropout"},
    )
    assert idle() == decoding | location | {"mogrifier_rounds"}
    assert idle(decoder="attention", cell="mogrifier") == set()
    assert idle(decoder="attention", attention="general") == location | {"mogrifier_rounds"}
    assert idle(bidirectional=True) == idle() | {"look_ahead"}
    assert idle(convolutions=0, stride=1) == idle() | convolving


def test_idle_settings_change_nothing() -> None:
    """What is said to do nothing does nothing: the same weights, whatever its value."""
    other = {"look_ahead": 5, "mogrifier_rounds": 3, "decoder_hidden": 9, "decoder_layers": 2, "attention": "general"}
    other |= {"location_filters": 4, "location_width": 7, "attention_share": 0.5}
    settings = replace(SMALL, bidirectional=True)
    wanted, idle = a_transcriber(settings).state_dict(), settings.idle()
    for name, value in other.items():
        assert idle[name][0]
        found = a_transcriber(replace(settings, **{name: value})).state_dict()
        assert list(found) == list(wanted)
        assert all(torch.equal(found[key], wanted[key]) for key in wanted)


def test_the_settings_offer_every_cell() -> None:
    assert set(shape(TranscriberSettings).leaves["cell"].meaning.choices) == set(CELLS)
