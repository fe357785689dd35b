"""A sound file as bytes, or the sentence that says what the file is instead."""

from __future__ import annotations

import errno
import os
import stat
from difflib import get_close_matches
from itertools import islice
from typing import Self

from melisma.quoting import named
from melisma.sound.unusable import Kind, Unusable

HEAD = 512  # bytes that are looked at
NEIGHBOURS = 10_000  # names of a folder that are looked through for a similar one
POINTER = "is a Git LFS pointer, not the sound itself: get it with: git lfs pull"
PAGE = "is a web page (HTML), not a sound: the download saved a page in its place; get it again"
CONVERT = "convert it, for example with: ffmpeg -i {0} {1}.flac"

# What is often found under the name of a sound, told from its first bytes. {0} stands for the file.
STRANGERS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"version https://git-lfs", POINTER),
    (0, b"<!DOCTYPE", PAGE),
    (0, b"<html", PAGE),
    (0, b"<?xml", "is XML, not a sound: the download saved an answer in its place; get it again"),
    (0, b"{", "is JSON, not a sound: the download saved an answer in its place; get it again"),
    (0, b"#!AMR", "is AMR, which is not read: " + CONVERT),
    (0, b"#!SILK", "is SILK, which is not read: " + CONVERT),
    (0, b"\x1a\x45\xdf\xa3", "is WebM or Matroska, which is not read: " + CONVERT),
    (4, b"ftyp", "is MPEG-4 (m4a, mp4), which is not read: " + CONVERT),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "is Windows Media (wma), which is not read: " + CONVERT),
    (0, b"wvpk", "is WavPack, which is not read: " + CONVERT),
    (0, b"MAC ", "is Monkey's Audio, which is not read: " + CONVERT),
    (0, b"MThd", "is MIDI: notes, not a sound"),
    (0, b"PK\x03\x04", "is a zip archive, not a sound: unpack it"),
    (0, b"\x1f\x8b", "is packed with gzip: unpack it with: gunzip {0}"),
    (0, b"\xfd7zXZ\x00", "is packed with xz: unpack it with: unxz {0}"),
    (0, b"\x28\xb5\x2f\xfd", "is packed with zstd: unpack it with: unzstd {0}"),
)


class Stored:
    """A regular file open for reading, by position.

    Raises Refusal for what is no readable regular file, is empty, or is known to be something else than sound.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        _require_file(path)
        try:
            self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise _unreadable(path, error) from None
        try:
            self.size = os.fstat(self.descriptor).st_size
            if not self.size:
                raise Unusable(f"{named(path)} is empty (0 bytes); a sound file is wanted", "empty")
            if found := stranger(self.read(0, HEAD)):
                kind: Kind = "pointer" if found == POINTER else "page" if found == PAGE else "other"
                raise Unusable(f"{named(path)} {found.format(named(path), named(os.path.splitext(path)[0]))}", kind)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def read(self, begin: int, size: int) -> bytes:
        """The bytes from ``begin``, at most ``size`` of them, fewer only where the file ends."""
        if not 0 <= begin < self.size or size <= 0:
            return b""
        try:
            data = os.pread(self.descriptor, size, begin)
            while len(data) < size and (more := os.pread(self.descriptor, size - len(data), begin + len(data))):
                data += more
        except OSError as error:
            raise _unreadable(self.path, error) from None
        return data

    def close(self) -> None:
        """Give the file back to the system."""
        os.close(self.descriptor)


def stranger(head: bytes) -> str:
    """What a file is that begins so and is no sound that is read, and what to do, as ``is …``; or nothing."""
    plain = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for offset, mark, sentence in STRANGERS:
        if plain.startswith(mark.lower(), offset):
            return sentence
    return ""


def texts(head: bytes) -> bool:
    """Whether bytes are plain text."""
    return bool(head) and all(byte >= 32 or byte in b"\t\n\r" for byte in head)


def _require_file(path: str) -> None:
    if not path:
        raise Unusable("an empty file name was given; name a sound file")
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        sentence = f"no such file {named(path)}{_like(path) or '; name a sound file that exists'}"
        raise Unusable(sentence, "missing") from None
    except ValueError:
        raise Unusable(f"{named(path)} is no file name: it holds a NUL character; name a sound file") from None
    except OSError as error:
        raise _unreadable(path, error) from None
    if stat.S_ISDIR(mode):
        raise Unusable(f"{named(path)} is a folder; name a sound file in it")
    if not stat.S_ISREG(mode):
        raise Unusable(
            f"{named(path)} is a stream or device, not a file, and a sound is read more than once;"
            " write it to a file first and name that file"
        )


def _unreadable(path: str, error: OSError) -> Unusable:
    reason = "permission denied" if error.errno == errno.EACCES else (error.strerror or str(error)).lower()
    return Unusable(f"{named(path)} cannot be read ({reason}); name a file that you may read")


def _like(path: str) -> str:
    """``: there is no folder …`` or ``, did you mean …?`` with the most similar names beside it, or nothing."""
    folder, name = os.path.split(path)
    if folder and not os.path.isdir(folder):
        return f": there is no folder {named(folder)}"
    try:
        with os.scandir(folder or ".") as entries:
            names = sorted(entry.name for entry in islice(entries, NEIGHBOURS))
    except OSError:
        return ""
    stem = os.path.splitext(name)[0]
    same = [other for other in names if os.path.splitext(other)[0] == stem]
    close = same + [other for other in get_close_matches(name, names, 3, 0.6) if other not in same]
    return ", did you mean " + " or ".join(named(os.path.join(folder, one)) for one in close[:3]) + "?" if close else ""
