"""What the products of matrices are computed with in training: float32, or numbers rounded to bfloat16 on the way in.

Weights, states, losses, sums and everything that is saved stay float32. Rounding is oneDNN's own, inside a product, and
happens only where a processor has units for it (AMX); elsewhere such a product is one of float32.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

SMALLEST = 5_000_000  # parameters of a model that are worth a measurement
ENOUGH = 1.15  # times as fast that a product must be: what chance may give does not decide
ROWS, ROUNDS = 512, 7  # of the product that is measured
LARGEST = 2048  # side of its weight: what is larger gains as much


@contextmanager
def multiplying(precision: str) -> Iterator[None]:
    """Within it products are of this precision: ``bfloat16``, or anything else for float32; afterwards as before."""
    if precision != "bfloat16" or not can_round():
        yield
        return
    matmul = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = matmul.fp32_precision
    matmul.fp32_precision = "bf16"
    try:
        yield
    finally:
        matmul.fp32_precision = before


def can_round() -> bool:
    """Whether this torch can be told to round (2.9 or newer, with oneDNN); not whether the processor has units."""
    there = bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
    return there and hasattr(torch.backends.mkldnn, "matmul")


def chosen(precision: str, shapes: Iterable[tuple[int, ...]]) -> str:
    """What ``auto`` comes to for a model with weights of these shapes: bfloat16 where its largest product gains by it.

    Small models are not measured, and stay as they are.
    """
    shapes = list(shapes)
    numbers = [torch.Size(shape).numel() for shape in shapes]
    matrices = [shape for shape in shapes if len(shape) == 2]
    if precision != "auto" or sum(numbers) < SMALLEST or not matrices or not can_round():
        return precision
    return "bfloat16" if gain(max(matrices, key=lambda shape: shape[0] * shape[1])) >= ENOUGH else precision


def gain(shape: tuple[int, ...]) -> float:
    """How many times as fast ``ROWS`` rows times a weight of this shape, or a piece of it, are with rounding."""
    random = torch.Generator().manual_seed(1)
    shape = tuple(min(side, LARGEST) for side in shape)
    rows, weight = (torch.rand(size, generator=random) for size in ((ROWS, shape[1]), shape))
    seconds: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    for _ in range(ROUNDS):
        for precision, spent in seconds.items():
            with multiplying(precision):
                spent.append(_seconds(rows, weight))
    return statistics.median(seconds["float32"]) / statistics.median(seconds["bfloat16"])


def _seconds(rows: Tensor, weight: Tensor) -> float:
    began = time.process_time()
    torch.mm(rows, weight.t())
    return time.process_time() - began
