"""The lists that the laws run over: one of all cells, one of all layers, of all scorers, of all encoder-decoders."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from melisma.contract import Layer
from melisma.layers.attention import ATTENTIONS, Scorer
from melisma.layers.cells import CELLS
from melisma.layers.centred import Centred, CentredSoFar
from melisma.layers.convolution import Convolution
from melisma.layers.deep import BothWays, OneWay, Residual
from melisma.layers.depthwise import Depthwise
from melisma.layers.dropout import LockedDropout, PlainDropout
from melisma.layers.levelled import Levelled, LevelledSoFar, Levels, LogScale
from melisma.layers.look_ahead import LookAhead
from melisma.layers.serial import Serial
from melisma.layers.transformer import (
    Activation,
    FeedForward,
    LayerNorm,
    Linear,
    Positions,
    RmsNorm,
    SelfAttention,
)
from melisma.losses.ctc import ctc_loss, plain_ctc_loss
from melisma.losses.tokens import TokenLoss, plain_token_loss, token_loss
from melisma.models.encoder_decoder import EncoderDecoder
from melisma.ragged import Ragged
from melisma.settings.model import EncoderDecoderSettings

FEATURES = 6  # no multiple of any vector register: what falls beside it shows

# --- cells ------------------------------------------------------------------------------------------------------------

CELL_NAMES = tuple(CELLS)


def a_cell(name: str, inputs: int = FEATURES, hidden: int = FEATURES, seed: int = 0) -> Any:
    """A cell whose every parameter is random, biases too, so that none can be left out unseen."""
    torch.manual_seed(seed)
    return shaken(CELLS[name](inputs, hidden))


def shaken(module: Any) -> Any:
    """The module with a little noise on every parameter."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return module


def by_sequence(state: Any) -> list[list[Tensor]]:
    """For each tensor (or Ragged) in a state what belongs to each sequence; what is no tensor is left out."""
    if isinstance(state, Ragged):
        return [state.sequences()]
    if isinstance(state, tuple):
        return [tensors for inner in state for tensors in by_sequence(inner)]
    return [list(state)] if isinstance(state, Tensor) else []


# --- layers: (N, FEATURES) -> (N, FEATURES) ---------------------------------------------------------------------------


def _one_way(name: str) -> Callable[[], Layer]:
    return lambda: OneWay(CELLS[name](FEATURES, FEATURES))


def _both_ways(name: str) -> Callable[[], Layer]:
    return lambda: BothWays(CELLS[name](FEATURES, FEATURES // 2), CELLS[name](FEATURES, FEATURES // 2))


def _thin(name: str, both: bool = False) -> Callable[[], Layer]:
    def make() -> Layer:
        if not both:
            return OneWay(CELLS[name](FEATURES, FEATURES), 0.3)
        return BothWays(CELLS[name](FEATURES, FEATURES // 2), CELLS[name](FEATURES, FEATURES // 2), 0.3)

    return make


def _residual(make: Callable[[], Layer]) -> Callable[[], Layer]:
    return lambda: Residual(make())


def _convolution(width: int, stride: int) -> Callable[[], Layer]:
    return lambda: Convolution(FEATURES, FEATURES, width, stride)


def _causal(width: int, stride: int) -> Callable[[], Layer]:
    return lambda: Convolution(FEATURES, FEATURES, width, stride, width - 1)


def _look_ahead(ahead: int) -> Callable[[], Layer]:
    return lambda: LookAhead(FEATURES, ahead)


def _depthwise(width: int, dilation: int) -> Callable[[], Layer]:
    return lambda: Depthwise(FEATURES, width, dilation)


def _separable(dilation: int) -> Callable[[], Layer]:
    """A residual block of a temporal convolution."""
    return _residual(_serial(_depthwise(3, dilation), lambda: LayerNorm(FEATURES), _feed_forward("relu")))


def _serial(*makes: Callable[[], Layer]) -> Callable[[], Layer]:
    return lambda: Serial([make() for make in makes])


def _attention(causal: bool, heads: int) -> Callable[[], Layer]:
    return lambda: SelfAttention(FEATURES, heads, causal=causal)


def _feed_forward(activation: str) -> Callable[[], Layer]:
    return lambda: FeedForward(FEATURES, 2 * FEATURES, activation)


def _block(causal: bool, norm: Callable[[int], Layer], activation: str) -> Callable[[], Layer]:
    """A block of a Transformer, the norms before its parts."""
    parts = (_attention(causal, 2), _feed_forward(activation))
    return _serial(*(_residual(_serial(lambda: norm(FEATURES), part, _locked)) for part in parts))


def _linear() -> Layer:
    return Linear(FEATURES, FEATURES)


def _positions() -> Layer:
    return Positions(FEATURES)


def _plain() -> Layer:
    return PlainDropout(0.3)


def _locked() -> Layer:
    return LockedDropout(0.3, FEATURES)


def _levels() -> Levels:
    plain = LogScale(torch.linspace(-3, 1, FEATURES), torch.linspace(0.5, 2, FEATURES))
    return Levels(plain, torch.linspace(-2, 1, FEATURES), torch.tensor(1.5))


WINDOWS = ((1, 1), (2, 1), (3, 1), (4, 1), (3, 2), (4, 3), (5, 2), (5, 5), (7, 4))  # (width, stride)

LAYERS: dict[str, Callable[[], Layer]] = {
    **{f"one way {name}": _one_way(name) for name in CELLS},
    **{f"both ways {name}": _both_ways(name) for name in CELLS},
    **{f"thin one way {name}": _thin(name) for name in CELLS},
    # these know nothing of the cell within: each stands around a cell with a loop of its own and one without
    **{f"residual one way {name}": _residual(_one_way(name)) for name in ("lstm", "gru_reset_before")},
    **{f"residual both ways {name}": _residual(_both_ways(name)) for name in ("elman", "mogrifier")},
    **{f"thin both ways {name}": _thin(name, both=True) for name in ("gru_reset_after", "lstm_normalised")},
    "residual thin one way": _residual(_thin("gru_reset_after")),
    "residual thin both ways": _residual(_thin("lstm", both=True)),
    "serial of thin cells": _serial(_thin("lstm"), _locked, _thin("gru_reset_before")),
    **{f"convolution {width}/{stride}": _convolution(width, stride) for width, stride in WINDOWS},
    **{f"residual convolution {width}": _residual(_convolution(width, 1)) for width in (1, 2, 5)},
    **{f"causal convolution {width}/{stride}": _causal(width, stride) for width, stride in ((1, 1), (4, 1), (5, 2))},
    **{f"depthwise {width}*{dilation}": _depthwise(width, dilation) for width, dilation in ((1, 3), (3, 1), (4, 3))},
    "temporal convolutions": _serial(_causal(5, 2), lambda: Activation("relu"), _separable(1), _separable(2)),
    "activation": lambda: Activation("gelu"),
    "centred": lambda: Centred(),
    "centred so far": lambda: CentredSoFar(FEATURES, 3.0),
    "serial that centres first": _serial(lambda: CentredSoFar(FEATURES, 0.0), _convolution(3, 2), _one_way("lstm")),
    "levelled": lambda: Levelled(0.1, _levels()),
    "levelled so far": lambda: LevelledSoFar(0.1, _levels(), 3.0),
    "serial that is levelled first": _serial(
        lambda: LevelledSoFar(0.01, _levels(), 0.0), lambda: CentredSoFar(FEATURES, 1.0), _convolution(3, 2)
    ),
    "serial that is centred": _serial(lambda: Centred(), _convolution(3, 2), _both_ways("elman")),
    **{f"look-ahead {ahead}": _look_ahead(ahead) for ahead in (0, 1, 4)},
    "residual look-ahead": _residual(_look_ahead(2)),
    "serial of a stride, a cell and a look-ahead": _serial(_convolution(4, 2), _one_way("lstm"), _look_ahead(3)),
    "plain dropout": _plain,
    "locked dropout": _locked,
    "residual locked dropout": _residual(_locked),
    "serial of nothing": _serial(),
    "serial of two cells": _serial(_one_way("lstm"), _locked, _one_way("gru_reset_before")),
    "serial of strides": _serial(_convolution(3, 2), _convolution(4, 3), _convolution(2, 1)),
    "serial of a cell between strides": _serial(_convolution(4, 2), _one_way("gru_reset_after"), _convolution(5, 2)),
    "serial that needs the end": _serial(_convolution(3, 2), _both_ways("lstm"), _locked, _one_way("elman")),
    "serial of both ways twice": _serial(_both_ways("gru_reset_after"), _residual(_both_ways("elman"))),
    "serial in a residual": _residual(_serial(_convolution(2, 1), _one_way("elman"), _convolution(3, 1))),
    "linear": _linear,
    "layer norm": lambda: LayerNorm(FEATURES),
    "rms norm": lambda: RmsNorm(FEATURES),
    "positions": _positions,
    "feed-forward relu": _feed_forward("relu"),
    "feed-forward gelu": _feed_forward("gelu"),
    "attention to all": _attention(causal=False, heads=3),
    "attention to all, residual": _residual(_attention(causal=False, heads=1)),
    "attention to the past": _attention(causal=True, heads=2),
    "attention in a block to all": _block(False, LayerNorm, "relu"),
    "attention in a block to the past": _block(True, RmsNorm, "gelu"),
    "attention in two blocks to all": _serial(
        _positions, _block(False, RmsNorm, "relu"), _block(False, LayerNorm, "gelu")
    ),
    "attention in two blocks to the past": _serial(
        _positions, _block(True, LayerNorm, "relu"), _block(True, RmsNorm, "relu")
    ),
    "attention after a cell": _serial(_one_way("lstm"), _attention(causal=True, heads=2), _convolution(3, 1)),
    "serial in a serial": _serial(_serial(_plain, _convolution(3, 1)), _serial(_one_way("elman"))),
}


ATTENDING = tuple(name for name in LAYERS if "attention" in name)  # their sums are over as many numbers as were heard


def a_layer(name: str, seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return shaken(LAYERS[name]())


def some_sequences(seed: int, lengths: Sequence[int], features: int = FEATURES) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(length, features, generator=generator) for length in lengths]


# --- scorers ----------------------------------------------------------------------------------------------------------

SCORERS = tuple(ATTENTIONS)
COMPARING = tuple(name for name in ATTENTIONS if name != "fixed")  # those that have weights


OWN_SIZES: dict[str, tuple[int, ...]] = {"location": (3, 5), "multi_head": (2,)}  # filters and positions; heads


def a_scorer(name: str, size: int = FEATURES, width: int = 4, seed: int = 0, *, query: int | None = None) -> Scorer:
    torch.manual_seed(seed)
    scorer: Scorer = shaken(ATTENTIONS[name](query or size, size, width, *OWN_SIZES.get(name, ())))
    return scorer


# --- losses -----------------------------------------------------------------------------------------------------------

LOSSES: dict[str, Callable[..., TokenLoss]] = {"chunked": token_loss, "plain": plain_token_loss}
CTC_LOSSES: dict[str, Callable[..., Tensor]] = {"forward and backward": ctc_loss, "plain": plain_ctc_loss}

# --- encoder-decoders -------------------------------------------------------------------------------------------------

SYMBOLS = 11
FIRST, LAST = 0, 1

SMALL = EncoderDecoderSettings(
    embedding=5,
    hidden=6,
    encoder_hidden=3,
    dropout=0.2,
    embedding_dropout=0.2,
    word_dropout=0.1,
    output_dropout=0.2,
    heads=2,
    location_filters=2,
    location_width=3,
)

TRANSFORMER = replace(
    SMALL,
    encoder="transformer",
    decoder="transformer",
    encoder_hidden=6,
    encoder_layers=2,
    decoder_layers=2,
)


READING = (
    ("none", False),
    *product(("fixed", "general"), (False, True)),
    ("location", True),  # remembers what it read last
    ("multi_head", True),  # reads something of its own
)
"""Ways of reading the memory that differ for the halves around them; the scorers themselves know nothing of these."""


def _of_parts(deep: EncoderDecoderSettings, one_way: EncoderDecoderSettings) -> dict[str, EncoderDecoderSettings]:
    """What is read, what the states begin as, and weights that are left out."""
    found: dict[str, EncoderDecoderSettings] = {}
    for rounds in (1, 2):
        found[f"mogrifier of {rounds}"] = replace(SMALL, cell="mogrifier", mogrifier_rounds=rounds)
    for attention, cell in (("general", "lstm"), ("fixed", "gru_reset_before"), ("none", "elman")):
        found[f"one-hot {attention}"] = replace(SMALL, input="one_hot", tied="none", attention=attention, cell=cell)
    found["one-hot fed"] = replace(found["one-hot general"], input_feeding=True)
    for begin, fed in product(("learned", "zero"), (False, True)):
        name = f"begin {begin}" + (" fed" if fed else "")
        found[name] = replace(SMALL, begin=begin, cell="gru_reset_after", input_feeding=fed)
        found[f"deep {name}"] = replace(deep, begin=begin, input_feeding=fed)
    for cell in CELLS:
        found[f"thin {cell}"] = replace(SMALL, weight_dropout=0.4, cell=cell)
    found["thin deep fed"] = replace(deep, weight_dropout=0.4, input_feeding=True)
    found["thin one way"] = replace(one_way, weight_dropout=0.4, begin="learned")
    return found


def _transformers() -> dict[str, EncoderDecoderSettings]:
    """Every form of a Transformer, and each half of one with a recurrent other half."""
    found: dict[str, EncoderDecoderSettings] = {}
    for norm, activation in product(("layer", "rms"), ("relu", "gelu")):
        found[f"transformer {norm} {activation}"] = replace(TRANSFORMER, norm=norm, activation=activation)
    for tied in ("none", "three"):
        found[f"transformer tied={tied}"] = replace(TRANSFORMER, tied=tied)
    found["transformer of one width"] = replace(TRANSFORMER, embedding=6, feed_forward=5, heads=3)
    found["transformer plain dropout"] = replace(TRANSFORMER, locked=False)
    found["transformer after recurrent"] = replace(TRANSFORMER, encoder="recurrent", encoder_hidden=3)
    for attention, fed in READING:
        half = replace(TRANSFORMER, decoder="recurrent", attention=attention, input_feeding=fed)
        found[f"{attention} after transformer" + (" fed" if fed else "")] = half
    return found


TIED = ("none", "two", "three")


def _crossed() -> Iterator[tuple[str, str, bool, str]]:
    """Attention, cell, whether it is fed, what is tied: any two that go together, and each attention fed or not.

    Since 2 and 3 share no factor, every cell and every attention meets each way of feeding with each way of tying.
    """
    for (row, attention), (column, cell) in product(enumerate(("none", *ATTENTIONS)), enumerate(CELLS)):
        yield attention, cell, (row + column) % 2 == 1 and attention != "none", TIED[(row + column) % 3]
    for attention, fed in product(("none", *ATTENTIONS), (False, True)):
        if not (attention == "none" and fed):
            yield attention, "lstm", fed, "two"
    for tied in TIED:
        yield "general", "lstm", False, tied


def _variants() -> dict[str, EncoderDecoderSettings]:
    found: dict[str, EncoderDecoderSettings] = {}
    for attention, cell, fed, tied in _crossed():
        name = f"{attention} {cell} tied={tied}" + (" fed" if fed else "")
        found[name] = replace(SMALL, attention=attention, cell=cell, input_feeding=fed, tied=tied)
    deep = replace(SMALL, encoder_layers=2, decoder_layers=2, residual=True)
    for attention, fed in READING:
        found[f"deep {attention}" + (" fed" if fed else "")] = replace(deep, attention=attention, input_feeding=fed)
    one_way = replace(SMALL, bidirectional=False, encoder_hidden=6)
    found["one way"], found["one way fixed"] = one_way, replace(one_way, attention="fixed")
    found["plain dropout"], found["plain dropout fed"] = (
        replace(SMALL, locked=False, input_feeding=fed) for fed in (False, True)
    )
    found |= _transformers()
    found["wide multi_head"] = replace(SMALL, attention="multi_head", attention_size=9, heads=3, hidden=7)
    found |= _of_parts(deep, one_way)
    found["wide additive"] = replace(SMALL, attention="additive", attention_size=9, hidden=7)
    return found


VARIANTS = _variants()
FEW = tuple(name for name in VARIANTS if "lstm tied=two" in name or "tied" not in name)  # each form once


def a_model(name: str, seed: int = 0) -> EncoderDecoder:
    """A random model that says something: larger weights than a new model's, so that its answers differ."""
    settings = VARIANTS[name]
    settings.check()
    torch.manual_seed(seed)
    model = EncoderDecoder(SYMBOLS, SYMBOLS, settings)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.5 * torch.randn_like(parameter)
    return model


def some_symbols(seed: int, lengths: Sequence[int]) -> list[list[int]]:
    """Lists of symbols that neither begin nor end an answer."""
    draw = random.Random(seed)
    return [[draw.randrange(2, SYMBOLS) for _ in range(length)] for length in lengths]


def classes_within(module: nn.Module) -> set[type]:
    return {type(inner) for inner in module.modules()}
