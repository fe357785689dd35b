"""The plainest batch that can be trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor


class Vectors(NamedTuple):
    """A batch of vectors, and by what each loss is divided; a part leaves that to the whole."""

    x: Tensor  # (B, …)
    counts: Mapping[str, int]
    weight: None = None

    @property
    def size(self) -> int:
        return len(self.x)

    def to(self, device: torch.device) -> Vectors:
        return self

    def part(self, index: int, parts: int) -> Vectors:
        return Vectors(self.x[index::parts], {})
