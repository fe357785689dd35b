"""The average of the weights, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from melisma.training.average import Average


def walk(decay: float, steps: int) -> tuple[nn.Linear, Average, dict[str, np.ndarray]]:
    """A model that walks about, its average, and the same average in float64."""
    torch.manual_seed(1)
    model = nn.Linear(3, 2)
    average = Average(model, decay)
    wanted = {name: weight.detach().numpy().astype(np.float64) for name, weight in model.named_parameters()}
    for step in range(1, steps + 1):
        with torch.no_grad():
            for weight in model.parameters():
                weight += torch.randn(weight.shape)
        average.update(step)
        d = min(decay, (1 + step) / (10 + step))
        for name, weight in model.named_parameters():
            wanted[name] = d * wanted[name] + (1 - d) * weight.detach().numpy()
    return model, average, wanted


@pytest.mark.parametrize("decay", [0.3, 0.9, 0.998])
def test_it_is_what_its_formula_says(decay: float) -> None:
    _, average, wanted = walk(decay, 40)
    assert set(average.tensors()) == {"weight", "bias"}
    for name, value in average.tensors().items():
        np.testing.assert_allclose(value.numpy(), wanted[name], rtol=1e-5, atol=1e-6)


def test_it_stands_in_place_of_the_weights_and_gives_them_back_bit_for_bit() -> None:
    model, average, _ = walk(0.9, 10)
    weights = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    averages = {name: value.clone() for name, value in average.tensors().items()}

    def answer() -> None:
        with average.in_place():
            for name, weight in model.named_parameters():
                assert torch.equal(weight, averages[name])
                assert not torch.equal(weight, weights[name])
            raise RuntimeError("planted")

    with pytest.raises(RuntimeError, match="planted"):
        answer()
    for name, weight in model.named_parameters():
        assert torch.equal(weight, weights[name])
        assert torch.equal(average.tensors()[name], averages[name])


def test_without_decay_there_is_none() -> None:
    model, average, _ = walk(0.0, 3)
    weights = [weight.detach().clone() for weight in model.parameters()]
    assert average.tensors() == {}
    with average.in_place():
        assert all(torch.equal(a, b) for a, b in zip(weights, model.parameters()))


def test_tied_weights_are_averaged_once() -> None:
    model = nn.ModuleDict({"first": nn.Linear(2, 2), "second": nn.Linear(2, 2)})
    model["second"].weight = model["first"].weight
    assert set(Average(model, 0.9).tensors()) == {"first.weight", "first.bias", "second.bias"}


def test_it_takes_back_what_was_saved() -> None:
    _, average, _ = walk(0.9, 10)
    saved = {name: value.clone() for name, value in average.tensors().items()}
    other = Average(nn.Linear(3, 2), 0.9)
    other.restore(saved, {}, 0)
    assert all(torch.equal(other.tensors()[name], value) for name, value in saved.items())
    assert other.tensors()["weight"] is not saved["weight"]
