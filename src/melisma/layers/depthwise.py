"""Dilated causal convolution over time, each feature by itself, chunk by chunk."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from melisma.ragged import Ragged


class DepthwiseState(NamedTuple):
    """heard (B, (w - 1) d, F): the last steps of each sequence, zeros where it has had fewer."""

    heard: Tensor


class Depthwise(nn.Module):
    """y_t = b + sum_k W_k * x_{t - (w - 1 - k) d}, k from 0 to w - 1, * by feature, zeros before the first step.

    Width w, dilation d; rows (N, F) -> (N, F). A step sees itself and (w - 1) d steps before it, and none after
    (van den Oord et al. 2016, section 2.1; the "depthwise" half of a separable convolution, Chollet 2017).
    """

    delay: int | None = 0
    ratio = Fraction(1)

    def __init__(self, size: int, width: int, dilation: int = 1) -> None:
        super().__init__()
        if width < 1 or dilation < 1:
            raise ValueError(f"a window of {width} steps, {dilation} apart, holds nothing: wants 1 or more of each")
        self.size, self.width, self.dilation = size, width, dilation
        self.weight = nn.Parameter(torch.empty(width, size).uniform_(-1, 1).mul_(math.sqrt(3 / width)))
        self.bias = nn.Parameter(torch.zeros(size))

    @property
    def before(self) -> int:
        """How many earlier steps a step sees."""
        return (self.width - 1) * self.dilation

    def start(self, batch: int, random: Generator | None = None) -> DepthwiseState:
        return DepthwiseState(self.weight.new_zeros(batch, self.before, self.size))

    def feed(self, state: DepthwiseState, x: Ragged) -> tuple[DepthwiseState, Ragged]:
        if not x.live:
            return state, x
        steps = len(x.live)
        joined = torch.cat((state.heard, x.padded()[0]), 1)
        ends = x.lengths()[:, None] + torch.arange(self.before, device=joined.device)
        heard = joined.gather(1, ends[:, :, None].expand(-1, -1, self.size))
        # products and sums apart, as fused ones round otherwise where a row falls beside the processor's registers
        y = joined[:, :steps] * self.weight[0]
        for k in range(1, self.width):
            y = y + joined[:, k * self.dilation : k * self.dilation + steps] * self.weight[k]
        return DepthwiseState(heard), x.gathered(y + self.bias)

    def flush(self, state: DepthwiseState) -> tuple[DepthwiseState, None]:
        return state, None
