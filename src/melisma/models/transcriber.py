"""The recogniser of speech: frames of sound in, the scores of symbols out, chunk by chunk."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from melisma.contract import Cell, Layer, take, whole
from melisma.layers.attention import Memory
from melisma.layers.cells import CELLS
from melisma.layers.centred import Centred, CentredSoFar
from melisma.layers.convolution import Convolution
from melisma.layers.deep import BothWays, OneWay, Residual
from melisma.layers.dropout import LockedDropout, PlainDropout
from melisma.layers.embedding import Embedding
from melisma.layers.initial import uniform
from melisma.layers.levelled import Levelled, LevelledSoFar, Levels
from melisma.layers.look_ahead import LookAhead
from melisma.layers.mogrifier import Mogrifier
from melisma.layers.serial import Serial
from melisma.layers.transformer import Activation, LayerNorm
from melisma.losses.ctc import ctc_loss
from melisma.models.encoder_decoder import Decoder, DecodingStep, State
from melisma.ragged import Ragged
from melisma.search.heard import BLANK
from melisma.settings.model import EncoderDecoderSettings
from melisma.settings.transcriber import TranscriberSettings

PRIOR = 15.0  # frames that the level and the mean of what was heard so far begin with: less than a word


class Losses(NamedTuple):
    """Of each utterance (B,): what is trained (smoothed), and what is reported, in nats."""

    trained: Tensor
    nats: Tensor  # without gradient


class Transcriber(nn.Module):
    """Frames (N, features) -> logits (N', symbols), a layer   (after Amodei et al. 2016, "Deep Speech 2").

    encoded = recurrence(norm(f(convolution(... frames))));  y_j = W encoded_j + b. At first b_blank is ``blank_bias`` +
    log(symbols - 1) and the rest of b is 0, so that however many symbols there are, blanks begin as likely.
    T frames give ceil(T / stride) outputs. One way ``delay`` frames beyond its own are in an output: those to the right
    in the convolutions' windows and, times the stride, those of the look-ahead; both ways it is None. A floor wants to
    know the ``levels`` of the sound that is trained on.

    With a decoder it can spell whole utterances a second time (Watanabe et al. 2017): see ``spell`` and ``spelled``.
    """

    def __init__(
        self, features: int, symbols: int, settings: TranscriberSettings, levels: Levels | None = None
    ) -> None:
        super().__init__()
        self.features, self.symbols, self.settings = features, symbols, settings
        self.encoder = Serial(
            [
                *_levelled(levels, settings),
                *_centred(features, settings),
                *_convolutions(features, settings),
                *_recurrence(features, settings),
            ]
        )
        self.weight, self.bias = nn.Parameter(uniform(symbols, settings.encoded)), nn.Parameter(torch.zeros(symbols))
        with torch.no_grad():
            self.bias[BLANK] = settings.blank_bias + math.log(symbols - 1)
        self.decoder = Speller(symbols, settings) if settings.decoder == "attention" else None
        self.delay, self.ratio = self.encoder.delay, self.encoder.ratio

    def start(self, batch: int, random: Generator | None = None) -> Any:
        return self.encoder.start(batch, random)

    def feed(self, state: Any, x: Ragged) -> tuple[Any, Ragged]:
        state, encoded = self.encoder.feed(state, x)
        return state, self.logits(encoded)

    def flush(self, state: Any) -> tuple[Any, Ragged | None]:
        state, rest = self.encoder.flush(state)
        return state, None if rest is None else self.logits(rest)

    def encode(self, frames: Ragged, random: Generator | None = None) -> Ragged:
        """Whole utterances, rows (N, features) -> what is known of each output's place, rows (N', encoded)."""
        return whole(self.encoder, frames, random)

    def logits(self, encoded: Ragged) -> Ragged:
        """Rows (N', encoded) -> (N', symbols)."""
        return encoded.map(self._scored)

    def _scored(self, rows: Tensor) -> Tensor:
        return functional.linear(rows, self.weight, self.bias)

    def loss(
        self,
        frames: Ragged,
        labels: Ragged,
        random: Generator | None = None,
        *,
        smoothing: float = 0.0,
        sampling: float = 0.0,
    ) -> dict[str, Losses]:
        """Frames (N, features) and labels (M,) int64 of B utterances -> ``ctc`` and, with a decoder, ``attention``.

        That of CTC is inf, and has no gradient, where there are fewer outputs than labels need.
        """
        encoded = self.encode(frames, random)
        nats = ctc_loss(self.logits(encoded), labels, BLANK)
        found = {"ctc": Losses(nats, nats.detach())}
        if self.decoder is not None:
            found["attention"] = self.spelled(encoded, labels, random, smoothing=smoothing, sampling=sampling)
        return found

    def spelled(
        self,
        encoded: Ragged,
        labels: Ragged,
        random: Generator | None = None,
        *,
        smoothing: float = 0.0,
        sampling: float = 0.0,
    ) -> Losses:
        """What the decoder thinks of the labels (M,) of utterances that were encoded, the end counted.

        It hears the labels before each, at a share ``sampling`` of the steps what it would have said itself.
        """
        decoder = self._decoder()
        return decoder.judged(decoder.memory(encoded), labels, random, smoothing=smoothing, sampling=sampling)

    def judged(self, encoded: Ragged, candidates: Ragged) -> Tensor:
        """(K,) the nats of several answers (M,) to one utterance, rows (N, encoded), the end of each counted."""
        decoder = self._decoder()
        memory = decoder.memory(encoded)
        return decoder.judged(take(memory, candidates.place.new_zeros(candidates.batch)), candidates).nats

    def spell(self, encoded: Ragged) -> tuple[DecodingStep, State]:
        """What a search needs to spell what was encoded, from ``BLANK`` to ``BLANK``: a step, and the state before."""
        decoder = self._decoder()
        memory = decoder.memory(encoded)
        return DecodingStep(decoder, memory, decoder.hearing()), decoder.begin(memory)

    def _decoder(self) -> Speller:
        if self.decoder is None:
            raise ValueError("a transcriber without a decoder does not spell")
        return self.decoder


class Speller(Decoder):
    """Encoded utterances -> their symbols one after another, ``BLANK`` before the first and after the last.

    Its states begin at zero, so that what it says rests on what it reads.
    """

    def __init__(self, symbols: int, settings: TranscriberSettings) -> None:
        own = _spelling(settings)
        super().__init__(own)
        self._hear(symbols, Embedding(symbols, own.embedding))
        self._add_layers()

    def judged(
        self,
        memory: Memory,
        labels: Ragged,
        random: Generator | None = None,
        *,
        smoothing: float = 0.0,
        sampling: float = 0.0,
    ) -> Losses:
        """What is thought of the labels (M,) of utterances that are remembered, the end counted."""
        edge = Ragged.step(torch.full((labels.batch,), BLANK, device=labels.place.device))
        heard, wanted = edge.join(labels), labels.join(edge)
        shown = self.decode(memory, self.begin(memory, random), heard, random, sampling)
        logs = self.log_probabilities(shown.rows)
        nats = -logs.gather(1, wanted.rows[:, None])[:, 0]
        trained = (1 - smoothing) * nats - smoothing * logs.mean(1)
        none = nats.new_zeros(heard.batch)
        return Losses(*(none.index_add(0, heard.owners, rows) for rows in (trained, nats.detach())))

    def memory(self, encoded: Ragged) -> Memory:
        """Rows (N, encoded) -> what is read; of no utterance anything, where there is no output."""
        nothing = encoded.rows.new_zeros(encoded.batch, self.settings.memory)
        if not encoded.live:
            blind = self.remember(Ragged.step(nothing), nothing)
            return blind._replace(mask=torch.zeros_like(blind.mask))
        return self.remember(encoded, nothing)


def _spelling(settings: TranscriberSettings) -> EncoderDecoderSettings:
    """The decoder's half of these settings; the other half is not built of them."""
    return EncoderDecoderSettings(
        cell=settings.cell,
        mogrifier_rounds=settings.mogrifier_rounds,
        embedding=settings.decoder_hidden,
        hidden=settings.decoder_hidden,
        encoder_hidden=settings.encoded,
        bidirectional=False,
        decoder_layers=settings.decoder_layers,
        residual=settings.residual,
        begin="zero",
        attention=settings.attention,
        location_filters=settings.location_filters,
        location_width=settings.location_width,
        tied="two",
        locked=settings.locked,
        dropout=settings.dropout,
        embedding_dropout=settings.dropout,
        output_dropout=settings.dropout,
        weight_dropout=settings.weight_dropout,
    )


def _dropout(settings: TranscriberSettings, rate: float, size: int) -> Layer:
    return LockedDropout(rate, size) if settings.locked else PlainDropout(rate)


def _levelled(levels: Levels | None, settings: TranscriberSettings) -> list[Layer]:
    if not settings.floor:
        return []
    if levels is None:
        raise ValueError(f"a floor of {settings.floor} wants the levels of the sound that is trained on")
    return [
        Levelled(settings.floor, levels) if settings.bidirectional else LevelledSoFar(settings.floor, levels, PRIOR)
    ]


def _centred(size: int, settings: TranscriberSettings) -> list[Layer]:
    if not settings.centred:
        return []
    return [Centred() if settings.bidirectional else CentredSoFar(size, PRIOR)]


def _convolutions(size: int, settings: TranscriberSettings) -> list[Layer]:
    layers: list[Layer] = []
    for stride in settings.strides:
        layers += [
            Convolution(size, settings.channels, settings.width, stride),
            Activation(settings.activation),
            LayerNorm(settings.channels),
            _dropout(settings, settings.convolution_dropout, settings.channels),
        ]
        size = settings.channels
    return layers


def _cell(settings: TranscriberSettings, size: int) -> Cell:
    if settings.cell == "mogrifier":
        return Mogrifier(size, settings.hidden, settings.mogrifier_rounds)
    return CELLS[settings.cell](size, settings.hidden)


def _recurrence(features: int, settings: TranscriberSettings) -> list[Layer]:
    size, thin = settings.channels if settings.convolutions else features, settings.weight_dropout
    layers: list[Layer] = []
    for place in range(settings.layers):
        layer: Layer = (
            BothWays(_cell(settings, size), _cell(settings, size), thin)
            if settings.bidirectional
            else OneWay(_cell(settings, size), thin)
        )
        layers.append(Residual(layer) if settings.residual and size == settings.encoded else layer)
        size = settings.encoded
        if place == settings.layers - 1 and settings.look_ahead and not settings.bidirectional:
            layers.append(LookAhead(size, settings.look_ahead))
        layers.append(_dropout(settings, settings.dropout, size))
    return layers
