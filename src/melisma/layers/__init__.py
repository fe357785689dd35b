"""Layers and cells: each has a state that is an explicit value, and takes sequences whole or chunk by chunk.

The time loop itself stands in ``melisma.layers.scan``.
"""

from melisma.layers.attention import (
    ATTENTIONS,
    Additive,
    Concat,
    Dot,
    Fixed,
    General,
    Memory,
    attend,
    masked_softmax,
    remembered,
)
from melisma.layers.cells import CELLS
from melisma.layers.convolution import Convolution
from melisma.layers.deep import BothWays, OneWay, Residual, began
from melisma.layers.dropout import LockedDropout, PlainDropout
from melisma.layers.elman import Elman
from melisma.layers.embedding import Embedding
from melisma.layers.gru import GruResetAfter, GruResetBefore
from melisma.layers.lstm import Lstm
from melisma.layers.serial import Serial

__all__ = [
    "ATTENTIONS",
    "CELLS",
    "Additive",
    "BothWays",
    "Concat",
    "Convolution",
    "Dot",
    "Elman",
    "Embedding",
    "Fixed",
    "General",
    "GruResetAfter",
    "GruResetBefore",
    "LockedDropout",
    "Lstm",
    "Memory",
    "OneWay",
    "PlainDropout",
    "Residual",
    "Serial",
    "attend",
    "began",
    "masked_softmax",
    "remembered",
]
