"""Optimizers against their formulas in float64, schedules against their published values."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from training.vectors import Vectors

from melisma.settings.training import TrainingSettings
from melisma.task import Total
from melisma.training.descent import GradientDescent
from melisma.training.optimise import (
    KNOWN,
    OPTIMIZERS,
    SCHEDULES,
    clip,
    optimizer,
    optimizer_tensors,
    rate,
    restore_optimizer,
)

STEPS = 5


def settings(**more: Any) -> TrainingSettings:
    return TrainingSettings(**({"rate": 0.1, "warmup": 0, "schedule": "constant"} | more))


def gradients(step: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(step)
    return {"weight": random.normal(size=(2, 3)), "bias": random.normal(size=2)}


def moved(chosen: TrainingSettings) -> dict[str, np.ndarray]:
    """The weights after some steps with given gradients."""
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    driven = optimizer(model, chosen)
    for step in range(STEPS):
        for name, weight in model.named_parameters():
            weight.grad = torch.tensor(gradients(step)[name], dtype=torch.float32)
        driven.step()
    return {name: weight.detach().numpy() for name, weight in model.named_parameters()}


def begun() -> dict[str, np.ndarray]:
    torch.manual_seed(0)
    return {name: weight.detach().numpy().astype(np.float64) for name, weight in nn.Linear(3, 2).named_parameters()}


def compare(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    for name in wanted:
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_adamw_decays_apart_from_the_gradient_and_matrices_alone(decay: float) -> None:
    """Loshchilov & Hutter 2019, algorithm 2, with the decay times the rate."""
    wanted = begun()
    m = {name: np.zeros_like(w) for name, w in wanted.items()}
    v = {name: np.zeros_like(w) for name, w in wanted.items()}
    for step in range(STEPS):
        for name, g in gradients(step).items():
            m[name] = 0.8 * m[name] + 0.2 * g
            v[name] = 0.95 * v[name] + 0.05 * g * g
            first, second = m[name] / (1 - 0.8 ** (step + 1)), v[name] / (1 - 0.95 ** (step + 1))
            kept = 1 - 0.1 * decay if name == "weight" else 1.0
            wanted[name] = kept * wanted[name] - 0.1 * first / (np.sqrt(second) + 1e-8)
    compare(moved(settings(optimizer="adamw", beta1=0.8, beta2=0.95, weight_decay=decay)), wanted)


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_adam_has_the_decay_in_its_gradient(decay: float) -> None:
    """Kingma & Ba 2015, algorithm 1."""
    wanted = begun()
    m = {name: np.zeros_like(w) for name, w in wanted.items()}
    v = {name: np.zeros_like(w) for name, w in wanted.items()}
    for step in range(STEPS):
        for name, gradient in gradients(step).items():
            g = gradient + decay * wanted[name]
            m[name] = 0.8 * m[name] + 0.2 * g
            v[name] = 0.95 * v[name] + 0.05 * g * g
            first, second = m[name] / (1 - 0.8 ** (step + 1)), v[name] / (1 - 0.95 ** (step + 1))
            wanted[name] = wanted[name] - 0.1 * first / (np.sqrt(second) + 1e-8)
    compare(moved(settings(optimizer="adam", beta1=0.8, beta2=0.95, weight_decay=decay)), wanted)


@pytest.mark.parametrize("momentum", [0.0, 0.7])
def test_sgd_keeps_its_momentum(momentum: float) -> None:
    wanted = begun()
    average = {name: np.zeros_like(w) for name, w in wanted.items()}
    for step in range(STEPS):
        for name, gradient in gradients(step).items():
            average[name] = momentum * average[name] + gradient + 0.3 * wanted[name]
            wanted[name] = wanted[name] - 0.1 * average[name]
    compare(moved(settings(optimizer="sgd", momentum=momentum, weight_decay=0.3)), wanted)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_an_optimizer_remembers_is_restored_as_a_copy(name: str) -> None:
    chosen, model = settings(optimizer=name), nn.Linear(3, 2)
    first = optimizer(model, chosen)
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight)
    first.step()
    saved = optimizer_tensors(first, chosen)
    assert saved
    second = optimizer(model, chosen)
    restore_optimizer(second, saved)
    restored = optimizer_tensors(second, chosen)
    assert set(restored) == set(saved)
    assert all(torch.equal(restored[key], saved[key]) for key in saved)
    before = {key: value.clone() for key, value in saved.items()}
    second.step()
    assert all(torch.equal(saved[key], before[key]) for key in saved)


@pytest.mark.parametrize("name", ["adamw", "adam"])  # torch's fused sgd takes no weight that joins later
def test_a_weight_that_never_had_a_gradient_is_remembered_as_if_it_had_just_begun(name: str) -> None:
    def step(of: torch.optim.Optimizer, weights: list[nn.Parameter]) -> None:
        for weight in weights:
            weight.grad = torch.full_like(weight, 0.5)
        of.step()

    chosen, model = settings(optimizer=name), nn.Linear(3, 2)
    assert optimizer_tensors(optimizer(model, chosen), chosen) == {}
    twin = copy.deepcopy(model)
    first = optimizer(model, chosen)
    step(first, [model.bias])
    second = optimizer(twin, chosen)
    twin.load_state_dict(model.state_dict())
    restore_optimizer(second, optimizer_tensors(first, chosen))
    step(first, list(model.parameters()))
    step(second, list(twin.parameters()))
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), twin.parameters()))
    ours, theirs = optimizer_tensors(first, chosen), optimizer_tensors(second, chosen)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


# --- schedules


def curve(steps: list[int], last: int | None = None, reductions: int = 0, **more: Any) -> list[float]:
    chosen = settings(rate=1.0, **more)
    return [rate(step, chosen, last, reductions) for step in steps]


def test_warm_up_is_linear_for_every_schedule() -> None:
    for schedule in SCHEDULES:
        chosen = curve([1, 2, 5, 10], warmup=10, schedule=schedule)
        assert chosen == pytest.approx([0.1, 0.2, 0.5, 1.0]), schedule


def test_constant_is_constant_and_scales_with_the_rate() -> None:
    assert curve([1, 10, 10**6], last=10) == [1, 1, 1]
    assert rate(7, settings(rate=0.03), None) == 0.03


def test_the_inverse_square_root_is_that_of_vaswani_et_al() -> None:
    """2017, eq. 3: d^-0.5 min(step^-0.5, step warmup^-1.5), as a share of its largest value."""
    steps = [1, 50, 399, 400, 401, 1600, 40_000]
    published = [min(step**-0.5, step * 400**-1.5) / 400**-0.5 for step in steps]
    assert curve(steps, warmup=400, schedule="inverse_square_root") == pytest.approx(published)
    assert curve([1, 4, 100], schedule="inverse_square_root") == pytest.approx([1, 0.5, 0.1])
    last = curve(steps, last=500, warmup=400, schedule="inverse_square_root")
    assert last == pytest.approx(published), "it knows of no end, so a training can be extended"


def test_the_cosine_is_that_of_loshchilov_and_hutter() -> None:
    """2017, eq. 5 with eta_min = 0 and eta_max = 1: half (1 + cos(pi T_cur / T_i)), T_cur counted from 0."""
    steps = [1, 2, 26, 51, 76, 100]
    published = [0.5 * (1 + math.cos(math.pi * (step - 1) / 100)) for step in steps]
    assert curve(steps, last=100, schedule="cosine") == pytest.approx(published)
    assert published[0] == 1
    assert published[3] == 0.5
    assert 0 < curve([100], last=100, schedule="cosine")[0] < 1e-3, "the last step is a small one, not none"
    assert curve([1], last=1, schedule="cosine") == [1], "a training of one step learns"
    assert curve([101, 10**6], last=100, schedule="cosine") == pytest.approx([0, 0])
    assert curve([1, 1000], last=None, schedule="cosine") == [1, 1]


def test_where_minutes_decide_the_cosine_begins_when_the_end_is_known() -> None:
    assert curve([1, KNOWN, KNOWN + 1], last=250, schedule="cosine", minutes=1.0) == [1, 1, 1]
    assert curve([KNOWN + 101], last=250, schedule="cosine", minutes=1.0) == pytest.approx([0.5])
    assert curve([1, 9], last=9, schedule="cosine", minutes=1.0) == [1, 1]


def test_the_plateau_cuts_by_its_factor() -> None:
    assert curve([7], reductions=0, schedule="plateau", plateau_factor=0.3) == [1]
    assert curve([7], reductions=2, schedule="plateau", plateau_factor=0.3) == pytest.approx([0.09])
    for schedule in set(SCHEDULES) - {"plateau"}:
        assert curve([7], last=100, schedule=schedule, reductions=3) == curve([7], last=100, schedule=schedule)


# --- clipping


def pull(model: nn.Module, batch: Vectors, carry: None, random: Any) -> Any:
    total = (model(batch.x) ** 2).sum()
    return {"symbols": Total(total, total.detach())}, None


@pytest.mark.parametrize("bound", [0.0, 0.2, 1e6])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_step_clips_by_the_global_norm_as_torch_does(bound: float, accumulate: int) -> None:
    torch.manual_seed(0)
    model, same = nn.Linear(3, 2), nn.Linear(3, 2)
    same.load_state_dict(model.state_dict())
    pulls = 3 * torch.randn(4, 3)
    chosen = settings(optimizer="sgd", momentum=0.0, weight_decay=0.0, clip=bound, average=0.0, accumulate=accumulate)
    driven = GradientDescent(
        model, pull, lambda epoch: [0], lambda place, random: Vectors(pulls, {"symbols": 8}), chosen, {"symbols": 1.0}
    )
    tallies = driven.advance()
    total = (same(pulls) ** 2).sum()
    (total / 8).backward()
    norm = torch.cat([weight.grad.flatten() for weight in same.parameters()]).norm()
    if bound:
        nn.utils.clip_grad_norm_(same.parameters(), bound)
        assert bound > norm or bound < norm / 2, "the smaller bound does clip"
    torch.optim.SGD(same.parameters(), lr=0.1).step()
    assert tallies["symbols"].nats == pytest.approx(float(total.detach()))
    assert tallies["symbols"].units == 8
    for weight, wanted in zip(model.parameters(), same.parameters()):
        torch.testing.assert_close(weight, wanted, rtol=1e-5, atol=1e-7)


def pulled(norm: float) -> list[nn.Parameter]:
    """Weights with a gradient of about this norm, and one without any."""
    weights = [nn.Parameter(torch.zeros(size)) for size in (3, 4, 2)]
    random = torch.Generator().manual_seed(6)
    for weight in weights[:2]:
        weight.grad = torch.randn(weight.shape, generator=random)
    weights[0].grad[0] = -0.0
    length = torch.cat([weight.grad for weight in weights[:2]]).norm()
    for weight in weights[:2]:
        weight.grad *= norm / length
    return weights


@pytest.mark.parametrize("bound", [1e-5, 1.0, math.inf])
@pytest.mark.parametrize("norm", [0.0, 9.5e-6, 0.9, 0.9999999, 1.0, 1.5, 1e15])
def test_what_is_short_enough_is_left_alone_and_the_bits_are_those_of_torch(bound: float, norm: float) -> None:
    found, wanted = pulled(norm), pulled(norm)
    before = [weight.grad._version for weight in found[:2]]
    assert clip(found, bound) == float(nn.utils.clip_grad_norm_(wanted, bound))
    for one, other in zip(found[:2], wanted[:2]):
        assert one.grad.numpy().tobytes() == other.grad.numpy().tobytes()
    assert found[2].grad is None
    left = [weight.grad._version for weight in found[:2]] == before
    assert left == (norm <= bound - 2e-6), "multiplied only where that changes something"


@pytest.mark.parametrize("norm", [math.nan, math.inf])
def test_a_norm_that_is_none_is_told(norm: float) -> None:
    weights = pulled(1.0)
    weights[0].grad[1] = norm
    assert not math.isfinite(clip(weights, 1.0))
    assert clip([], 1.0) == 0.0
