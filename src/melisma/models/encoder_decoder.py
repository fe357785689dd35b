"""The encoder and decoder, recurrent with one fixed vector between (Sutskever et al., Cho et al. 2014) or attention, or
Transformers: either half may be.

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
from melisma.layers.attention import (
    ATTENTIONS,
    Fixed,
    Location,
    Memory,
    MultiHead,
    Scorer,
    attend,
    attend_in_turn,
    remembered,
)
from melisma.layers.deep import OneWay, Residual, began
from melisma.layers.dropout import LockedDropout, LockedState, PlainDropout, PlainState
from melisma.layers.embedding import Embedding, OneHot
from melisma.layers.initial import uniform
from melisma.layers.packed import Packed
from melisma.layers.scan import scan
from melisma.layers.serial import Serial, SerialState
from melisma.losses.tokens import TokenLoss, row_nats, token_loss
from melisma.models.heard import Entered, heard
from melisma.models.recurrent import decoder, encoder, entrance
from melisma.models.transformer import TransformerDecoder, TransformerState, dropout
from melisma.ragged import Ragged, filled
from melisma.settings.model import EncoderDecoderSettings

DROPOUTS = (LockedDropout, PlainDropout)
WEIGHTS = 2**24  # numbers of attention that measuring holds at once at most: 64 MiB, a few times over while it computes


class DecoderState(NamedTuple):
    """Where the decoder stands in B sentences."""

    layers: SerialState
    fed: Tensor | None  # (B, E) what it read at the last step, if that is fed to the next (input feeding)
    shown: LockedState | PlainState  # what is dropped of what the output layer sees
    looked: Tensor | None  # (B, S) the weights of the last step, if attention asks for them (location)


State = DecoderState | TransformerState


class Decoder(nn.Module):
    """What is remembered of a sequence -> log-probabilities of the symbols of another.

    h_t = decoder(embed(y_{t-1}));  a_t = tanh(W [h_t; attend(h_t, memory)]);  log p(y_t) = log softmax(s E a_t + b),
    with E the output matrix, which may be the embedding matrix (tied, Press & Wolf 2017). Whoever has one makes its
    parts in turn (``_hear``, ``_add_layers``), as seeds depend on the order of weights.
    """

    combine: Tensor
    transformer: TransformerDecoder | None  # in place of decoder, bridge, scorer, combine

    def __init__(self, settings: EncoderDecoderSettings) -> None:
        super().__init__()
        self.settings = settings
        self._heard: Entered | None = None
        self._packed = Packed()  # the output layer's product

    def _hear(self, symbols: int, embedding: Embedding | OneHot) -> None:
        """What symbols enter as, and the output layer."""
        tied = self.settings.tied != "none"
        self.embed_target = embedding
        self.output = cast(Embedding, embedding) if tied else Embedding(symbols, self.settings.readout)
        self.output_bias = nn.Parameter(torch.zeros(symbols))

    def _add_layers(self) -> None:
        """All that stands between these two."""
        settings = self.settings
        hidden, memory, readout = settings.hidden, settings.memory, settings.readout
        self.scorer = self._scorer()
        attending = settings.decoder == "transformer"
        self.transformer = TransformerDecoder(settings, self.embed_target.size) if attending else None
        self.decoder = Serial([] if attending else decoder(settings, self.embed_target.size))
        states = sum(len(state) for state in self._zero_states(1))
        self.bridge = nn.ModuleList(
            nn.Linear(memory, hidden) for _ in range(states if settings.begin == "bridge" else 0)
        )
        self.beginnings = nn.ParameterList(
            torch.zeros(hidden) for _ in range(states if settings.begin == "learned" else 0)
        )
        reads = 0 if settings.attention == "none" else memory
        if not attending:
            self.combine = nn.Parameter(uniform(readout, hidden + reads))
        self.shown = dropout(settings, settings.output_dropout, readout)

    def _scorer(self) -> Scorer | None:
        chosen = self.settings
        if chosen.attention == "none" or chosen.decoder == "transformer":
            return None
        own = {"location": (chosen.location_filters, chosen.location_width), "multi_head": (chosen.heads,)}
        widths = (chosen.hidden, chosen.memory, chosen.attention_size or chosen.hidden)
        return ATTENTIONS[chosen.attention](*widths, *own.get(chosen.attention, ()))

    def _recurrent(self) -> list[Layer]:
        return [cast(Layer, layer) for layer in self.decoder.layers if not isinstance(layer, DROPOUTS)]

    def _zero_states(self, batch: int) -> list[tuple[Tensor, ...]]:
        """The decoder's cell states at zero, one a recurrent layer."""
        layers = [layer.layer if isinstance(layer, Residual) else layer for layer in self._recurrent()]
        return [cast(OneWay, layer).cell.start(batch) for layer in layers]

    def remember(self, encoded: Ragged, summary: Tensor) -> Memory:
        """What was encoded, rows (N, D), and each sequence in one vector (B, D) -> what the decoder reads."""
        if self.transformer is not None:
            return remembered(self.transformer, encoded, summary)
        if self.scorer is None:
            return Memory(
                summary[:, None], summary[:, None], summary.new_ones(len(summary), 1, dtype=torch.bool), summary
            )
        return remembered(self.scorer, encoded, summary)

    def begin(self, memory: Memory, random: Generator | None = None) -> State:
        """The decoder before its first step: each of its states is tanh(W summary + b), a learned vector, or zero.

        A Transformer begins with nothing heard.
        """
        batch = len(memory.summary)
        if self.transformer is not None:
            return self.transformer.start(batch, random)
        layers, recurrent = list(self.decoder.start(batch, random).layers), iter(self._first_states(memory))
        for place, layer in enumerate(self.decoder.layers):
            if not isinstance(layer, DROPOUTS):
                layers[place] = began(layers[place], next(recurrent))
        fed = memory.summary.new_zeros(batch, self.settings.readout) if self.settings.input_feeding else None
        looked = memory.summary.new_zeros(memory.mask.shape) if isinstance(self.scorer, Location) else None
        return DecoderState(SerialState(tuple(layers)), fed, self.shown.start(batch, random), looked)

    def _first_states(self, memory: Memory) -> list[Any]:
        states = self._zero_states(len(memory.summary))
        if self.settings.begin == "bridge":
            bridge = iter(self.bridge)
            return [over(lambda leaf: torch.tanh(filled(next(bridge), memory.summary)), state) for state in states]
        if self.settings.begin == "learned":
            learned = iter(self.beginnings)
            return [over(lambda leaf: leaf + next(learned), state) for state in states]
        return states

    def decode(
        self,
        memory: Memory,
        state: State,
        heard: Ragged,
        random: Generator | None = None,
        sampling: float = 0.0,
    ) -> Ragged:
        """Teacher forcing: the symbols before each step, rows (N,) -> what the output layer sees, rows (N, E).

        At a share ``sampling`` of the steps, drawn where there is ``random``, the decoder hears its own answer instead.
        """
        if sampling and random is not None:
            return self._sampled(memory, state, heard, random, sampling)
        embedded = self.embed_target(heard, self.settings.word_dropout, random)
        if isinstance(state, TransformerState):
            return self._transformed(state, embedded, memory, weighed=False)[1]
        if self.settings.input_feeding:
            return scan(_Feeding(self, memory), embedded, FeedingState(state, memory))[1]
        if isinstance(self.scorer, Fixed):
            embedded = embedded.with_rows(torch.cat((embedded.rows, memory.summary[embedded.owners]), 1))
        y = self.decoder.feed(state.layers, embedded)[1]
        read = None
        if self.scorer is not None:
            read = y.gathered(_read(self.scorer, y.padded()[0], memory, state.looked)).rows
        return self.shown.feed(state.shown, y.with_rows(self._combined(y.rows, read)))[1]

    def _sampled(
        self,
        memory: Memory,
        state: State,
        heard: Ragged,
        random: Generator,
        sampling: float,
    ) -> Ragged:
        """Scheduled sampling: a coin for each symbol but the first of a sentence, which is always true."""
        cell = _Sampling(self, memory, self.embed_target.drawn(self.settings.word_dropout, random))
        own = torch.rand(len(heard.rows), generator=random, device=random.device) < sampling
        own[: heard.batch] = False
        both = heard.with_rows(torch.stack((heard.rows, own.to(heard.rows.dtype)), 1))
        return scan(cell, both, SamplingState(state, memory, torch.zeros_like(heard.place)))[1]

    def _transformed(
        self, state: TransformerState, x: Ragged, memory: Memory, *, weighed: bool
    ) -> tuple[TransformerState, Ragged, Tensor | None]:
        assert self.transformer is not None
        return self.transformer.feed(state, x, memory, weighed=weighed)

    def _combined(self, h: Tensor, read: Tensor | None) -> Tensor:
        both = h if read is None else torch.cat((h, read), 1)
        return torch.tanh(filled(lambda rows: functional.linear(rows, self.combine), both))

    def advance(
        self, memory: Memory, state: State, embedded: Tensor, decoder: Serial | None = None
    ) -> tuple[State, Tensor, Tensor | None]:
        """One step of R rows by sentence: (R, E) -> state, what the output layer sees (R, E), weights (R, S).

        ``decoder`` stands in for the recurrent layers where they take something else than embedded symbols.
        """
        if isinstance(state, TransformerState):
            after, said, seen = self._transformed(state, Ragged.step(embedded), memory, weighed=True)
            return after, said.rows, None if seen is None else seen[:, 0]
        sentences, rows = len(memory.summary), len(embedded)
        if isinstance(self.scorer, Fixed):
            embedded = torch.cat((embedded, memory.summary.repeat_interleave(rows // sentences, 0)), 1)
        if state.fed is not None:
            embedded = torch.cat((embedded, state.fed), 1)
        layers, y = (self.decoder if decoder is None else decoder).feed(state.layers, Ragged.step(embedded))
        read, weights, last = None, None, state.looked
        if self.scorer is not None:
            grouped = y.rows.view(sentences, rows // sentences, -1)
            last = None if last is None else last[:, : memory.mask.shape[1]].reshape(*grouped.shape[:2], -1)
            found, weights = attend(self.scorer, grouped, memory, last)
            read = found.reshape(rows, -1)
            weights = None if weights is None else weights.reshape(rows, -1)
        shown = self.shown.feed(state.shown, Ragged.step(self._combined(y.rows, read)))[1].rows
        looked = None if state.looked is None else weights
        return DecoderState(layers, None if state.fed is None else shown, state.shown, looked), shown, weights

    def logits(self, shown: Tensor) -> Tensor:
        """(N, E) -> (N, V)."""
        return filled(
            lambda rows: functional.linear(rows * self._output_scale(), self.output.weight, self.output_bias), shown
        )

    def log_probabilities(self, shown: Tensor) -> Tensor:
        """(N, E) -> (N, V): the softmax of ``logits`` in nats; where nothing is learnt, all of it in one place."""
        if torch.is_grad_enabled():
            return functional.log_softmax(self.logits(shown), -1)
        scale, weight = self._output_scale(), self.output.weight
        logits = filled(lambda rows: self._packed(rows * scale, weight, self.output_bias), shown)
        return torch.log_softmax(logits, -1, out=logits)

    def _output_scale(self) -> float:
        # Rows of the output matrix have length 1 at the start: so the first logits differ by about 2 instead of 1/2.
        # What a norm has evened out is as long as a row has features, and needs none of that.
        return 1.0 if self.transformer is not None else math.sqrt(self.settings.readout) / 4

    def hearing(self) -> Entered | None:
        """What keeps how symbols enter the decoder, where that depends on nothing else; while the weights stay, one."""
        if self.transformer is not None or self.settings.input_feeding or isinstance(self.scorer, Fixed):
            return None
        weights = list(self.parameters())
        kept = self._heard
        if kept is None or not kept.weights.still(weights) or any(weight.requires_grad for weight in weights):
            none = torch.zeros_like(self.output_bias, dtype=torch.bool)
            kept = self._heard = heard(self.decoder, self.embed_target.vectors, none, weights)
        return kept


class EncoderDecoder(Decoder):
    """Symbols of one sequence -> log-probabilities of the symbols of another: memory = encoder(embed(source))."""

    def __init__(self, source_symbols: int, target_symbols: int, settings: EncoderDecoderSettings) -> None:
        super().__init__(settings)
        self.embed_source = entrance(settings, source_symbols)
        shared = settings.tied == "three"
        self._hear(target_symbols, self.embed_source if shared else entrance(settings, target_symbols))
        self.encoder = Serial(encoder(settings, self.embed_source.size))
        self._add_layers()

    def encode(self, source: Ragged, random: Generator | None = None) -> Memory:
        """Source symbols, rows (N,) -> what is remembered of each sentence; every sentence has a symbol or more."""
        embedded = self.embed_source(source, self.settings.word_dropout, random)
        encoded = whole(self.encoder, embedded, random)
        return self.remember(encoded, self._summary(encoded))

    def _summary(self, encoded: Ragged) -> Tensor:
        """Each sentence in one vector (B, D): where the cells of both directions end, or the mean of what sees all."""
        if self.settings.encoder == "transformer":
            return torch.stack([sequence.mean(0) for sequence in encoded.sequences()])
        first, last = encoded.ends()
        forward = self.settings.encoder_hidden
        return torch.cat((last[:, :forward], first[:, forward:]), 1)

    def loss(
        self,
        source: Ragged,
        heard: Ragged,
        wanted: Tensor,
        *,
        smoothing: float,
        rows: Tensor | None,
        random: Generator | None,
        sampling: float = 0.0,
    ) -> TokenLoss:
        """Sums over the symbols wanted (N,), in the order of the rows of ``heard``; ``sampling`` as in ``decode``."""
        memory = self.encode(source, random)
        shown = self.decode(memory, self.begin(memory, random), heard, random, sampling)
        return token_loss(
            shown.rows * self._output_scale(), self.output.weight, self.output_bias, wanted, smoothing, rows
        )

    def nats(self, source: Ragged, heard: Ragged, wanted: Tensor) -> Tensor:
        """(B,) the nats of each target under teacher forcing, its end counted."""
        memory = self.encode(source)
        shown = self.decode(memory, self.begin(memory), heard)
        rows = row_nats(shown.rows * self._output_scale(), self.output.weight, self.output_bias, wanted)
        return rows.new_zeros(heard.batch).index_add(0, heard.owners, rows)

    def start(self, source: Ragged, heard: Entered | None = None) -> tuple[DecodingStep, State]:
        """What search needs: the step, and the state before it; ``heard`` may serve many batches."""
        memory = self.encode(source)
        return DecodingStep(self, memory, heard), self.begin(memory)


class DecodingStep:
    """One step of decoding for search (a ``Step``); the memory stands once a sentence, however many rows that has."""

    def __init__(self, model: Decoder, memory: Memory, heard: Entered | None = None) -> None:
        self.model, self.memory, self.heard = model, memory, heard
        self.extent = memory.mask.sum(1)

    def __call__(self, state: State, symbols: Tensor) -> tuple[State, Tensor, Tensor | None]:
        if self.heard is None:
            entering, layers = self.model.embed_target.vectors(symbols), None
        else:
            entering, layers = self.heard(symbols), self.heard.layers
        state, shown, weights = self.model.advance(self.memory, state, entering, layers)
        return state, self.model.log_probabilities(shown), weights

    def keep(self, sentences: Tensor) -> DecodingStep:
        memory = take(self.memory, sentences)
        longest = max(1, int(memory.mask.sum(1).max())) if len(sentences) else 0
        shorter = Memory(memory.values[:, :longest], memory.keys[:, :longest], memory.mask[:, :longest], memory.summary)
        return DecodingStep(self.model, shorter, self.heard)


class FeedingState(NamedTuple):
    """The decoder's state, and what each row reads: carried, so that a row that is finished leaves both."""

    decoder: State
    memory: Memory


class _Feeding:
    """Input feeding as a cell: what was read at one step enters the next   (Luong et al. 2015, section 3.3)."""

    def __init__(self, model: Decoder, memory: Memory) -> None:
        self.model, self.memory = model, memory
        self.input_size, self.hidden_size = model.embed_target.size, model.settings.readout

    def start(self, batch: int, random: Generator | None = None) -> Any:
        return FeedingState(self.model.begin(self.memory, random), self.memory)

    def enter(self, x: Tensor) -> Tensor:
        return x

    def step(self, state: FeedingState, entered: Tensor) -> tuple[FeedingState, Tensor]:
        decoder, shown, _ = self.model.advance(state.memory, state.decoder, entered)
        return FeedingState(decoder, state.memory), shown


class SamplingState(NamedTuple):
    """The decoder's state, what each row reads, and what it would have said last."""

    decoder: State
    memory: Memory
    said: Tensor  # (B,) int64


class _Sampling:
    """Scheduled sampling as a cell: what was likeliest at one step enters the next   (Bengio et al. 2015, section 2.4).

    Rows (N, 2) int64: the true symbol, and 1 where the decoder hears its own instead. Its own is the likeliest, not a
    draw. No gradient goes through that choice.
    """

    def __init__(self, model: Decoder, memory: Memory, embedding: Tensor | None) -> None:
        self.model, self.memory, self.embedding = model, memory, embedding
        self.input_size, self.hidden_size = 2, model.settings.readout

    def start(self, batch: int, random: Generator | None = None) -> Any:
        none = torch.zeros(batch, dtype=torch.int64, device=self.memory.summary.device)
        return SamplingState(self.model.begin(self.memory, random), self.memory, none)

    def enter(self, x: Tensor) -> Tensor:
        return x

    def step(self, state: SamplingState, entered: Tensor) -> tuple[SamplingState, Tensor]:
        heard = torch.where(entered[:, 1] == 1, state.said, entered[:, 0])
        embedded = self.model.embed_target.vectors(heard, self.embedding)
        decoder, shown, _ = self.model.advance(state.memory, state.decoder, embedded)
        with torch.no_grad():
            said = self.model.logits(shown).argmax(1)
        return SamplingState(decoder, state.memory, said), shown


def _read(scorer: Scorer, query: Tensor, memory: Memory, looked: Tensor | None) -> Tensor:
    """What queries (B, T, Q) read (B, T, D); where nothing is learnt, ``WEIGHTS`` at a time."""
    if looked is not None:
        return attend_in_turn(scorer, query, memory, looked)
    heads = scorer.heads if isinstance(scorer, MultiHead) else 1
    most = max(1, WEIGHTS // max(1, memory.mask.numel() * heads))
    if torch.is_grad_enabled() or query.shape[1] <= most:
        return attend(scorer, query, memory)[0]
    return torch.cat([attend(scorer, queries, memory)[0] for queries in torch.split(query, most, 1)], 1)
