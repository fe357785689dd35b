"""Convolution over time is torch's, with zeros beyond both ends, for every length of sequence."""

from __future__ import annotations

import pytest
import torch
from laws.things import WINDOWS, some_sequences
from torch.nn import functional

from melisma.contract import whole
from melisma.layers.convolution import Convolution
from melisma.ragged import Ragged


@pytest.mark.parametrize(("width", "stride"), WINDOWS)
def test_torch_agrees(width: int, stride: int) -> None:
    torch.manual_seed(0)
    layer = Convolution(3, 5, width, stride).double()
    with torch.no_grad():
        layer.bias.normal_()
    kernel = layer.weight.view(5, width, 3).transpose(1, 2)
    lengths = [1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 0]
    sequences = [sequence.double().requires_grad_() for sequence in some_sequences(1, lengths, 3)]
    outputs = whole(layer, Ragged.of(sequences)).sequences()
    for sequence, y in zip(sequences, outputs, strict=True):
        if not len(sequence):
            assert y.shape == (0, 5)
            continue
        padded = functional.pad(sequence.t(), ((width - 1) // 2, width + stride))
        count = -(-len(sequence) // stride)
        wanted = functional.conv1d(padded[None], kernel, layer.bias, stride)[0, :, :count].t()
        torch.testing.assert_close(y, wanted)
        weights = torch.randn(y.shape, dtype=torch.float64)
        inputs = (sequence, layer.weight, layer.bias)
        found, expected = (torch.autograd.grad((z * weights).sum(), inputs, retain_graph=True) for z in (y, wanted))
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize(("width", "stride"), [(3, 4), (3, 0), (0, 0), (2, -1)])
def test_windows_that_leave_steps_out_are_refused(width: int, stride: int) -> None:
    with pytest.raises(ValueError, match=f"a stride of {stride} would leave steps out between windows of {width}"):
        Convolution(3, 5, width, stride)
