"""Dilated causal convolution, each feature by itself, is torch's with zeros before the first step; and the strided one, made causal."""

from __future__ import annotations

import pytest
import torch
from laws.things import some_sequences
from torch.nn import functional

from melisma.contract import whole
from melisma.layers.convolution import Convolution
from melisma.layers.depthwise import Depthwise
from melisma.ragged import Ragged

LENGTHS = [1, 2, 3, 7, 20, 0, 12]


@pytest.mark.parametrize(("width", "dilation"), [(1, 1), (1, 4), (2, 1), (3, 2), (5, 1), (5, 4)])
def test_torch_agrees(width: int, dilation: int) -> None:
    torch.manual_seed(0)
    layer = Depthwise(4, width, dilation).double()
    with torch.no_grad():
        layer.bias.normal_()
    sequences = [sequence.double().requires_grad_() for sequence in some_sequences(1, LENGTHS, 4)]
    for sequence, y in zip(sequences, whole(layer, Ragged.of(sequences)).sequences(), strict=True):
        padded = functional.pad(sequence.t(), ((width - 1) * dilation, 0))
        kernel = layer.weight.t()[:, None]
        if not len(sequence):
            assert y.shape == (0, 4)
            continue
        wanted = functional.conv1d(padded[None], kernel, layer.bias, dilation=dilation, groups=4)[0].t()
        torch.testing.assert_close(y, wanted)
        weights = torch.randn(y.shape, dtype=torch.float64)
        inputs = (sequence, layer.weight, layer.bias)
        found, expected = (torch.autograd.grad((z * weights).sum(), inputs, retain_graph=True) for z in (y, wanted))
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize(("width", "stride"), [(1, 1), (4, 1), (5, 2), (8, 4), (3, 3)])
def test_a_convolution_with_all_of_its_window_before_its_place_is_causal(width: int, stride: int) -> None:
    torch.manual_seed(0)
    layer = Convolution(3, 5, width, stride, width - 1).double()
    assert layer.delay == 0
    kernel = layer.weight.view(5, width, 3).transpose(1, 2)
    sequences = [sequence.double() for sequence in some_sequences(1, [length for length in LENGTHS if length], 3)]
    for sequence, y in zip(sequences, whole(layer, Ragged.of(sequences)).sequences(), strict=True):
        padded = functional.pad(sequence.t(), (width - 1, 0))
        torch.testing.assert_close(y, functional.conv1d(padded[None], kernel, layer.bias, stride)[0].t())


@pytest.mark.parametrize(("width", "dilation"), [(0, 1), (3, 0), (-1, 1)])
def test_windows_of_nothing_are_refused(width: int, dilation: int) -> None:
    with pytest.raises(ValueError, match=f"a window of {width} steps, {dilation} apart, holds nothing"):
        Depthwise(3, width, dilation)


@pytest.mark.parametrize("before", [-1, 4])
def test_a_place_beside_the_window_is_refused(before: int) -> None:
    with pytest.raises(ValueError, match=f"a window of 4 with {before} steps before its place has no place in it"):
        Convolution(3, 5, 4, 2, before)
