"""What attention remembers: the values, and the keys that its scorer makes of them, each padded to zero."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from melisma.layers.attention import ATTENTIONS, Memory, remembered
from melisma.ragged import FILLER, Ragged

SIZE = 6
LENGTHS = [3, FILLER, 1]  # rows enough that none is filled


def encoded() -> tuple[Tensor, Ragged]:
    random = torch.Generator().manual_seed(3)
    leaf = torch.randn(sum(LENGTHS), SIZE, generator=random, requires_grad=True)
    return leaf, Ragged.of(list(torch.split(leaf, LENGTHS)))


def pulled(memory: Memory, leaf: Tensor) -> Tensor:
    """The gradient of what both sides give, in different shares."""
    random = torch.Generator().manual_seed(4)
    total = sum((side * torch.randn(side.shape, generator=random)).sum() for side in memory[:2])
    assert isinstance(total, Tensor)
    return torch.autograd.grad(total, leaf)[0]


@pytest.mark.parametrize("name", ["fixed", "dot", "general", "additive"])
def test_keys_are_the_scorers_own_view_of_the_values(name: str) -> None:
    torch.manual_seed(2)
    scorer = ATTENTIONS[name](SIZE, SIZE, SIZE)
    (leaf, x), (other, y) = encoded(), encoded()
    values, mask = y.padded()
    plain = Memory(values, y.map(scorer.keys).padded()[0], mask, values[:, 0])
    found = remembered(scorer, x, plain.summary)
    for one, wanted in zip(found, plain):
        assert torch.equal(one, wanted)
    assert torch.equal(pulled(found, leaf), pulled(plain, other)), "to the bit"


@pytest.mark.parametrize(("name", "once"), [("dot", True), ("general", False)])
def test_what_is_compared_as_it_is_is_padded_once(name: str, once: bool) -> None:
    memory = remembered(ATTENTIONS[name](SIZE, SIZE, SIZE), encoded()[1], torch.zeros(len(LENGTHS), SIZE))
    assert (memory.keys is memory.values) is once
