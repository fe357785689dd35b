"""The frames of an MP3 file, counted: its decoder believes a length that is missing, estimated, or out of date.

Without a Xing header the decoder estimates the length from the first frame, and stops there: of a recording with a
variable bit rate, half may be lost. Of files that were joined it gives the first. So the frames are counted (a header
of 4 bytes each), and the decoder is handed the true number.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from melisma.sound.opening import Stored

BLOCK = 1 << 20  # bytes that are held at once
SEARCHED = 1 << 16  # bytes in which the first frame has to begin
FOLLOWING = 4  # frames of its kind that have to follow it: fewer are found by chance in anything
TAGS = 16  # tags before the first frame, at most

OTHERS = (b"fLaC", b"Creative Voice", b"NIST_1A", b"wvpk", b"MThd")  # kinds in which such frames mean nothing

_BITRATES = {  # kbit/s by (MPEG-1, layer), at index 1 to 14
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version: 1, 2, 2.5


class Frames(NamedTuple):
    """What an MP3 file holds; lengths in bytes."""

    begin: int  # where its sound begins: behind tags, and behind a header without sound
    end: int  # behind the last whole frame
    promised: int | None  # samples that its header promises; None: it does not say
    samples: int  # that there are
    head: bytes  # a header with the true count, to stand before the sound


class _Header(NamedTuple):
    length: int
    samples: int
    kind: int  # what is the same in all frames of a file


def frames(stored: Stored) -> Frames | None:
    """Counts a file's frames; None for what is no MP3 file."""
    begin = _behind_tags(stored)
    first = _first(stored, begin)
    if first is None:
        return None
    at, header = first
    mark = stored.read(at, header.length)
    info = _info(mark)
    begin = at + header.length if info is not None or mark[36:40] == b"VBRI" else at
    count, end = _count(stored, begin, header)
    promised = None
    if info is None:
        head = _made(mark[:4], count)
    else:
        field, told, trimmed = info
        promised = max(0, told * header.samples - trimmed)
        head = mark if told == count else _corrected(mark, field, count, end - begin)
    return Frames(begin, end, promised, count * header.samples, head)


def _behind_tags(stored: Stored) -> int:
    """Where the ID3v2 tags end that stand at the beginning."""
    at = 0
    for _ in range(TAGS):
        tag = stored.read(at, 10)
        if tag[:3] != b"ID3" or len(tag) < 10:
            break
        size = tag[6] << 21 | tag[7] << 14 | tag[8] << 7 | tag[9]
        at += 10 + size + (10 if tag[5] & 0x10 else 0)
    return at


def _header(four: bytes) -> _Header | None:
    if len(four) < 4 or four[0] != 0xFF or four[1] & 0xE0 != 0xE0:
        return None
    version, layer = four[1] >> 3 & 3, 4 - (four[1] >> 1 & 3)
    index, rate = four[2] >> 4, four[2] >> 2 & 3
    if version == 1 or layer == 4 or not 1 <= index <= 14 or rate == 3:
        return None
    first = version == 3
    bits = 1000 * _BITRATES[first, layer][index - 1]
    padding, hertz = four[2] >> 1 & 1, _RATES[version][rate]
    kind = four[1] & 0xFE | (four[2] & 0x0C) << 8
    if layer == 1:
        return _Header((12 * bits // hertz + padding) * 4, 384, kind)
    samples = 1152 if first or layer == 2 else 576
    return _Header(samples // 8 * bits // hertz + padding, samples, kind)


def _first(stored: Stored, begin: int) -> tuple[int, _Header] | None:
    """The first frame that others of its kind follow, or the end of the file."""
    head = stored.read(begin, SEARCHED)
    at = -1 if head.startswith(OTHERS) else head.find(b"\xff")
    while at >= 0:
        header = _header(head[at : at + 4])
        if header is not None and _followed(stored, begin + at, header):
            return begin + at, header
        at = head.find(b"\xff", at + 1)
    return None


def _followed(stored: Stored, at: int, first: _Header) -> bool:
    header: _Header | None = first
    for _ in range(FOLLOWING):
        if header is None or header.kind != first.kind:
            return False
        at += header.length
        if at >= stored.size:
            return at == stored.size
        header = _header(stored.read(at, 4))
    return header is not None and header.kind == first.kind


def _count(stored: Stored, at: int, first: _Header) -> tuple[int, int]:
    """How many whole frames of a kind there are from ``at`` on, and where the last of them ends."""
    count, end = 0, at
    block, start = stored.read(at, BLOCK), at
    while True:
        if at + 4 > start + len(block):
            block, start = stored.read(at, BLOCK), at
        header = _header(block[at - start : at - start + 4])
        if header is not None and header.kind == first.kind:
            if at + header.length > stored.size:
                return count, end
            at += header.length
            count, end = count + 1, at
            continue
        place = block.find(b"\xff", at - start + 1)
        if place >= 0:
            at = start + place
        elif start + len(block) >= stored.size:
            return count, end
        else:
            at = start + len(block)


def _info(frame: bytes) -> tuple[int, int, int] | None:
    """Of a frame that is a header: where its count of frames stands, the count, and the samples that are trimmed."""
    for offset in (13, 15, 21, 23, 36, 38):  # mono or stereo, MPEG-1 or 2, without and with a check sum
        named = frame[offset : offset + 4] in (b"Xing", b"Info") and not any(frame[6:offset])
        if named and len(frame) >= offset + 16:  # the shortest frames have no room for counts
            (flags,) = struct.unpack(">I", frame[offset + 4 : offset + 8])
            if not flags & 1:
                return None
            (count,) = struct.unpack(">I", frame[offset + 8 : offset + 12])
            encoder = (
                offset + 8 + 4 * (flags & 1) + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
            )
            gaps = frame[encoder + 21 : encoder + 24]
            known = len(gaps) == 3 and any(frame[encoder : encoder + 4])
            trimmed = (gaps[0] << 4 | gaps[1] >> 4) + ((gaps[1] & 15) << 8 | gaps[2]) if known else 0
            return offset + 8, count, trimmed
    return None


def _corrected(frame: bytes, field: int, count: int, size: int) -> bytes:
    """The header with other counts of frames and bytes."""
    (flags,) = struct.unpack(">I", frame[field - 4 : field])
    lengths = struct.pack(">I", count) + (struct.pack(">I", len(frame) + size) if flags & 2 else b"")
    return frame[:field] + lengths + frame[field + len(lengths) :]


def _made(four: bytes, count: int) -> bytes:
    """A header that tells the count and nothing else, for sound whose frames begin with these four bytes."""
    first, mono = four[1] >> 3 & 3 == 3, four[3] >> 6 == 3
    for index in range(1, 15):
        mark = bytes((four[0], four[1] | 1, index << 4 | four[2] & 0x0D, four[3]))
        header = _header(mark)
        if header is not None and header.length >= 200:
            offset = 4 + ((17 if mono else 32) if first else (9 if mono else 17))
            told = mark + b"\0" * (offset - 4) + b"Xing" + struct.pack(">II", 1, count)
            return told + b"\0" * (header.length - len(told))
    return b""
