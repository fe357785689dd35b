"""How weights begin."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def uniform(outputs: int, inputs: int) -> Tensor:
    """(outputs, inputs) uniform within sqrt(6 / (inputs + outputs)): Glorot & Bengio (2010), eq. 16."""
    return nn.init.xavier_uniform_(torch.empty(outputs, inputs))


def gate_matrix(gates: int, hidden: int, inputs: int) -> Tensor:
    """(gates * hidden, inputs): each gate a Glorot matrix of its own."""
    return torch.cat([uniform(hidden, inputs) for _ in range(gates)])


def recurrent_matrix(gates: int, hidden: int) -> Tensor:
    """(gates * hidden, hidden): each gate orthogonal, so that memory neither grows nor fades (Saxe et al. 2014)."""
    return torch.cat([nn.init.orthogonal_(torch.empty(hidden, hidden)) for _ in range(gates)])
