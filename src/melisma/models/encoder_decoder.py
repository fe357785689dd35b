"""The recurrent encoder and decoder, with one fixed vector between (Sutskever et al., Cho et al. 2014) or attention.

Training goes over whole sequences at once (teacher forcing: the decoder hears the true symbols); search goes step by
step. Both are the same parts: what differs is how many steps are fed at once.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, cast

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from melisma.contract import Layer, over, take, whole
from melisma.layers.attention import ATTENTIONS, Fixed, Memory, Scorer, attend, remembered
from melisma.layers.cells import CELLS
from melisma.layers.deep import BothWays, OneWay, Residual, began
from melisma.layers.dropout import LockedDropout, LockedState, PlainDropout, PlainState
from melisma.layers.embedding import Embedding
from melisma.layers.initial import uniform
from melisma.layers.scan import scan
from melisma.layers.serial import Serial, SerialState
from melisma.losses.tokens import TokenLoss, row_nats, token_loss
from melisma.ragged import Ragged, filled
from melisma.settings.model import EncoderDecoderSettings

DROPOUTS = (LockedDropout, PlainDropout)
WEIGHTS = 2**24  # numbers of attention that measuring holds at once at most: 64 MiB, a few times over while it computes


class DecoderState(NamedTuple):
    """Where the decoder stands in B sentences."""

    layers: SerialState
    fed: Tensor | None  # (B, E) what it read at the last step, if that is fed to the next (input feeding)
    shown: LockedState | PlainState  # what is dropped of what the output layer sees


class EncoderDecoder(nn.Module):
    """Symbols of one sequence -> log-probabilities of the symbols of another.

    memory = encoder(embed(source));  h_t = decoder(embed(y_{t-1}));  a_t = tanh(W [h_t; attend(h_t, memory)]);
    log p(y_t) = log softmax(s E a_t + b), with E the output matrix, which may be the embedding matrix (tied, Press &
    Wolf 2017).
    """

    def __init__(self, source_symbols: int, target_symbols: int, settings: EncoderDecoderSettings) -> None:
        super().__init__()
        self.settings = settings
        width, hidden, memory = settings.embedding, settings.hidden, settings.memory
        self.embed_source = Embedding(source_symbols, width)
        self.embed_target = self.embed_source if settings.tied == "three" else Embedding(target_symbols, width)
        readout = settings.readout
        self.output = self.embed_target if settings.tied != "none" else Embedding(target_symbols, readout)
        self.output_bias = nn.Parameter(torch.zeros(target_symbols))
        self.encoder = Serial(_encoder(settings))
        self.scorer = self._scorer()
        self.decoder = Serial(_decoder(settings))
        states = over(lambda leaf: leaf, self._zero_states(1))
        self.bridge = nn.ModuleList(nn.Linear(memory, hidden) for state in states for _ in state)
        reads = 0 if settings.attention == "none" else memory
        self.combine = nn.Parameter(uniform(readout, hidden + reads))
        self.shown = _dropout(settings, settings.output_dropout, readout)

    def _scorer(self) -> Scorer | None:
        chosen = self.settings
        if chosen.attention == "none":
            return None
        return ATTENTIONS[chosen.attention](chosen.hidden, chosen.memory, chosen.attention_size or chosen.hidden)

    def _recurrent(self) -> list[Layer]:
        return [cast(Layer, layer) for layer in self.decoder.layers if not isinstance(layer, DROPOUTS)]

    def _zero_states(self, batch: int) -> list[tuple[Tensor, ...]]:
        """The decoder's cell states at zero, one a recurrent layer."""
        layers = [layer.layer if isinstance(layer, Residual) else layer for layer in self._recurrent()]
        return [cast(OneWay, layer).cell.start(batch) for layer in layers]

    def encode(self, source: Ragged, random: Generator | None = None) -> Memory:
        """Source symbols, rows (N,) -> what is remembered of each sentence; every sentence has a symbol or more."""
        embedded = self.embed_source(source, self.settings.word_dropout, random)
        encoded = whole(self.encoder, embedded, random)
        first, last = encoded.ends()
        forward = self.settings.encoder_hidden
        summary = torch.cat((last[:, :forward], first[:, forward:]), 1)
        if self.scorer is None:
            return Memory(
                summary[:, None], summary[:, None], summary.new_ones(len(summary), 1, dtype=torch.bool), summary
            )
        return remembered(self.scorer, encoded, summary)

    def begin(self, memory: Memory, random: Generator | None = None) -> DecoderState:
        """The decoder before its first step: each of its states is tanh(W summary + b)."""
        batch = len(memory.summary)
        bridge = iter(self.bridge)
        states = [
            over(lambda leaf: torch.tanh(filled(next(bridge), memory.summary)), state)
            for state in self._zero_states(batch)
        ]
        layers, recurrent = list(self.decoder.start(batch, random).layers), iter(states)
        for place, layer in enumerate(self.decoder.layers):
            if not isinstance(layer, DROPOUTS):
                layers[place] = began(cast(Layer, layer), next(recurrent))
        fed = memory.summary.new_zeros(batch, self.settings.readout) if self.settings.input_feeding else None
        return DecoderState(SerialState(tuple(layers)), fed, self.shown.start(batch, random))

    def decode(self, memory: Memory, state: DecoderState, heard: Ragged, random: Generator | None = None) -> Ragged:
        """Teacher forcing: the symbols before each step, rows (N,) -> what the output layer sees, rows (N, E)."""
        embedded = self.embed_target(heard, self.settings.word_dropout, random)
        if self.settings.input_feeding:
            return scan(_Feeding(self, memory), embedded, FeedingState(state, memory))[1]
        if isinstance(self.scorer, Fixed):
            embedded = embedded.with_rows(torch.cat((embedded.rows, memory.summary[embedded.owners]), 1))
        y = self.decoder.feed(state.layers, embedded)[1]
        read = None if self.scorer is None else y.gathered(_read(self.scorer, y.padded()[0], memory)).rows
        return self.shown.feed(state.shown, y.with_rows(self._combined(y.rows, read)))[1]

    def _combined(self, h: Tensor, read: Tensor | None) -> Tensor:
        both = h if read is None else torch.cat((h, read), 1)
        return torch.tanh(filled(lambda rows: functional.linear(rows, self.combine), both))

    def advance(
        self, memory: Memory, state: DecoderState, embedded: Tensor
    ) -> tuple[DecoderState, Tensor, Tensor | None]:
        """One step of R rows by sentence: (R, E) -> state, what the output layer sees (R, E), weights (R, S)."""
        sentences, rows = len(memory.summary), len(embedded)
        if isinstance(self.scorer, Fixed):
            embedded = torch.cat((embedded, memory.summary.repeat_interleave(rows // sentences, 0)), 1)
        if state.fed is not None:
            embedded = torch.cat((embedded, state.fed), 1)
        layers, y = self.decoder.feed(state.layers, Ragged.step(embedded))
        read, weights = None, None
        if self.scorer is not None:
            found, weights = attend(self.scorer, y.rows.view(sentences, rows // sentences, -1), memory)
            read = found.reshape(rows, -1)
            weights = None if weights is None else weights.reshape(rows, -1)
        shown = self.shown.feed(state.shown, Ragged.step(self._combined(y.rows, read)))[1].rows
        return DecoderState(layers, None if state.fed is None else shown, state.shown), shown, weights

    def logits(self, shown: Tensor) -> Tensor:
        """(N, E) -> (N, V)."""
        return filled(
            lambda rows: functional.linear(rows * self._output_scale(), self.output.weight, self.output_bias), shown
        )

    def _output_scale(self) -> float:
        # Rows of the output matrix have length 1 at the start: so the first logits differ by about 2 instead of 1/2.
        return math.sqrt(self.settings.readout) / 4

    def loss(
        self,
        source: Ragged,
        heard: Ragged,
        wanted: Tensor,
        *,
        smoothing: float,
        rows: Tensor | None,
        random: Generator | None,
    ) -> TokenLoss:
        """Sums over the symbols wanted (N,), in the order of the rows of ``heard``."""
        memory = self.encode(source, random)
        shown = self.decode(memory, self.begin(memory, random), heard, random)
        return token_loss(
            shown.rows * self._output_scale(), self.output.weight, self.output_bias, wanted, smoothing, rows
        )

    def nats(self, source: Ragged, heard: Ragged, wanted: Tensor) -> Tensor:
        """(B,) the nats of each target under teacher forcing, its end counted."""
        memory = self.encode(source)
        shown = self.decode(memory, self.begin(memory), heard)
        rows = row_nats(shown.rows * self._output_scale(), self.output.weight, self.output_bias, wanted)
        return rows.new_zeros(heard.batch).index_add(0, heard.owners, rows)

    def start(self, source: Ragged) -> tuple[DecodingStep, DecoderState]:
        """What search needs: the step, and the state before it."""
        memory = self.encode(source)
        return DecodingStep(self, memory), self.begin(memory)


class DecodingStep:
    """One step of decoding for search (a ``Step``); the memory stands once a sentence, however many rows that has."""

    def __init__(self, model: EncoderDecoder, memory: Memory) -> None:
        self.model, self.memory = model, memory
        self.extent = memory.mask.sum(1)

    def __call__(self, state: DecoderState, symbols: Tensor) -> tuple[DecoderState, Tensor, Tensor | None]:
        state, shown, weights = self.model.advance(self.memory, state, self.model.embed_target.vectors(symbols))
        return state, functional.log_softmax(self.model.logits(shown), -1), weights

    def keep(self, sentences: Tensor) -> DecodingStep:
        memory = take(self.memory, sentences)
        longest = int(memory.mask.sum(1).max()) if len(sentences) else 0
        return DecodingStep(
            self.model,
            Memory(memory.values[:, :longest], memory.keys[:, :longest], memory.mask[:, :longest], memory.summary),
        )


class FeedingState(NamedTuple):
    """The decoder's state, and what each row reads: carried, so that a row that is finished leaves both."""

    decoder: DecoderState
    memory: Memory


class _Feeding:
    """Input feeding as a cell: what was read at one step enters the next   (Luong et al. 2015, section 3.3)."""

    def __init__(self, model: EncoderDecoder, memory: Memory) -> None:
        self.model, self.memory = model, memory
        self.input_size, self.hidden_size = model.settings.embedding, model.settings.readout

    def start(self, batch: int, random: Generator | None = None) -> Any:
        return FeedingState(self.model.begin(self.memory, random), self.memory)

    def enter(self, x: Tensor) -> Tensor:
        return x

    def step(self, state: FeedingState, entered: Tensor) -> tuple[FeedingState, Tensor]:
        decoder, shown, _ = self.model.advance(state.memory, state.decoder, entered)
        return FeedingState(decoder, state.memory), shown


def _read(scorer: Scorer, query: Tensor, memory: Memory) -> Tensor:
    """What queries (B, T, Q) read (B, T, D); where nothing is learnt, ``WEIGHTS`` at a time."""
    most = max(1, WEIGHTS // max(1, memory.mask.numel()))
    if torch.is_grad_enabled() or query.shape[1] <= most:
        return attend(scorer, query, memory)[0]
    return torch.cat([attend(scorer, queries, memory)[0] for queries in torch.split(query, most, 1)], 1)


def _dropout(settings: EncoderDecoderSettings, rate: float, size: int) -> Layer:
    return LockedDropout(rate, size) if settings.locked else PlainDropout(rate)


def _encoder(settings: EncoderDecoderSettings) -> list[Layer]:
    cell, hidden = CELLS[settings.cell], settings.encoder_hidden
    layers: list[Layer] = [_dropout(settings, settings.embedding_dropout, settings.embedding)]
    size = settings.embedding
    for _ in range(settings.encoder_layers):
        layer: Layer = (
            BothWays(cell(size, hidden), cell(size, hidden)) if settings.bidirectional else OneWay(cell(size, hidden))
        )
        layers.append(Residual(layer) if settings.residual and size == settings.memory else layer)
        size = settings.memory
        layers.append(_dropout(settings, settings.dropout, size))
    return layers


def _decoder(settings: EncoderDecoderSettings) -> list[Layer]:
    size = settings.embedding
    size += settings.memory if settings.attention == "fixed" else 0
    size += settings.readout if settings.input_feeding else 0
    layers: list[Layer] = [_dropout(settings, settings.embedding_dropout, size)]
    for _ in range(settings.decoder_layers):
        layer: Layer = OneWay(CELLS[settings.cell](size, settings.hidden))
        layers.append(Residual(layer) if settings.residual and size == settings.hidden else layer)
        size = settings.hidden
        layers.append(_dropout(settings, settings.dropout, size))
    return layers
