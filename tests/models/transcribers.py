"""Recognisers of every form, small, and what they are given."""

from __future__ import annotations

from dataclasses import replace

import torch

from melisma.layers.cells import CELLS
from melisma.models.transcriber import Transcriber
from melisma.settings.transcriber import TranscriberSettings

BANDS = 6  # numbers of a frame
SYMBOLS = 7

SMALL = TranscriberSettings(
    channels=5,
    width=3,
    activation="gelu",  # has a gradient everywhere, for what measures by gradients
    hidden=6,
    look_ahead=2,
    dropout=0.2,
    convolution_dropout=0.2,
    decoder_hidden=5,
    location_filters=2,
    location_width=3,
)

BOTH_WAYS = replace(SMALL, bidirectional=True, hidden=3)

FORMS: dict[str, TranscriberSettings] = {
    **{f"one way {cell}": replace(SMALL, cell=cell) for cell in CELLS},
    "every frame": replace(SMALL, stride=1),
    "no convolution": replace(SMALL, stride=1, convolutions=0, look_ahead=0),
    "one of three": replace(SMALL, stride=3, convolutions=3),
    "one of four": replace(SMALL, stride=4, width=4, look_ahead=1),
    "one of six": replace(SMALL, stride=6),
    "deep": replace(SMALL, layers=3, residual=True, channels=6, look_ahead=0),
    "thin": replace(SMALL, weight_dropout=0.4, cell="lstm", convolutions=1),
    "both ways": BOTH_WAYS,
    "deep both ways": replace(BOTH_WAYS, layers=3, residual=True, cell="elman", stride=4),
}
"""Each cell, and each other part in its place."""

SPELLING: dict[str, TranscriberSettings] = {
    "location": replace(SMALL, decoder="attention"),
    "location lstm": replace(SMALL, decoder="attention", cell="lstm", decoder_layers=2, residual=True),
    "additive": replace(BOTH_WAYS, decoder="attention", attention="additive"),
    "general": replace(SMALL, decoder="attention", attention="general", weight_dropout=0.3, locked=False),
}


def a_transcriber(settings: TranscriberSettings, seed: int = 0) -> Transcriber:
    """A random model, its biases too, with weights so large that its answers differ."""
    settings.check()
    torch.manual_seed(seed)
    model = Transcriber(BANDS, SYMBOLS, settings)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return model
