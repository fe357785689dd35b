"""Products in 8-bit integers: quicker where the processor has instructions for them, and a little less exact.

A matrix W is kept as integers from -127 to 127, a scale for each of its rows; the rows that it is multiplied with are
brought to such integers as they come, a scale for each of them too, so that none sees its neighbours. The sums are
exact integers; scales and bias follow in floating point:

    x W^T + b  =  s_x s_W (round(x / s_x) round(W / s_W)^T) + b        s = max |row| / 127
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

PRODUCTS = (torch.mm, torch.matmul, Tensor.mm, Tensor.matmul, Tensor.__matmul__)
LARGEST = 127  # of the integers
LEAST = 1e-30  # of what is divided by: a row of zeros has no scale


class Int8(Tensor):
    """A matrix (N, K) that linear layers multiply by in integers; to everything else it is the numbers it was."""

    whole: Tensor  # (K, N) int8
    scales: Tensor  # (N,)

    @staticmethod
    def of(weight: Tensor) -> Int8:
        """The matrix (N, K) in integers besides; its numbers are shared, not copied."""
        whole, scales = _whole(weight.detach())
        return Int8._of(weight, whole.t().contiguous(), scales[:, 0])

    @staticmethod
    def _of(weight: Tensor, whole: Tensor, scales: Tensor) -> Int8:
        made = weight.detach().as_subclass(Int8)
        made.whole, made.scales = whole, scales
        made._is_param = True  # what torch goes by where a module is given a parameter of a class of its own
        return made

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        with torch._C.DisableTorchFunctionSubclass():
            if function is functional.linear and not torch.is_grad_enabled():
                return _linear(*arguments, **(named or {}))
            found = function(*arguments, **(named or {}))
            if function is Tensor.__getitem__ and isinstance(arguments[1], slice):  # some of its rows
                weight = arguments[0]
                return Int8._of(found, weight.whole[:, arguments[1]], weight.scales[arguments[1]])
            if function is Tensor.t:
                found = found.as_subclass(Turned)
                found.matrix = arguments[0]
            return found


class Turned(Tensor):
    """An ``Int8`` turned round, (K, N): what rows are multiplied by in ``rows @ matrix.t()``."""

    matrix: Int8

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        with torch._C.DisableTorchFunctionSubclass():
            if arguments and type(arguments[-1]) is Turned and not named and not torch.is_grad_enabled():
                *before, rows, turned = arguments
                if function in PRODUCTS and not before:
                    return _linear(rows, turned.matrix)
                if function is torch.addmm:
                    return _linear(rows, turned.matrix).add_(before[0])
                if function is Tensor.addmm_:
                    return before[0].add_(_linear(rows, turned.matrix))
            return function(*arguments, **(named or {}))


def _whole(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Rows (N, K) -> integers, and the scale of each row (N, 1)."""
    scales = rows.abs().amax(1, keepdim=True).clamp_(min=LEAST).div_(LARGEST)
    return (rows / scales).round_().to(torch.int8), scales


def _linear(rows: Tensor, weight: Int8, bias: Tensor | None = None) -> Tensor:
    """(..., K) -> (..., N)."""
    whole, scales = _whole(rows.reshape(-1, rows.shape[-1]))
    sums = torch._int_mm(whole, weight.whole).to(rows.dtype).mul_(weight.scales)
    found = sums.mul_(scales) if bias is None else torch.addcmul(bias, sums, scales, out=sums)
    return found.view(*rows.shape[:-1], -1)


def in_int8(network: nn.Module, weights: Mapping[str, Tensor]) -> nn.Module:
    """A network that was only built gets these weights, shared, and every matrix of them as ``Int8``."""
    made = {id(weight): Int8.of(weight) if weight.dim() == 2 else weight for weight in weights.values()}
    network.requires_grad_(False)  # as it is with these weights, when they are assigned
    network.load_state_dict({name: made[id(weight)] for name, weight in weights.items()}, strict=False, assign=True)
    return network


@cache
def exact_sums() -> bool:
    """Whether this processor adds up products of 8-bit integers without loss: some cut sums of two off at 16 bits."""
    ones = torch.full((16, 64), LARGEST, dtype=torch.int8)
    return all(
        bool((torch._int_mm(sign * ones, ones.t().contiguous()) == sign * 64 * LARGEST**2).all()) for sign in (1, -1)
    )
