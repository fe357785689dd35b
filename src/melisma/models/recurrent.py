"""The recurrent halves of an encoder-decoder, as their settings have them: what symbols enter as, and the layers."""

from __future__ import annotations

from melisma.contract import Cell, Layer
from melisma.layers.cells import CELLS
from melisma.layers.deep import BothWays, OneWay, Residual
from melisma.layers.embedding import Embedding, OneHot
from melisma.layers.mogrifier import Mogrifier
from melisma.models.transformer import dropout, transformer_encoder
from melisma.settings.model import EncoderDecoderSettings


def entrance(settings: EncoderDecoderSettings, symbols: int) -> Embedding | OneHot:
    """What each of ``symbols`` enters as."""
    return OneHot(symbols) if settings.input == "one_hot" else Embedding(symbols, settings.embedding)


def _cell(settings: EncoderDecoderSettings, size: int, hidden: int) -> Cell:
    if settings.cell == "mogrifier":
        return Mogrifier(size, hidden, settings.mogrifier_rounds)
    return CELLS[settings.cell](size, hidden)


def encoder(settings: EncoderDecoderSettings, size: int) -> list[Layer]:
    """What reads symbols that enter as ``size`` numbers."""
    if settings.encoder == "transformer":
        return transformer_encoder(settings, size)
    hidden, thin = settings.encoder_hidden, settings.weight_dropout
    layers: list[Layer] = [dropout(settings, settings.embedding_dropout, size)]
    for _ in range(settings.encoder_layers):
        cell = _cell(settings, size, hidden)
        layer: Layer = (
            BothWays(cell, _cell(settings, size, hidden), thin) if settings.bidirectional else OneWay(cell, thin)
        )
        layers.append(Residual(layer) if settings.residual and size == settings.memory else layer)
        size = settings.memory
        layers.append(dropout(settings, settings.dropout, size))
    return layers


def decoder(settings: EncoderDecoderSettings, size: int) -> list[Layer]:
    """What reads symbols that enter as ``size`` numbers, and what is fed besides."""
    size += settings.memory if settings.attention == "fixed" else 0
    size += settings.readout if settings.input_feeding else 0
    layers: list[Layer] = [dropout(settings, settings.embedding_dropout, size)]
    for _ in range(settings.decoder_layers):
        layer: Layer = OneWay(_cell(settings, size, settings.hidden), settings.weight_dropout)
        layers.append(Residual(layer) if settings.residual and size == settings.hidden else layer)
        size = settings.hidden
        layers.append(dropout(settings, settings.dropout, size))
    return layers
