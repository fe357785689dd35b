"""How a network that only answers holds its matrices: the numbers of one input together, column by column."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

M = TypeVar("M", bound=nn.Module)


def by_columns(network: M) -> M:
    """The same network and numbers in another order in memory, which products of few rows read up to a third faster.

    For processors alone; a network that learns keeps the order that its optimizer has.
    """
    for weight in network.parameters():
        if weight.dim() == 2 and weight.device.type == "cpu":
            weight.data = weight.data.t().contiguous().t()
    return network
