"""Reference: the chunked loss over a vocabulary is the loss as it is defined, and torch's own cross-entropy."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from laws.things import LOSSES
from torch import Tensor
from torch.nn import functional

from melisma.losses.tokens import CHUNK, plain_token_loss, token_loss

COUNTS = [0, 1, 7, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK + 3]
WIDTH, SYMBOLS = 4, 9


def drawn(count: int, weighted: bool) -> tuple[list[Tensor], Tensor, Tensor | None]:
    """hidden, weight and bias with gradients; what is wanted; a weight for every row, a third of them 0."""
    generator = torch.Generator().manual_seed(count)
    tensors = [
        torch.randn(*shape, generator=generator, dtype=torch.float64)
        for shape in ((count, WIDTH), (SYMBOLS, WIDTH), (SYMBOLS,))
    ]
    wanted = torch.randint(SYMBOLS, (count,), generator=generator)
    rows = (
        torch.rand(count, generator=generator, dtype=torch.float64) * 2 * (torch.arange(count) % 3 > 0)
        if weighted
        else None
    )
    return [tensor.requires_grad_() for tensor in tensors], wanted, rows


def entropy(
    hidden: Tensor, weight: Tensor, bias: Tensor, wanted: Tensor, smoothing: float, rows: Tensor | None
) -> Tensor:
    each = functional.cross_entropy(hidden @ weight.T + bias, wanted, reduction="none", label_smoothing=smoothing)
    return (each if rows is None else each * rows).sum()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", LOSSES)
def test_token_losses_are_the_published_cross_entropy(name: str, count: int, smoothing: float, weighted: bool) -> None:
    tensors, wanted, rows = drawn(count, weighted)
    loss = LOSSES[name](*tensors, wanted, smoothing, rows)
    trained = entropy(*tensors, wanted, smoothing, rows)
    torch.testing.assert_close(loss.trained, trained)
    torch.testing.assert_close(loss.nats, entropy(*tensors, wanted, 0.0, rows).detach())
    assert not loss.nats.requires_grad
    for found, expected in zip(_gradients(loss.trained, tensors), _gradients(trained, tensors), strict=True):
        torch.testing.assert_close(found, expected)


def _gradients(total: Tensor, tensors: list[Tensor]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(2.5 * total, tensors)  # not 1, so that a gradient that forgets what follows is seen


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_chunked_loss_is_the_plain_one_in_single_precision(smoothing: float) -> None:
    tensors, wanted, rows = drawn(2 * CHUNK + 3, weighted=True)
    single = [tensor.detach().float().requires_grad_() for tensor in tensors]
    assert rows is not None
    found, expected = (loss(*single, wanted, smoothing, rows.float()) for loss in (token_loss, plain_token_loss))
    torch.testing.assert_close(found.trained, expected.trained)
    torch.testing.assert_close(found.nats, expected.nats)
    for one, other in zip(_gradients(found.trained, single), _gradients(expected.trained, single), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", LOSSES)
def test_only_what_learns_has_a_gradient(name: str) -> None:
    (hidden, weight, bias), wanted, _ = drawn(5, weighted=False)
    frozen: Any = LOSSES[name](hidden.detach(), weight, bias.detach(), wanted, 0.1, None)
    torch.testing.assert_close(
        torch.autograd.grad(frozen.trained, weight)[0],
        torch.autograd.grad(plain_token_loss(hidden, weight, bias, wanted, 0.1).trained, weight)[0],
    )
    with torch.no_grad():
        assert not LOSSES[name](hidden, weight, bias, wanted, 0.1, None).trained.requires_grad


@pytest.mark.parametrize("name", LOSSES)
def test_large_logits_neither_overflow_nor_vanish(name: str) -> None:
    hidden = torch.tensor([[1e4], [-1e4], [1e4]])
    weight, bias = torch.tensor([[1.0], [-1.0]]), torch.zeros(2)
    loss = LOSSES[name](hidden, weight, bias, torch.tensor([0, 1, 1]))
    assert loss.nats.item() == 2e4
    assert loss.trained.item() == 2e4


@pytest.mark.parametrize("name", LOSSES)
def test_the_inputs_stay_as_they_were(name: str) -> None:
    tensors, wanted, rows = drawn(CHUNK + 1, weighted=True)
    before = [tensor.detach().clone() for tensor in (*tensors, wanted, rows) if tensor is not None]
    LOSSES[name](*tensors, wanted, 0.1, rows).trained.backward()
    for tensor, was in zip((*tensors, wanted, rows), before, strict=True):
        assert tensor is not None
        assert torch.equal(tensor, was)


@pytest.mark.parametrize("chunk", [1, 3, 8, 100])
def test_the_size_of_the_chunks_is_of_no_importance(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("melisma.losses.tokens.CHUNK", chunk)
    tensors, wanted, rows = drawn(8, weighted=True)
    found, expected = token_loss(*tensors, wanted, 0.2, rows), plain_token_loss(*tensors, wanted, 0.2, rows)
    for one, other in zip(_gradients(found.trained, tensors), _gradients(expected.trained, tensors), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_backward_is_what_differences_measure(smoothing: float) -> None:
    tensors, wanted, rows = drawn(4, weighted=True)
    assert torch.autograd.gradcheck(lambda *given: token_loss(*given, wanted, smoothing, rows).trained, tensors)
