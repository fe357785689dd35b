"""Opens a file that is to be read as data, and gives its unpacked bytes in blocks; everything odd is refused."""

from __future__ import annotations

import errno
import glob
import hashlib
import lzma
import os
import shlex
import stat
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Protocol

from melisma.errors import Refusal
from melisma.files.kinds import HEAD, binary, compression, wide
from melisma.quoting import listed, named

BLOCK = 1 << 18  # bytes read at once
STREAMS = frozenset({"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})
NEIGHBOURS = 10_000  # names of a folder that are looked through for a similar one


@dataclass(frozen=True)
class Budget:
    """What a compressed file may unfold into before it is refused as a bomb.

    Text packs 3 to 10 times, the most repetitive tables 100 times; gzip ends at about 1,000, xz at 7,000.
    """

    bytes: int = 64 << 30  # unpacked, in all
    ratio: int = 250  # unpacked bytes for each packed one …
    slack: int = 32 << 20  # … counted only beyond this many unpacked bytes
    memory: int = 160 << 20  # bytes that unpacking xz or zstd may take; `xz -9` needs 65 MiB, `zstd --ultra -22` 128


BUDGET = Budget()


class Stored:
    """A regular file open for reading, as it lies on disk: counts and hashes (sha256) the bytes that pass.

    Raises Refusal for what is no readable regular file, and from `unchanged` when the file changed meanwhile.
    """

    def __init__(self, path: str) -> None:
        require_file(path)
        self.path = path
        self.size = 0  # bytes read so far
        self._hash = hashlib.sha256()
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise _unreadable(path, error) from None
        self._before = os.fstat(self._descriptor)

    def read(self, size: int) -> bytes:
        """At most `size` bytes; none at the end of the file."""
        try:
            data = os.read(self._descriptor, size)
        except OSError as error:
            raise _unreadable(self.path, error) from None
        self._hash.update(data)
        self.size += len(data)
        return data

    def sha256(self) -> str:
        """The hash of the bytes read so far, in hexadecimal."""
        return self._hash.hexdigest()

    def unchanged(self) -> None:
        """Refuse if the open file, or the one that now bears its name, is not what it was at the start."""
        try:
            after = (os.fstat(self._descriptor), os.stat(self.path))
        except OSError:
            raise Refusal(f"{named(self.path)} was removed while it was read; start again when it is there") from None
        before = _state(self._before)
        if any(_state(now) != before for now in after):
            raise Refusal(
                f"{named(self.path)} changed while it was read ({self._before.st_size:,} bytes before,"
                f" {after[1].st_size:,} after); wait until it is completely written, then start again"
            )

    def close(self) -> None:
        """Give the file back to the system."""
        os.close(self._descriptor)


def blocks(stored: Stored, size: int = BLOCK, budget: Budget = BUDGET) -> Iterator[bytes]:
    """The file's bytes in blocks, the first at least HEAD if it can be; unpacked if they begin like gzip, xz or zstd.

    Raises Refusal for binary files (named), UTF-16, damaged or truncated packing, and what bursts the budget.
    """
    head = stored.read(max(size, HEAD))
    packing = compression(head)
    if not packing:
        _require_text(stored.path, head, "")
        yield head
        while block := stored.read(size):
            yield block
        return
    stream = _within(stored, _unpacked(stored, head, packing, size, budget), packing, budget)
    head = b""
    for block in stream:
        head += block
        if len(head) >= HEAD:
            break
    if inner := compression(head):
        raise Refusal(f"{named(stored.path)} is packed twice ({inner} inside {packing}); unpack it once")
    _require_text(stored.path, head, packing)
    yield head
    yield from stream


def at_home(path: str) -> str:
    """The path with a leading ``~/`` as the home folder; shells leave it as it stands behind a comma or a ``=``."""
    return os.path.expanduser(path) if path.startswith("~/") else path


def require_file(path: str) -> None:
    """Refuse a path that is no regular file: a stream, a folder, a device, a pattern, or nothing at all."""
    if not path:
        raise Refusal("an empty file name was given; name a file (parallel files are joined by one comma: a.en,a.de)")
    if path in STREAMS:
        raise _stream(path)
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise _absent(path) from None
    except ValueError:
        raise Refusal(f"{named(path)} is no file name: it holds a NUL character; name a file") from None
    except OSError as error:
        raise _unreadable(path, error) from None
    if stat.S_ISDIR(mode):
        raise _folder(path)
    if not stat.S_ISREG(mode):
        raise _stream(path)


class _Member(Protocol):
    """One compressed stream; a file may hold several, one after the other."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """zlib's decompressor with the manners of lzma's: it keeps what it was given and has not used yet."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        made = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self.needs_input = not self._inner.unconsumed_tail
        return made


def _unpacked(stored: Stored, head: bytes, packing: str, size: int, budget: Budget) -> Iterator[bytes]:
    """The bytes of every member in turn; zero bytes between and after members are padding."""
    begin = _beginning(stored.path, packing, budget)
    try:
        while head:
            member = begin()
            while not member.eof:
                if member.needs_input:
                    head = head or stored.read(size)
                    if not head:
                        raise Refusal(
                            f"{named(stored.path)} is cut off: its {packing} data ends in the middle; get it again"
                        )
                made, head = member.decompress(head, size), b""
                if made:
                    yield made
            head = member.unused_data.lstrip(b"\0")
            while not head and (more := stored.read(size)):
                head = more.lstrip(b"\0")
    except (zlib.error, lzma.LZMAError, EOFError) as error:
        raise _damaged(stored.path, packing, error, budget) from None
    except Exception as error:
        if type(error).__name__ != "ZstdError":  # its class cannot be named where the package is not there
            raise
        raise _damaged(stored.path, packing, error, budget) from None


def _beginning(path: str, packing: str, budget: Budget) -> Callable[[], _Member]:
    """What begins to unpack a member; Refusal where the package for it is not there."""
    if packing == "gzip":
        return _Gzip
    if packing == "xz":
        return lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=budget.memory)
    try:
        from backports import zstd
    except ImportError:
        raise Refusal(
            f"{named(path)} is packed with zstd, which needs the package backports.zstd: "
            "install melisma[tables], or unpack it with zstd -d"
        ) from None
    options: dict[int, int] = {zstd.DecompressionParameter.window_log_max: (budget.memory - 1).bit_length() - 1}
    return lambda: zstd.ZstdDecompressor(options=options)


def _within(stored: Stored, stream: Iterator[bytes], packing: str, budget: Budget) -> Iterator[bytes]:
    total = 0
    for block in stream:
        total += len(block)
        if total > budget.bytes or (total > budget.slack and total > budget.ratio * stored.size):
            raise Refusal(
                f"{named(stored.path)} unfolds beyond its budget: {stored.size:,} bytes of {packing} became over"
                f" {total:,} (at most {budget.ratio} times and {budget.bytes:,} bytes);"
                " unpack it yourself if you trust it"
            )
        yield block


def _require_text(path: str, head: bytes, packing: str) -> None:
    name, inside = named(path), f" inside {packing}" if packing else ""
    if head.startswith(b"\0" * min(len(head), 4)) and head:
        raise Refusal(f"{name} begins with NUL bytes{inside}, not text; plain UTF-8 text is wanted, one example a line")
    if kind := binary(head):
        raise Refusal(
            f"{name} is {kind}{inside}, not text; unpack or convert it to plain UTF-8 text, one example a line"
        )
    if encoding := wide(head[:HEAD]):
        reader = {"gzip": "zcat", "xz": "xzcat", "zstd": "zstdcat"}.get(packing)
        file = shlex.quote(path) if path.isprintable() else "FILE"
        command = f"iconv -f {encoding} -t UTF-8"
        command = f"{reader} {file} | {command}" if reader else f"{command} {file}"
        raise Refusal(f"{name} looks like {encoding}{inside}; convert it to UTF-8: {command} > NEW_FILE")


def _damaged(path: str, packing: str, error: Exception, budget: Budget) -> Refusal:
    if "limit" in str(error).lower() or "too much memory" in str(error):
        again = "xz -9" if packing == "xz" else "zstd -19"
        return Refusal(
            f"{named(path)} needs more than {budget.memory:,} bytes of memory to unpack; pack it again with {again}"
        )
    return Refusal(f"{named(path)} is damaged: its {packing} data cannot be unpacked ({error}); get it again")


def _state(facts: os.stat_result) -> tuple[int, int, int, int]:
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


def _stream(path: str) -> Refusal:
    return Refusal(
        f"{named(path)} is a stream or device, not a file, and this data is read more than once;"
        " write it to a file first and name that file"
    )


def _unreadable(path: str, error: OSError) -> Refusal:
    reason = "permission denied" if error.errno == errno.EACCES else (error.strerror or str(error)).lower()
    return Refusal(f"{named(path)} cannot be read ({reason}); name a file that you may read")


def _folder(path: str) -> Refusal:
    inside = [name for name in _names(path) if not name.startswith(".")]
    holds = f" (it holds {listed(inside, 5)})" if inside else " (it is empty)"
    return Refusal(f"{named(path)} is a folder{holds}; name a file in it")


def _absent(path: str) -> Refusal:
    """No such file; with the folder's most similar names, or what a pattern would have matched."""
    if glob.has_magic(path):
        matches = list(islice(glob.iglob(path), 4))
        if not matches:
            return Refusal(f"no file matches the pattern {named(path)}; name files that exist")
        return Refusal(
            f"no such file {named(path)}: patterns are expanded by the shell, not here;"
            f" it would match {' or '.join(named(match) for match in matches[:3])}; name one"
        )
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        return Refusal(f"no such file {named(path)}: there is no folder {named(folder)}{_like(folder)}")
    return Refusal(f"no such file {named(path)}{_like(path) or '; name a file that exists'}")


def _like(path: str) -> str:
    """``, did you mean …?`` with neighbours that bear a similar name, or nothing."""
    folder, name = os.path.split(path)
    names = _names(folder or ".")
    longer = [other for other in names if name and (other.startswith(name + ".") or name.startswith(other + "."))]
    close = longer + [other for other in get_close_matches(name, names, 3, 0.6) if other not in longer]
    if not close:
        return ""
    return ", did you mean " + " or ".join(named(os.path.join(folder, other)) for other in close[:3]) + "?"


def _names(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in islice(entries, NEIGHBOURS))
    except OSError:
        return []
