"""The table of cells: name in the settings -> what is built. A new cell is its file and one line here."""

from __future__ import annotations

from collections.abc import Callable

from melisma.contract import Cell
from melisma.layers.elman import Elman
from melisma.layers.gru import GruResetAfter, GruResetBefore
from melisma.layers.lstm import Lstm
from melisma.layers.lstm_normalised import LstmNormalised
from melisma.layers.mogrifier import Mogrifier

CELLS: dict[str, Callable[[int, int], Cell]] = {
    "elman": Elman,
    "gru_reset_after": GruResetAfter,
    "gru_reset_before": GruResetBefore,
    "lstm": Lstm,
    "lstm_normalised": LstmNormalised,
    "mogrifier": Mogrifier,
}
