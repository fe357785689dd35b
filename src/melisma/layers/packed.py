"""Products with a matrix that stays as it is, which is laid out once as the processor's own product reads it.

An ordinary product brings its matrix into that order every time; for a hundred rows that is a fifth of its time.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from melisma.layers.standing import Standing

NOMINAL = 160  # rows that the layout is asked for; the order that comes of it serves any number
WITH_MKL = torch._C.has_mkl and hasattr(torch.ops.mkl, "_mkl_linear")
PLAIN = (Tensor, nn.Parameter)  # what is a matrix and nothing besides: one in 8-bit integers has products of its own


class Packed:
    """x W^T + b: rows (R, K), W (N, K), b (N,) or none -> (R, N).

    What was laid out is kept as long as the same matrix comes, unchanged (see ``Standing``), and laid out again after
    that. Where MKL is not, where anything learns, and for what is not on the processor in 32 bits, it is the ordinary
    product. Copies and what is read back begin with nothing: a layout depends on where it lies in memory.
    """

    def __init__(self) -> None:
        self._kept: tuple[Standing, Any] | None = None

    def __call__(self, rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if not self.serves(rows, weight):
            self._kept = None
            product = functional.linear(rows, weight)
            return product if bias is None else product.add_(bias)  # to begin with the bias copies it to every row
        # PyTorch has no public way to MKL's packed products. Its operator takes the layout only where it is told as
        # many rows as come, though MKL itself asks for no such thing.
        found: Tensor = torch.ops.mkl._mkl_linear(rows, self._laid_out(weight), weight, bias, len(rows))
        return found

    def serves(self, rows: Tensor, weight: Tensor) -> bool:
        """Whether their product is another than the ordinary one."""
        if torch.is_grad_enabled() or weight.requires_grad or type(weight) not in PLAIN or weight.is_inference():
            return False
        if not (rows.dtype == weight.dtype == torch.float32 and weight.device.type == "cpu"):
            return False
        return WITH_MKL and len(rows) > 0

    def _laid_out(self, weight: Tensor) -> Any:
        kept = self._kept  # read once: another thread may lay out another
        if kept is None or not kept[0].still([weight]):
            standing = Standing([weight])
            kept = standing, torch.ops.mkl._mkl_reorder_linear_weight(weight.detach().contiguous(), NOMINAL)
            self._kept = kept
        return kept[1]

    def __reduce__(self) -> tuple[type[Packed], tuple[()]]:
        return Packed, ()
