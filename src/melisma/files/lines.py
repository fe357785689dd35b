"""The lines of a text file, plain or packed with gzip, xz or zstd, streamed in bounded memory."""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from typing import NamedTuple, TypedDict

from melisma.errors import Refusal
from melisma.files.kinds import BOM
from melisma.files.opening import BLOCK, BUDGET, Budget, Stored, at_home, blocks, require_file
from melisma.quoting import named

LONGEST = 1 << 20  # bytes of one line; the longest chapter fits, a file without line ends does not


class Place(NamedTuple):
    """Where something was read: the file as it was named, and the line, counted from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{named(self.file)}, line {self.line}"


class Signature(TypedDict):
    """What tells a data file from another: hash and size as it lies on disk, and its lines of text."""

    sha256: str
    bytes: int
    lines: int


class Lines:
    r"""Iterates over a file's lines without their ends; ``None`` stands for a skipped line of over `longest` bytes.

    Only ``\n``, ``\r\n`` and ``\r`` end a line (as ``wc`` and editors count; U+2028, U+0085, VT and FF are text); a
    byte order mark is removed; the last line may lack its end. After a whole pass, `count` holds the lines, `too_long`
    the skipped ones, `signature` what was read. Raises Refusal for whatever is no UTF-8 text (with line and byte), and
    for an empty file unless `may_be_empty`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        longest: int = LONGEST,
        may_be_empty: bool = False,
        budget: Budget = BUDGET,
        block: int = BLOCK,
    ) -> None:
        self.path = at_home(os.fspath(path))
        require_file(self.path)
        self.count = 0
        self.too_long = 0
        self.signature: Signature | None = None
        self._longest, self._may_be_empty, self._budget, self._block = longest, may_be_empty, budget, block

    def __iter__(self) -> Iterator[str | None]:
        self.count, self.too_long, self.signature = 0, 0, None
        stored = Stored(self.path)
        try:
            yield from self._split(self._decoded(stored))
            stored.unchanged()
            self.signature = Signature(sha256=stored.sha256(), bytes=stored.size, lines=self.count)
        finally:
            stored.close()
        if self.count == 0 and not self._may_be_empty:
            raise Refusal(f"{named(self.path)} is empty (0 lines); a file with one example a line is wanted")

    def _decoded(self, stored: Stored) -> Iterator[str]:
        r"""Pieces of text in which every line end is ``\n``."""
        offset, line_start, after_return, rest, first = 0, 0, False, b"", True
        for block in blocks(stored, self._block, self._budget):
            data = rest + block
            if first and data.startswith(BOM):
                data, offset, line_start = data[len(BOM) :], len(BOM), len(BOM)
            first = False
            try:
                if b"\0" in block:
                    raise _BadByteError(data.index(0), "a NUL byte, which no text holds; is this a text file?")
                text, used = _decode(data, final=False)
            except _BadByteError as bad:
                raise self._refusal(bad, data, offset, line_start, after_return) from None
            line_start = _line_start(data, used, offset, line_start)
            offset, rest = offset + used, data[used:]
            ended_by_return = text.endswith("\r")
            yield _plain(text, after_return)
            after_return = ended_by_return
        if rest:
            raise self._refusal(
                _BadByteError(0, "a character cut off by the end of the file"), rest, offset, line_start, False
            )

    def _split(self, texts: Iterator[str]) -> Iterator[str | None]:
        held, skipping = "", False
        for text in texts:
            pieces: list[str | None] = [*text.split("\n")]
            end = pieces.pop() or ""
            if pieces:
                pieces[0] = None if skipping else held + (pieces[0] or "")
                held, skipping = "", False
                self._drop_long(pieces, len(text))
                self.count += len(pieces)
                yield from pieces
            held = "" if skipping else held + end
            skipping = skipping or len(held) > self._longest
            held = "" if skipping else held
        if held or skipping:
            last: list[str | None] = [None if skipping else held]
            self._drop_long(last, 0)
            self.count += 1
            yield from last

    def _drop_long(self, pieces: list[str | None], length: int) -> None:
        # only the first piece began in an earlier block, so only it can be longer than the block
        for index in range(len(pieces) if 4 * length > self._longest else 1):
            piece = pieces[index]
            if piece is None or (4 * len(piece) > self._longest and len(piece.encode()) > self._longest):
                pieces[index] = None
                self.too_long += 1

    def _refusal(self, bad: _BadByteError, data: bytes, offset: int, line_start: int, after_return: bool) -> Refusal:
        before = data[: bad.at]
        if after_return:
            before = before.removeprefix(b"\n")
        ends = before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n")
        in_line = offset + bad.at - _line_start(data, bad.at, offset, line_start) + 1
        place = Place(self.path, self.count + ends + 1)
        return Refusal(f"{place}, byte {in_line} (byte {offset + bad.at + 1} of the file): {bad.what}")


def signature(path: str | os.PathLike[str]) -> Signature:
    """A file's sha256 and bytes, as it lies on disk, and its number of lines, read in one streamed pass."""
    lines = Lines(path, may_be_empty=True)
    for _ in lines:
        pass
    assert lines.signature is not None  # set by every pass that reaches the end
    return lines.signature


class _BadByteError(Exception):
    def __init__(self, at: int, what: str) -> None:
        super().__init__(what)
        self.at, self.what = at, what


def _decode(data: bytes, final: bool) -> tuple[str, int]:
    try:
        return codecs.utf_8_decode(data, "strict", final)
    except UnicodeDecodeError as error:
        byte = data[error.start]
        raise _BadByteError(
            error.start,
            f"0x{byte:02x} is not UTF-8; if the file is Latin-1, convert it: iconv -f LATIN1 -t UTF-8 FILE > NEW_FILE",
        ) from None


def _line_start(data: bytes, end: int, offset: int, before: int) -> int:
    """Byte of the file where the line begins that `data[end]` lies in; `before`: where it did at `data[0]`."""
    last = max(data.rfind(b"\n", 0, end), data.rfind(b"\r", 0, end))
    return before if last < 0 else offset + last + 1


def _plain(text: str, after_return: bool) -> str:
    if after_return:
        text = text.removeprefix("\n")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
