"""Convolution over time with a stride, chunk by chunk."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import torch
from torch import Generator, nn
from torch.nn import functional

from melisma.layers.initial import uniform
from melisma.ragged import Ragged


class ConvolutionState(NamedTuple):
    """What of the input the next window still needs, rows (N, I)."""

    window: Ragged


class Convolution(nn.Module):
    """y_j = W [x_{j s - p}; ...; x_{j s - p + w - 1}] + b, zeros beyond both ends; rows (N, I) -> (N, O).

    Width w, stride s, p = (w - 1) // 2 of the window lie before its place and w - 1 - p after it: that is the delay.
    A sequence of T steps gives ceil(T / s).
    """

    def __init__(self, input_size: int, size: int, width: int, stride: int = 1) -> None:
        super().__init__()
        if not 1 <= stride <= width:
            raise ValueError(f"a stride of {stride} would leave steps out between windows of {width}")
        self.input_size, self.size, self.width, self.stride = input_size, size, width, stride
        self.before = (width - 1) // 2
        self.delay: int | None = width - 1 - self.before
        self.ratio = Fraction(1, stride)
        self.weight = nn.Parameter(uniform(size, width * input_size))
        self.bias = nn.Parameter(torch.zeros(size))

    def start(self, batch: int, random: Generator | None = None) -> ConvolutionState:
        zeros = [self.weight.new_zeros(self.before, self.input_size)] * batch
        return ConvolutionState(
            Ragged.of(zeros) if batch and self.before else Ragged.none(batch, self.input_size, like=self.weight)
        )

    def feed(self, state: ConvolutionState, x: Ragged) -> tuple[ConvolutionState, Ragged]:
        return self._slide(state.window.join(x))

    def flush(self, state: ConvolutionState) -> tuple[ConvolutionState, Ragged | None]:
        if not state.window.batch:
            return state, None
        ends = [self.weight.new_zeros(self._missing(len(left)), self.input_size) for left in state.window.sequences()]
        return self._slide(state.window.join(Ragged.of(ends)))

    def _missing(self, left: int) -> int:
        """How many zeros let every window that begins its place within the sequence be finished."""
        inside = left - self.before  # input steps whose window has not been given
        return max(0, (-(-inside // self.stride) - 1) * self.stride + self.width - left) if inside > 0 else 0

    def _slide(self, x: Ragged) -> tuple[ConvolutionState, Ragged]:
        if not x.batch:
            return ConvolutionState(x), Ragged.none(0, self.size, like=x.rows)
        outputs, windows = [], []
        for sequence in x.sequences():
            count = max(0, (len(sequence) - self.width) // self.stride + 1)
            frames = (
                sequence.unfold(0, self.width, self.stride)
                if count
                else sequence.new_zeros(0, self.input_size, self.width)
            )
            outputs.append(frames.transpose(1, 2).reshape(count, self.width * self.input_size))
            windows.append(sequence[count * self.stride :])
        y = Ragged.of(outputs).map(lambda rows: functional.linear(rows, self.weight, self.bias))
        return ConvolutionState(Ragged.of(windows)), y
