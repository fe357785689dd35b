"""How weights begin."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def uniform(outputs: int, inputs: int) -> Tensor:
    """(outputs, inputs) uniform within sqrt(6 / (inputs + outputs)): Glorot & Bengio (2010), eq. 16."""
    return nn.init.xavier_uniform_(torch.empty(outputs, inputs))


def gate_matrix(gates: int, hidden: int, inputs: int) -> Tensor:
    """(gates * hidden, inputs): each gate a Glorot matrix of its own."""
    made = torch.empty(gates * hidden, inputs)
    for gate in torch.split(made, hidden):  # filled in place: torch.cat of shapes alone would load torch's compiler
        nn.init.xavier_uniform_(gate)
    return made


def recurrent_matrix(gates: int, hidden: int) -> Tensor:
    """(gates * hidden, hidden): each gate orthogonal, so that memory neither grows nor fades (Saxe et al. 2014)."""
    made = torch.empty(gates * hidden, hidden)
    for gate in torch.split(made, hidden):
        nn.init.orthogonal_(gate)
    return made
