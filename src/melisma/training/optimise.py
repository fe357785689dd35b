"""Optimizers, and their rate over time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from melisma.quoting import counted
from melisma.settings.training import TrainingSettings

KNOWN = 50  # steps after which ``minutes`` becomes a number of steps: no schedule looks at the end before


def optimizer(model: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """The optimizer that the settings name."""
    return OPTIMIZERS[settings.optimizer](list(model.parameters()), settings)


def _adamw(weights: list[nn.Parameter], s: TrainingSettings) -> torch.optim.Optimizer:
    """Adam with decay apart from the gradient (Loshchilov & Hutter 2019); vectors (biases) do not decay."""
    groups = [
        {"params": [w for w in weights if w.dim() > 1], "weight_decay": s.weight_decay},
        {"params": [w for w in weights if w.dim() <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=s.rate, betas=(s.beta1, s.beta2), fused=True)


def _adam(weights: list[nn.Parameter], s: TrainingSettings) -> torch.optim.Optimizer:
    """Adam (Kingma & Ba 2015); decay enters the gradient."""
    return torch.optim.Adam(weights, lr=s.rate, betas=(s.beta1, s.beta2), weight_decay=s.weight_decay, fused=True)


def _sgd(weights: list[nn.Parameter], s: TrainingSettings) -> torch.optim.Optimizer:
    """Stochastic gradient descent with momentum."""
    return torch.optim.SGD(weights, lr=s.rate, momentum=s.momentum, weight_decay=s.weight_decay, fused=True)


OPTIMIZERS: dict[str, Callable[[list[nn.Parameter], TrainingSettings], torch.optim.Optimizer]] = {
    "adamw": _adamw,
    "adam": _adam,
    "sgd": _sgd,
}


def clip(weights: Iterable[nn.Parameter], bound: float) -> float:
    """Shortens the gradient to a norm of ``bound`` where it is longer -> its norm before (Pascanu et al. 2013, alg. 1).

    The bits are those of torch's ``clip_grad_norm_``, which multiplies by 1 a gradient that is short enough.
    """
    weights = list(weights)
    norm = nn.utils.get_total_norm([weight.grad for weight in weights if weight.grad is not None])
    if bound / (norm + 1e-6) < 1:
        nn.utils.clip_grads_with_norm_(weights, bound, norm)
    return float(norm)


def rate(step: int, settings: TrainingSettings, steps: int | None, reductions: int = 0) -> float:
    """The learning rate of a step (from 1): the schedule's share of ``rate``, warmed up linearly.

    ``steps`` is the last step, if it is known; ``reductions`` is how often the plateau schedule has cut the rate.
    """
    warm = min(1.0, step / settings.warmup) if settings.warmup else 1.0
    return settings.rate * warm * SCHEDULES[settings.schedule](step, settings, steps, reductions)


def late_warmup(settings: TrainingSettings, epoch_steps: int | None) -> str | None:
    """A sentence where the warm-up takes more than half of a training whose steps can be foreseen.

    ``epoch_steps`` are those of an epoch, where they are known.
    """
    if settings.minutes is not None:
        return None
    ends = [settings.steps] if settings.steps is not None else []
    if settings.epochs is not None and epoch_steps is not None:
        ends.append(settings.epochs * epoch_steps)
    if not ends or settings.warmup <= min(ends) / 2:
        return None
    steps, wanted = min(ends), f"training.warmup={min(ends) // 10} is wanted"
    said = f"training.warmup={settings.warmup} is"
    whole = f"the {counted(steps, 'step')} of this training"
    if settings.warmup > steps:
        return f"{said} longer than {whole}: its rate never reaches its height; {wanted}"
    return f"{said} more than half of {whole}: its rate is seldom at its height; {wanted}"


def _constant(step: int, settings: TrainingSettings, steps: int | None, reductions: int) -> float:
    return 1.0


def _inverse_square_root(step: int, settings: TrainingSettings, steps: int | None, reductions: int) -> float:
    """sqrt(warmup / step) after the warm-up (Vaswani et al. 2017, eq. 3)."""
    begin = max(settings.warmup, 1)
    return math.sqrt(begin / max(step, begin))


def _cosine(step: int, settings: TrainingSettings, steps: int | None, reductions: int) -> float:
    """Half a cosine from 1 at the first step to 0 after the last (Loshchilov & Hutter 2017, eq. 5, T_cur = step - 1).

    Where minutes decide, nobody knows the last step before step ``KNOWN``: the cosine begins there.
    """
    begin = KNOWN if settings.minutes is not None else 0
    if steps is None or step <= begin or steps <= begin:
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - 1 - begin) / (steps - begin))))


def _plateau(step: int, settings: TrainingSettings, steps: int | None, reductions: int) -> float:
    """Cut by ``plateau_factor`` whenever validation has not improved ``plateau_patience`` times."""
    return settings.plateau_factor**reductions


SCHEDULES: dict[str, Callable[[int, TrainingSettings, int | None, int], float]] = {
    "constant": _constant,
    "inverse_square_root": _inverse_square_root,
    "cosine": _cosine,
    "plateau": _plateau,
}


def optimizer_tensors(optimizer: torch.optim.Optimizer, settings: TrainingSettings) -> dict[str, Tensor]:
    """What an optimizer remembers, as tensors: ``<number of the weight>.<name>``; nothing before its first step.

    A weight that never had a gradient is remembered with zeros, which is how its memory would begin.
    """
    state = optimizer.state_dict()["state"]
    if not state:
        return {}
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    found: dict[str, Tensor] = {}
    for name, form in remembered([tuple(weight.shape) for weight in weights], settings).items():
        number, what = name.split(".", 1)
        kept = state.get(int(number), {}).get(what)
        found[name] = torch.zeros(form) if kept is None else torch.as_tensor(kept)
    return found


def remembered(shapes: Sequence[tuple[int, ...]], settings: TrainingSettings) -> dict[str, tuple[int, ...]]:
    """The shapes of what ``optimizer_tensors`` gives after a step, for weights of these shapes; all are float32."""
    groups = sorted(shapes, key=lambda shape: len(shape) <= 1) if settings.optimizer == "adamw" else shapes
    if settings.optimizer == "sgd":
        kept: dict[str, bool] = {"momentum_buffer": True} if settings.momentum else {}
    else:
        kept = {"step": False, "exp_avg": True, "exp_avg_sq": True}
    return {
        f"{number}.{name}": shape if of_its_shape else ()
        for number, shape in enumerate(groups)
        for name, of_its_shape in kept.items()
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Gives an optimizer back what ``optimizer_tensors`` read."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        number, name = key.split(".", 1)
        state.setdefault(int(number), {})[name] = value.clone()
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
