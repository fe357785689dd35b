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
    Location,
    Memory,
    MultiHead,
    attend,
    masked_softmax,
    remembered,
)
from melisma.layers.cells import CELLS
from melisma.layers.centred import Centred, CentredSoFar
from melisma.layers.convolution import Convolution
from melisma.layers.deep import BothWays, OneWay, Residual, began
from melisma.layers.depthwise import Depthwise
from melisma.layers.dropout import LockedDropout, PlainDropout
from melisma.layers.elman import Elman
from melisma.layers.embedding import Embedding, OneHot
from melisma.layers.gru import GruResetAfter, GruResetBefore
from melisma.layers.levelled import Levelled, LevelledSoFar, Levels, LogScale
from melisma.layers.look_ahead import LookAhead
from melisma.layers.lstm import Lstm
from melisma.layers.lstm_normalised import LstmNormalised
from melisma.layers.mogrifier import Mogrifier
from melisma.layers.serial import Serial
from melisma.layers.transformer import (
    Activation,
    CrossAttention,
    FeedForward,
    LayerNorm,
    Linear,
    Positions,
    RmsNorm,
    SelfAttention,
)

__all__ = [
    "ATTENTIONS",
    "CELLS",
    "Activation",
    "Additive",
    "BothWays",
    "Centred",
    "CentredSoFar",
    "Concat",
    "Convolution",
    "CrossAttention",
    "Depthwise",
    "Dot",
    "Elman",
    "Embedding",
    "FeedForward",
    "Fixed",
    "General",
    "GruResetAfter",
    "GruResetBefore",
    "LayerNorm",
    "Levelled",
    "LevelledSoFar",
    "Levels",
    "Linear",
    "Location",
    "LockedDropout",
    "LogScale",
    "LookAhead",
    "Lstm",
    "LstmNormalised",
    "Memory",
    "Mogrifier",
    "MultiHead",
    "OneHot",
    "OneWay",
    "PlainDropout",
    "Positions",
    "Residual",
    "RmsNorm",
    "SelfAttention",
    "Serial",
    "attend",
    "began",
    "masked_softmax",
    "remembered",
]
