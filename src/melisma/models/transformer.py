"""The halves of a Transformer (Vaswani et al. 2017), the norms before their parts (pre-norm, Xiong et al. 2020).

Either half goes with a recurrent other half: between them stands a ``Memory`` and nothing else.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import torch
from torch import Generator, Tensor, nn

from melisma.contract import Layer, over
from melisma.layers.attention import Memory
from melisma.layers.deep import Residual
from melisma.layers.dropout import LockedDropout, PlainDropout
from melisma.layers.serial import Serial, SerialState
from melisma.layers.transformer import NORMS, CrossAttention, FeedForward, Linear, Positions, SelfAttention
from melisma.ragged import Ragged
from melisma.settings.model import EncoderDecoderSettings


def dropout(settings: EncoderDecoderSettings, rate: float, size: int) -> Layer:
    """What leaves out a share of ``size`` features: the same at every step of a sequence, or drawn anew."""
    return LockedDropout(rate, size) if settings.locked else PlainDropout(rate)


def transformer_encoder(settings: EncoderDecoderSettings, size: int) -> list[Layer]:
    """What reads symbols that enter as ``size`` numbers, (N, size) -> (N, encoder_hidden): every symbol sees all."""
    width = settings.encoder_hidden
    layers = _entrance(settings, size, width)
    for _ in range(settings.encoder_layers):
        layers.append(_part(settings, SelfAttention(width, settings.heads, causal=False), width))
        layers.append(_part(settings, _feed_forward(settings, width), width))
    return [*layers, NORMS[settings.norm](width)]


def _entrance(settings: EncoderDecoderSettings, size: int, width: int) -> list[Layer]:
    wider: list[Layer] = [] if size == width else [Linear(size, width)]
    return [*wider, Positions(width), dropout(settings, settings.embedding_dropout, width)]


def _feed_forward(settings: EncoderDecoderSettings, width: int) -> FeedForward:
    return FeedForward(width, settings.feed_forward or 4 * width, settings.activation)


def _part(settings: EncoderDecoderSettings, layer: Layer, width: int) -> Residual:
    return Residual(Serial([NORMS[settings.norm](width), layer, dropout(settings, settings.dropout, width)]))


class BlockState(NamedTuple):
    """Of one block: what it has heard so far (keys and values), and what is dropped."""

    hear: Any
    look: Any
    think: Any


class TransformerState(NamedTuple):
    """Where a Transformer stands in B sentences: how far it is, what each block has heard, and what is dropped."""

    enter: SerialState
    blocks: tuple[BlockState, ...]
    leave: SerialState


class Block(nn.Module):
    """x += self-attention(norm x);  x += what is read of the memory(norm x);  x += feed-forward(norm x)."""

    def __init__(self, settings: EncoderDecoderSettings) -> None:
        super().__init__()
        width = settings.hidden
        self.hear = _part(settings, SelfAttention(width, settings.heads, causal=True), width)
        self.norm = NORMS[settings.norm](width)
        self.look = CrossAttention(width, settings.memory, settings.heads)
        self.looked = cast(nn.Module, dropout(settings, settings.dropout, width))
        self.think = _part(settings, _feed_forward(settings, width), width)

    def start(self, batch: int, random: Generator | None) -> BlockState:
        looked = cast(Layer, self.looked).start(batch, random)
        return BlockState(self.hear.start(batch, random), looked, self.think.start(batch, random))

    def advance(
        self, state: BlockState, x: Ragged, pairs: Tensor, lengths: Tensor, *, weighed: bool
    ) -> tuple[BlockState, Ragged, Tensor | None]:
        """More steps of each sequence -> state, what is said of them, and if ``weighed`` the weights (R, T, P)."""
        hear, x = self.hear.feed(state.hear, x)
        read, weights = self.look.read(x.map(self.norm.rows), pairs, lengths, weighed=weighed)
        look, read = cast(Layer, self.looked).feed(state.look, read)
        think, x = self.think.feed(state.think, x.with_rows(x.rows + read.rows))
        return BlockState(hear, look, think), x, weights


class TransformerDecoder(nn.Module):
    """Symbols so far and a memory -> what the output layer sees; keys and values of the steps so far are its state.

    Of each sentence the memory holds the keys and values of all blocks, side by side: they are made once.
    """

    def __init__(self, settings: EncoderDecoderSettings, size: int) -> None:
        super().__init__()
        width, readout = settings.hidden, settings.readout
        self.enter = Serial(_entrance(settings, size, width))
        self.blocks = nn.ModuleList(Block(settings) for _ in range(settings.decoder_layers))
        narrower: list[Layer] = [] if width == readout else [Linear(width, readout)]
        shown = dropout(settings, settings.output_dropout, readout)
        self.leave = Serial([NORMS[settings.norm](width), *narrower, shown])

    def _each(self) -> list[Block]:
        return [cast(Block, block) for block in self.blocks]

    def keys(self, values: Tensor) -> Tensor:
        """What is remembered (N, D) -> the keys and values of every block (N, K)."""
        return torch.cat([block.look.keys(values) for block in self._each()], 1)

    def start(self, batch: int, random: Generator | None = None) -> TransformerState:
        device = next(self.parameters()).device
        enter = over(lambda leaf: leaf.to(device), self.enter.start(batch, random))
        blocks = tuple(block.start(batch, random) for block in self._each())
        return TransformerState(enter, blocks, self.leave.start(batch, random))

    def feed(
        self, state: TransformerState, x: Ragged, memory: Memory, *, weighed: bool = False
    ) -> tuple[TransformerState, Ragged, Tensor | None]:
        """More steps of R sequences by sentence, rows (N, E) -> state, rows (N, readout), the last block's weights.

        The weights (R, T, S), the mean over its heads, are there if ``weighed``.
        """
        lengths, weights = memory.mask.sum(1), None
        enter, x = self.enter.feed(state.enter, x)
        blocks, last = [], len(self.blocks) - 1
        pairs = memory.keys.chunk(len(self.blocks), 2)
        for number, (block, before) in enumerate(zip(self._each(), state.blocks)):
            after, x, weights = block.advance(before, x, pairs[number], lengths, weighed=weighed and number == last)
            blocks.append(after)
        leave, x = self.leave.feed(state.leave, x)
        return TransformerState(enter, tuple(blocks), leave), x, weights
