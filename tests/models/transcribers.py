"""Recognisers of every form, small, and what they are given."""

from __future__ import annotations

from dataclasses import replace

import torch

from melisma.layers.levelled import Levels, LogScale
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
    "one of two": SMALL,
    "every frame": replace(SMALL, stride=1, convolutions=0, cell="elman"),
    "one of three": replace(SMALL, stride=3, convolutions=3, cell="gru_reset_before"),
    "one of four": replace(SMALL, stride=4, width=4, look_ahead=1, centred=True, floor=0.03),
    "deep": replace(SMALL, layers=3, residual=True, channels=6, look_ahead=0, stride=6),
    "thin": replace(SMALL, weight_dropout=0.4, cell="lstm", convolutions=1),
    "both ways": replace(
        BOTH_WAYS, layers=3, residual=True, cell="mogrifier", mogrifier_rounds=2, centred=True, floor=0.1
    ),
}
"""Each part in its place; the cells, which know nothing of it, stand under the same laws by themselves."""

SPELLING: dict[str, TranscriberSettings] = {
    "location": replace(SMALL, decoder="attention", cell="lstm", decoder_layers=2, residual=True),
    "additive": replace(BOTH_WAYS, decoder="attention", attention="additive"),
    "general": replace(SMALL, decoder="attention", attention="general", weight_dropout=0.3, locked=False),
}


LEVELS = Levels(LogScale(torch.zeros(BANDS), torch.ones(BANDS)), torch.full((BANDS,), -0.5), torch.tensor(0.5))


def a_transcriber(settings: TranscriberSettings, seed: int = 0) -> Transcriber:
    """A random model, its biases too, with weights so large that its answers differ."""
    settings.check()
    torch.manual_seed(seed)
    model = Transcriber(BANDS, SYMBOLS, settings, LEVELS if settings.floor else None)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return model
