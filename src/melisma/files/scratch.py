"""Room for what a training holds only while it lasts: in memory while it is small, in a nameless file beyond that.

The file has no name from its first byte on, so that nobody else can open, change or damage it, and the system takes it
back however the process ends: nothing is ever left over, nothing has to be trusted a second time. It is read by
position and never mapped, so that what was read does not count as this process's memory.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from typing import IO

from melisma.errors import Failure, Refusal
from melisma.quoting import named

HELD = 4 << 20  # bytes that are held in memory before a file is begun
BLOCK = 1 << 20  # bytes that are written at once
SPARE = 64 << 20  # bytes of a disk that are left to others
FOLDERS = ("/var/tmp", "/tmp", ".")  # /tmp may lie in memory, /var/tmp does not  # noqa: S108


class Scratch:
    """Bytes that are added at the end and read from anywhere; Refusal where the disk does not take them.

    The folder is that of the environment's ``TMPDIR``, or the first of ``FOLDERS`` that can be written to.
    """

    def __init__(self) -> None:
        self.size = 0  # bytes, in all
        self._tail = bytearray()  # what no file has yet
        self._file: IO[bytes] | None = None
        self._folder = ""

    def add(self, data: bytes) -> None:
        """Adds bytes at the end."""
        self._tail += data
        self.size += len(data)
        if len(self._tail) >= (HELD if self._file is None else BLOCK):
            self._spill()

    def read(self, begin: int, end: int) -> bytes:
        """The bytes from ``begin`` to ``end``, all of which were added."""
        if not 0 <= begin <= end <= self.size:
            raise IndexError(f"bytes {begin} to {end} of {self.size}")
        written = self.size - len(self._tail)
        if begin >= written:
            return bytes(self._tail[begin - written : end - written])
        return self._stored(begin, min(end, written)) + bytes(self._tail[: max(0, end - written)])

    def blocks(self, size: int) -> Iterator[bytes]:
        """All bytes, in blocks of ``size``."""
        for start in range(0, self.size, size):
            yield self.read(start, min(start + size, self.size))

    def _stored(self, begin: int, end: int) -> bytes:
        assert self._file is not None  # the tail is all there is without one
        parts = []
        while begin < end:
            try:
                part = os.pread(self._file.fileno(), end - begin, begin)
            except OSError as error:
                raise Failure(f"what was laid down in {named(self._folder)} cannot be read: {_reason(error)}") from None
            if not part:
                raise Failure(f"what was laid down in {named(self._folder)} ends before its {self.size:,} bytes")
            parts.append(part)
            begin += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _spill(self) -> None:
        if self._file is None:
            self._file, self._folder = _nameless()
        try:
            told = os.fstatvfs(self._file.fileno())
            if told.f_blocks and told.f_bavail * told.f_frsize < len(self._tail) + SPARE:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            rest = memoryview(self._tail)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._file.close()
            raise Refusal(
                f"the training data does not fit into {named(self._folder)}, where it is laid down while training "
                f"lasts ({self.size:,} bytes of this part so far): {_reason(error)}; make room there, or name a folder "
                "with more by TMPDIR=FOLDER before the command"
            ) from None
        self._tail = bytearray()


def _nameless() -> tuple[IO[bytes], str]:
    """A file without a name, and the folder it lies in."""
    asked = os.environ.get("TMPDIR")
    folders, why = [asked] if asked else list(FOLDERS), ""
    for folder in folders:
        try:
            return tempfile.TemporaryFile(buffering=0, dir=folder), folder
        except OSError as error:
            why = why or f"{named(folder)}: {_reason(error)}"
    raise Refusal(
        f"the training data is more than is held in memory, and no folder takes it while training lasts ({why}); "
        "wanted is one that you may write to, named by TMPDIR=FOLDER before the command"
    )


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
