"""Packed products: the numbers of ordinary ones for any number of rows, and of the matrix as it is now."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from melisma.layers.int8 import Int8
from melisma.layers.packed import WITH_MKL, Packed
from melisma.ragged import FILLER, filled

SIZES = [(1, 1), (3, 5), (64, 33), (512, 700)]  # (inputs, outputs)
ROWS = (1, 2, 5, 15, 16, 17, 31, 64, 100, 159, 160, 161, 333)

needs_mkl = pytest.mark.skipif(not WITH_MKL, reason="this torch has no MKL")


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def some(inputs: int, outputs: int, rows: int = 40) -> tuple[Tensor, Tensor, Tensor]:
    random = torch.Generator().manual_seed(inputs + outputs)
    x, w, b = (torch.randn(*shape, generator=random) for shape in ((rows, inputs), (outputs, inputs), (outputs,)))
    return x, w, b


def wanted(x: Tensor, w: Tensor, b: Tensor | None = None) -> Tensor:
    product = x.double() @ w.double().t()
    return product if b is None else product + b


def close(found: Tensor, exact: Tensor) -> None:
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), exact, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(("inputs", "outputs"), SIZES)
def test_the_product_of_any_number_of_rows(inputs: int, outputs: int) -> None:
    x, w, b = some(inputs, outputs, max(ROWS))
    exact = wanted(x, w)
    for weight in (w, w.t().contiguous().t(), nn.Parameter(w, requires_grad=False)):
        packed = Packed()
        for rows in ROWS:
            close(packed(x[:rows], weight), exact[:rows])
            close(packed(x[:rows], weight, b), exact[:rows] + b)
    every_second = torch.stack((x, -x), 2).flatten(1)[:, ::2]
    assert torch.equal(Packed()(every_second, w, b), Packed()(x, w, b))
    assert Packed()(x[:0], w, b).shape == (0, outputs)


@pytest.mark.parametrize(("inputs", "outputs"), SIZES)
def test_no_bit_depends_on_the_number_of_rows(inputs: int, outputs: int) -> None:
    x, w, b = some(inputs, outputs, 200)
    packed = Packed()
    among_many = packed(x, w, b)
    for rows in range(1, 2 * FILLER + 3):
        assert torch.equal(filled(lambda some: packed(some, w, b), x[:rows]), among_many[:rows])


def test_the_matrix_is_the_one_that_comes_as_it_is_now() -> None:
    x, w, _ = some(64, 33)
    packed = Packed()
    close(packed(x, w), wanted(x, w))
    w.mul_(-2)
    close(packed(x, w), wanted(x, w))
    other = w + 1
    close(packed(x, other), wanted(x, other))
    close(packed(x, w), wanted(x, w))
    w.data = other * 3
    close(packed(x, w), wanted(x, other * 3))
    close(copy.deepcopy(packed)(x, w), wanted(x, other * 3))
    square = w[:, :33]
    close(packed(x[:, :33], square), wanted(x[:, :33], square))
    close(packed(x[:, :33], square.t()), wanted(x[:, :33], square.t()))  # the same numbers in the same place


def test_a_matrix_that_went_and_came_back_is_laid_out_again() -> None:
    x, w, _ = some(64, 33)
    layer, packed = nn.Linear(64, 33, bias=False).requires_grad_(False), Packed()
    layer.weight.copy_(w)
    for _ in range(5):
        packed(x, layer.weight)
        layer.bfloat16().float()  # the same parameter, and often at the same address
        close(packed(x, layer.weight), wanted(x, layer.weight))
        layer.weight.mul_(1.1)


@needs_mkl
def test_a_matrix_is_laid_out_once() -> None:
    x, w, b = some(64, 33)
    packed = Packed()
    assert packed.serves(x, w)
    packed(x, w)
    kept = packed._kept
    packed(x[:7], w, b)
    assert kept is not None
    assert packed._kept is kept


def test_what_learns_has_gradients() -> None:
    x, w, b = some(64, 33)
    packed = Packed()
    with torch.enable_grad():
        weight = w.clone().requires_grad_()
        packed(x, weight, b).sum().backward()
        torch.testing.assert_close(weight.grad, x.sum(0).expand_as(w))
        entering = x.clone().requires_grad_()
        packed(entering, w, b).sum().backward()
        torch.testing.assert_close(entering.grad, w.sum(0).expand_as(x))
    assert packed._kept is None
    weight.mul_(2)  # under no_grad, as an optimizer does: nothing may have been kept of what learns
    close(packed(x, weight, b), wanted(x, weight, b))
    assert packed._kept is None


def test_other_matrices_have_their_own_products() -> None:
    x, w, b = some(64, 33)
    packed = Packed()
    assert torch.equal(packed(x.double(), w.double(), b.double()), functional.linear(x.double(), w.double()).add_(b))
    whole = Int8.of(w)
    assert torch.equal(packed(x, whole), functional.linear(x, whole))
    half = functional.linear(x.bfloat16(), w.bfloat16())
    assert torch.equal(packed(x.bfloat16(), w.bfloat16()), half)
    assert packed._kept is None
    with torch.inference_mode():
        close(packed(x, w.clone(), b), wanted(x, w, b))
