"""Convolution over time with a stride, chunk by chunk."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from melisma.layers.initial import uniform
from melisma.ragged import Ragged


class ConvolutionState(NamedTuple):
    """What of the input the next window still needs, rows (N, I)."""

    window: Ragged


class Convolution(nn.Module):
    """y_j = W [x_{j s - p}; ...; x_{j s - p + w - 1}] + b, zeros beyond both ends; rows (N, I) -> (N, O).

    Width w, stride s, p = ``before`` of the window lie before its place and w - 1 - p after it: that is the delay.
    Without ``before`` the place is the middle, p = (w - 1) // 2; with p = w - 1 the layer is causal. A sequence of T
    steps gives ceil(T / s).
    """

    def __init__(self, input_size: int, size: int, width: int, stride: int = 1, before: int | None = None) -> None:
        super().__init__()
        if not 1 <= stride <= width:
            raise ValueError(f"a stride of {stride} would leave steps out between windows of {width}")
        self.input_size, self.size, self.width, self.stride = input_size, size, width, stride
        self.before = (width - 1) // 2 if before is None else before
        if not 0 <= self.before < width:
            raise ValueError(f"a window of {width} with {self.before} steps before its place has no place in it")
        self.delay: int | None = width - 1 - self.before
        self.ratio = Fraction(1, stride)
        self.weight = nn.Parameter(uniform(size, width * input_size))
        self.bias = nn.Parameter(torch.zeros(size))

    def start(self, batch: int, random: Generator | None = None) -> ConvolutionState:
        return ConvolutionState(Ragged.of_even(self.weight.new_zeros(self.before, batch, self.input_size)))

    def feed(self, state: ConvolutionState, x: Ragged) -> tuple[ConvolutionState, Ragged]:
        return self._slide(state.window.join(x))

    def flush(self, state: ConvolutionState) -> tuple[ConvolutionState, Ragged | None]:
        if not state.window.batch:
            return state, None
        ends = Ragged.zeros(self._missing(state.window.lengths()), self.input_size, like=self.weight)
        return self._slide(state.window.join(ends))

    def _missing(self, left: Tensor) -> Tensor:
        """How many zeros (B,) let every window that begins its place within the sequence be finished."""
        inside = left - self.before  # input steps whose window has not been given
        begun = -(-inside).div(self.stride, rounding_mode="floor") - 1
        return (begun * self.stride + self.width - left).clamp(min=0) * (inside > 0)

    def _slide(self, x: Ragged) -> tuple[ConvolutionState, Ragged]:
        frames, left = x.windows(self.width, self.stride)
        y = frames.map(lambda rows: functional.linear(rows.flatten(1), self.weight, self.bias))
        return ConvolutionState(left), y
