"""A new folder for a repaired copy: written whole or not at all, and what was left out of it listed."""

from __future__ import annotations

import lzma
import os
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from melisma.errors import Failure, Refusal
from melisma.quoting import counted, shown_path
from melisma.runs.disk import DISK, passing_name, reason, remove_tree, write_all
from melisma.runs.place import check_new

REMOVED = "removed.tsv"
HELD = 1 << 20  # characters that are gathered before they are written

T = TypeVar("T")


@dataclass(frozen=True)
class Repaired:
    """What was written: where, the examples kept of each part, how many were left out and why, what to train on."""

    folder: str
    kept: Mapping[str, int]
    removed: Mapping[str, int]  # reason -> how many
    corpora: Mapping[str, tuple[str, ...]]  # part -> its corpora as settings name them
    thing: str = "line"  # what was left out is counted in


def require_free(folder: Path, room: int) -> None:
    """Refusal where no copy of ``room`` bytes can be written into this folder, known before anything is read."""
    if os.path.lexists(folder):
        raise Refusal(f"fix={shown_path(folder)} exists: the name of a new folder is wanted")
    if not folder.absolute().parent.is_dir():
        above = shown_path(folder.absolute().parent)
        raise Refusal(f"fix={shown_path(folder)}: there is no folder {above} to make it in")
    check_new(folder, room, DISK)


def written_whole(folder: Path, write: Callable[[Path], T]) -> T:
    """What ``write`` gives, which is handed the folder under a passing name; where it fails nothing is left."""
    passing = folder.absolute().parent / passing_name()
    try:
        DISK.make_folder(passing)
        try:
            given = write(passing)
            DISK.sync_folder(passing)
            DISK.rename(passing, folder)
        except BaseException:
            remove_tree(DISK, passing)
            raise
        DISK.sync_folder(folder.absolute().parent)
    except OSError as error:
        raise Failure(f"fix={shown_path(folder)} cannot be written: {reason(error)}; nothing was changed") from None
    return given


class _Packer(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


class _Plain:
    """Packs nothing."""

    def compress(self, data: bytes) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


def _zstd() -> _Packer:
    from backports import zstd

    packer: _Packer = zstd.ZstdCompressor()
    return packer


PACKERS: dict[str, Callable[[], _Packer]] = {
    ".gz": lambda: zlib.compressobj(wbits=31),
    ".xz": lzma.LZMACompressor,
    ".zst": _zstd,
}
"""Ending of a file's name -> how it is packed."""


class NewFile:
    """A new file, written through ``DISK`` a megabyte at a time."""

    def __init__(self, path: Path) -> None:
        self._packer = PACKERS.get(path.suffix.lower(), _Plain)()
        self._held: list[str] = []
        self._size = 0
        self._descriptor = DISK.create(path)

    def put(self, text: str) -> None:
        """One line or several, with their ends."""
        self._held.append(text)
        self._size += len(text)
        if self._size > HELD:
            self._write(self._taken())

    def close(self) -> None:
        """Everything is on the disk when this returns."""
        try:
            self._write(self._taken() + self._packer.flush())
            DISK.sync(self._descriptor)
        finally:
            os.close(self._descriptor)

    def _taken(self) -> bytes:
        data = "".join(self._held).encode()
        self._held, self._size = [], 0
        return self._packer.compress(data)

    def _write(self, data: bytes) -> None:
        if data:
            write_all(DISK, self._descriptor, data)


def in_cell(text: str) -> str:
    """A text in one cell of one line, stray bytes of a name written out."""
    text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return text.encode("utf-8", "backslashreplace").decode()


def told(found: Repaired) -> str:
    """What was left out, in a sentence."""
    if not found.removed:
        return "nothing had to be left out"
    lines, where = counted(sum(found.removed.values()), found.thing), f"{shown_path(found.folder)}/{REMOVED}"
    return f"{lines} left out ({reasons(found.removed)}), listed in {where}"


def reasons(removed: Mapping[str, int]) -> str:
    """Why how many were left out."""
    return ", ".join(f"{why}: {count:,}" for why, count in removed.items())
