"""Products in 8-bit integers: the arithmetic they claim, and no row sees another."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from melisma.layers.columns import by_columns
from melisma.layers.int8 import Int8, exact_sums, in_int8

pytestmark = [
    pytest.mark.usefixtures("no_gradients"),
    pytest.mark.skipif(not exact_sums(), reason="this processor cannot multiply 8-bit integers without loss"),
]

SIZES = [(3, 5), (64, 33), (512, 700)]  # (inputs, outputs)


@pytest.fixture
def no_gradients():
    with torch.no_grad():
        yield


def some(inputs: int, outputs: int, rows: int = 9):
    random = torch.Generator().manual_seed(inputs)
    return tuple(torch.randn(*shape, generator=random) for shape in ((rows, inputs), (outputs, inputs), (outputs,)))


def in_integers(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scales = np.maximum(np.abs(rows).max(1, keepdims=True), np.float32(1e-30)) / np.float32(127)
    return np.rint(rows / scales).astype(np.int64), scales.astype(np.float64)


@pytest.mark.parametrize(("inputs", "outputs"), SIZES)
def test_the_formula(inputs: int, outputs: int) -> None:
    x, w, b = some(inputs, outputs)
    whole_x, s_x = in_integers(x.numpy())
    whole_w, s_w = in_integers(w.numpy())
    wanted = torch.from_numpy((whole_x @ whole_w.T) * s_x * s_w.T)
    weight = Int8.of(w)
    torch.testing.assert_close(functional.linear(x, weight).double(), wanted, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(functional.linear(x, weight, b).double(), wanted + b, rtol=1e-5, atol=1e-5)
    deep = x.view(3, 3, inputs)
    assert torch.equal(functional.linear(deep, weight, b), functional.linear(x, weight, b).view(3, 3, outputs))
    half = outputs // 2
    assert torch.equal(functional.linear(x, weight[:half], b[:half]), functional.linear(x, weight, b)[:, :half])


@pytest.mark.parametrize(("inputs", "outputs"), SIZES)
def test_no_row_sees_another(inputs: int, outputs: int) -> None:
    x, w, b = some(inputs, outputs, 40)
    weight = Int8.of(w)
    alone = torch.cat([functional.linear(row[None], weight, b) for row in x])
    x_among = torch.cat((x, torch.full((3, inputs), torch.nan), 1e6 * x[:5], torch.zeros(1, inputs)))
    order = torch.randperm(len(x_among), generator=torch.Generator().manual_seed(3))
    among = torch.empty(len(x_among), outputs)
    among[order] = functional.linear(x_among[order], weight, b)
    assert torch.equal(among[:40], alone)
    assert bool(among[40:43].isnan().all())
    assert torch.equal(among[-1], b)


def test_every_way_to_write_the_product() -> None:
    x, w, b = some(64, 33)
    weight = Int8.of(w)
    wanted, more = functional.linear(x, weight), torch.randn(9, 33)
    assert not torch.equal(wanted, functional.linear(x, w))
    for found in (x @ weight.t(), torch.mm(x, weight.t()), torch.matmul(x, weight.t()), x.mm(weight.t())):
        assert torch.equal(found, wanted)
    assert torch.equal(torch.addmm(more, x, weight.t()), wanted + more)
    assert torch.equal(torch.addmm(b, x, weight.t()), wanted + b)
    into = more.clone()
    assert into.addmm_(x, weight.t()) is into
    assert torch.equal(into, wanted + more)


def test_to_everything_else_it_is_the_numbers_it_was() -> None:
    x, w, b = some(64, 33)
    weight = Int8.of(w)
    for found, wanted in ((weight.t() * 2, w.t() * 2), (weight * 2, w * 2), (weight[3], w[3]), (weight.abs(), w.abs())):
        assert type(found) is torch.Tensor
        assert torch.equal(found, wanted)
    symbols = torch.tensor([3, 1, 3])
    assert torch.equal(functional.embedding(symbols, weight), functional.embedding(symbols, w))
    with torch.enable_grad():
        learning = x.clone().requires_grad_()
        functional.linear(learning, weight, b).sum().backward()
    torch.testing.assert_close(learning.grad, w.sum(0).expand_as(x))


def test_a_network_shares_its_numbers_with_its_twin() -> None:
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(20, 30), nn.Tanh(), nn.Linear(30, 4)).requires_grad_(False)
    kept = {name: weight.clone() for name, weight in network.named_parameters()}
    x = torch.randn(5, 20)
    plain = network(x)
    columns = by_columns(network)
    assert columns is network
    torch.testing.assert_close(network(x), plain, rtol=0, atol=1e-6)
    assert network[0].weight.t().is_contiguous()
    with torch.device("meta"):
        blank = nn.Sequential(nn.Linear(20, 30), nn.Tanh(), nn.Linear(30, 4))
    twin = in_int8(blank, dict(network.named_parameters()))
    assert [type(weight) is Int8 for weight in twin.parameters()] == [True, False, True, False]
    assert not any(weight.requires_grad for weight in (*twin.parameters(), *network.parameters()))
    for (name, weight), other in zip(network.named_parameters(), twin.parameters(), strict=True):
        assert weight.data_ptr() == other.data_ptr()
        assert torch.equal(weight, kept[name])
    close = twin(x)
    assert 0 < float((close - plain).abs().max()) < 0.05


def test_sums_are_exact_at_their_largest() -> None:
    ones = torch.full((64, 2048), 3.0)
    assert torch.equal(functional.linear(ones, Int8.of(ones)), torch.full((64, 64), 9.0 * 2048))
    assert torch.equal(functional.linear(-ones, Int8.of(ones)), torch.full((64, 64), -9.0 * 2048))
