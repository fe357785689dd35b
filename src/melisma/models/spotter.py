"""Networks that hear trigger words: frames in, one score a word and step out, chunk by chunk."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, nn
from torch.nn import functional

from melisma.contract import Layer, whole
from melisma.errors import Refusal
from melisma.layers.convolution import Convolution
from melisma.layers.deep import OneWay, Residual
from melisma.layers.depthwise import Depthwise
from melisma.layers.dropout import LockedDropout
from melisma.layers.gru import GruResetAfter
from melisma.layers.initial import uniform
from melisma.layers.serial import Serial
from melisma.layers.transformer import Activation, FeedForward, LayerNorm
from melisma.ragged import Ragged
from melisma.settings.spotter import LARGEST, SpotterSettings

SELDOM = -4.0  # how a new network begins: a word is heard at 2 % of all steps, about as many as there are


class Spotter(nn.Module):
    """A causal layer from normalised frames to logits: p(word w ends about step j) = sigmoid(y_jw).

    A strided convolution, LayerNorm and relu, then either ``layers`` gated recurrent units (Arik et al. 2017) or
    ``layers`` residual blocks x + W2 relu(W1 norm(depthwise(x))), whose dilation doubles from each to the next. Rows
    (N, features) -> (N', words); output j hears input j * stride and all before it, and nothing after. Besides, while
    it learns, it can tell ``strangers`` apart, other words, which it never answers with.
    """

    def __init__(self, features: int, words: int, settings: SpotterSettings, strangers: int = 0) -> None:
        super().__init__()
        self.features, self.words, self.settings, self.strangers = features, words, settings, strangers
        size = settings.hidden
        begin: list[Layer] = [
            Convolution(features, size, settings.width, settings.stride, settings.width - 1),
            LayerNorm(size),
            Activation("relu"),
            LockedDropout(settings.dropout, size),
        ]
        self.body = Serial([*begin, *(_recurrent(settings) if settings.kind == "recurrent" else _blocks(settings))])
        self.weight, self.bias = nn.Parameter(uniform(words, size)), nn.Parameter(torch.full((words,), SELDOM))
        if strangers:
            self.stranger_weight = nn.Parameter(uniform(strangers, size))
            self.stranger_bias = nn.Parameter(torch.full((strangers,), SELDOM))
        self.delay, self.ratio = self.body.delay, self.body.ratio
        count = sum(weight.numel() for name, weight in self.named_parameters() if not name.startswith("stranger_"))
        if count > LARGEST:
            raise Refusal(
                f"the network would have {count} parameters: wants {LARGEST} or fewer, by a smaller model.hidden "
                f"({settings.hidden}) or model.layers ({settings.layers})"
            )

    def start(self, batch: int, random: Generator | None = None) -> Any:
        return self.body.start(batch, random)

    def feed(self, state: Any, x: Ragged) -> tuple[Any, Ragged]:
        state, y = self.body.feed(state, x)
        return state, self._scored(y)

    def flush(self, state: Any) -> tuple[Any, Ragged | None]:
        state, rest = self.body.flush(state)
        return state, None if rest is None else self._scored(rest)

    def telling_apart(self, x: Ragged, random: Generator | None = None) -> Ragged:
        """Whole sequences (N, features) -> logits (N', words + strangers), of which none is used but to learn from."""
        y = whole(self.body, x, random)
        if not self.strangers:
            return self._scored(y)
        weight, bias = torch.cat((self.weight, self.stranger_weight)), torch.cat((self.bias, self.stranger_bias))
        return y.map(lambda rows: functional.linear(rows, weight, bias))

    def _scored(self, y: Ragged) -> Ragged:
        return y.map(lambda rows: functional.linear(rows, self.weight, self.bias))


def _recurrent(settings: SpotterSettings) -> list[Layer]:
    layers: list[Layer] = []
    for _ in range(settings.layers):
        layers += [
            OneWay(GruResetAfter(settings.hidden, settings.hidden)),
            LockedDropout(settings.dropout, settings.hidden),
        ]
    return layers


def _blocks(settings: SpotterSettings) -> list[Layer]:
    size, layers = settings.hidden, list[Layer]()
    for place in range(settings.layers):
        parts: list[Layer] = [
            Depthwise(size, settings.kernel, 2 ** (place % settings.dilations)),
            LayerNorm(size),
            FeedForward(size, size, "relu"),
            LockedDropout(settings.dropout, size),
        ]
        layers.append(Residual(Serial(parts)))
    return layers
