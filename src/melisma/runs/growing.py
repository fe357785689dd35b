"""A file that grows by whole pieces, whatever the disk does meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

from melisma.runs.disk import Disk, write_all


class Growing:
    """The end of a file. Pieces that the disk does not take wait in memory and are tried again with the next."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self._disk = disk
        self._file = disk.extend(path)
        self._size = os.fstat(self._file).st_size
        try:
            disk.sync_folder(path.parent)  # a step whose folder outlives a loss of power must not be there without it
        except BaseException:
            os.close(self._file)
            raise
        self._torn = False
        self._waiting: list[bytes] = []

    def add(self, piece: bytes) -> None:
        """Adds a piece at the end; OSError where the disk does not take it, and then it waits."""
        self._waiting.append(piece)
        self._flush()

    def sync(self) -> None:
        """Returns once every piece is on the disk; OSError where that fails, they then go on waiting."""
        self._flush()
        self._disk.sync(self._file)

    def _flush(self) -> None:
        while self._waiting:
            if self._torn:
                self._disk.truncate(self._file, self._size)
                self._torn = False
            piece = self._waiting[0]
            self._torn = True
            write_all(self._disk, self._file, piece)
            self._torn = False
            self._size += len(piece)
            del self._waiting[0]

    def close(self) -> None:
        """Closes the file; pieces that still wait are tried a last time."""
        try:
            self._flush()
        finally:
            os.close(self._file)
