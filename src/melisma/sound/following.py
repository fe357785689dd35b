"""Packed files whose parts are asked for one after the other: each is gone through once, not anew for every part."""

from __future__ import annotations

import os
from typing import Self

from melisma.sound.decoding import Decoder


class Following:
    """The file that was asked for last, held open.

    MP3, Vorbis and Opus can be decoded from their beginning alone (``decoding.DIRECT`` says why): of a part that begins
    behind the one before, only what lies between is decoded, to the same bits. Others are opened anew.
    """

    def __init__(self) -> None:
        self._open: Decoder | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def at(self, path: str | os.PathLike[str], begin: float) -> Decoder:
        """The file, for its frames from ``begin`` seconds; it belongs to this, which closes it."""
        name = os.fspath(path)
        if self._open is None or self._open.path != name or not self._open.goes_on(begin):
            self.close()
            self._open = Decoder(name)
        return self._open

    def close(self) -> None:
        """Gives the file back."""
        held, self._open = self._open, None
        if held is not None:
            held.close()
