"""What the header of a sound file promises, and how much of it is there: the chunks of WAV, RF64, W64, AIFF, CAF, AU.

The decoder reads what is there and says nothing of the rest: a file that was cut off gives fewer samples, one whose
recorder was killed before it wrote the length gives none at all.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from melisma.sound.opening import Stored

CHUNKS = 10_000  # that are walked through at most
LARGEST_FORMAT = 1 << 16  # bytes of a chunk that describes the samples; 16 to 40 are usual

PCM, FLOAT, ALAW, ULAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE  # tags of WAVE formats whose frames have a size of their own
PLAIN = (PCM, FLOAT, ALAW, ULAW)

USUAL = (b"data", b"fmt ", b"fact", b"LIST", b"PEAK", b"bext", b"JUNK", b"cue ", b"id3 ", b"COMM", b"SSND", b"FVER")

UNSTATED = (0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0x7FFFF000)
"""Lengths that ffmpeg, aplay's arecord and SoX write where they cannot go back: into a pipe. None is believed."""
ROUNDED = 4096  # bytes by which such a length may stand below its mark: headers, and whole frames


class Layout(NamedTuple):
    """Where the samples lie in a file, in bytes, and how many there should be."""

    begin: int
    there: int  # bytes of samples that are in the file
    declared: int | None  # bytes that the header promises; None: it does not say
    frame: int  # bytes of a frame, or of a block of frames where they are packed
    frames: int  # frames in that many bytes: 1, or those of a block; 0: they are packed as they come
    rate: int | None = None  # samples a second that the header says, which may be nonsense; None: not looked up
    head: bytes = b""  # a header that says what is there, in place of all that stands before the samples
    wrong: bool = False  # the file's own header says something else

    @property
    def promised(self) -> int | None:
        """Whole frames that the header promises; None: it does not say."""
        return None if self.declared is None or not self.frames else self.declared // self.frame * self.frames

    @property
    def cut(self) -> bool:
        """Whether a frame is not there as a whole that the header promises."""
        unit = self.frame if self.frames == 1 else 1
        return self.declared is not None and self.there // unit < self.declared // unit


CUT_BEFORE = Layout(0, 0, 1, 1, 0)  # of a file that ends before its samples begin


class _Chunk(NamedTuple):
    name: bytes
    begin: int  # of what is in it
    size: int  # as its header says
    stated: int  # the same, before a 64-bit length took the place of a mark


def layout(stored: Stored) -> Layout | None:
    """How a file's samples lie; None for the kinds whose length the decoder finds out (FLAC, Ogg, MP3), and others."""
    mark = stored.read(0, 16)
    if mark[:4] in (b"RIFF", b"RIFX", b"RF64") and mark[8:12] == b"WAVE":
        return _wave(stored, ">" if mark[:4] == b"RIFX" else "<")
    if mark == W64_RIFF:
        return _wave64(stored)
    if mark[:4] == b"FORM" and mark[8:12] in (b"AIFF", b"AIFC"):
        return _aiff(stored)
    if mark[:4] == b"caff":
        return _core(stored)
    if mark[:4] == b".snd":
        return _sun(stored)
    return None


# --- WAV, RIFX, RF64 --------------------------------------------------------------------------------------------------


def _wave(stored: Stored, order: str) -> Layout | None:
    form = b""
    for chunk in _riff_chunks(stored, 12, order):
        if chunk.name == b"fmt " and not form:
            form = stored.read(chunk.begin, min(chunk.size, LARGEST_FORMAT))
        elif chunk.name == b"data":
            sizes = _frame_sizes(form, order)
            return None if sizes is None else _wave_layout(stored, chunk, form, order, sizes)
    return CUT_BEFORE


def _riff_chunks(stored: Stored, at: int, order: str) -> Iterator[_Chunk]:
    """The chunks from byte ``at`` on; a chunk of odd length has a byte of padding, which some writers forget."""
    wide: dict[bytes, int] = {}
    for _ in range(CHUNKS):
        head = stored.read(at, 8)
        if len(head) < 8:
            return
        name, stated = head[:4], struct.unpack(order + "I", head[4:])[0]
        size = wide.get(name, stated) if stated == 0xFFFFFFFF else stated
        if name == b"ds64" and len(body := stored.read(at + 8, 16)) == 16:
            wide[b"data"] = struct.unpack("<Q", body[8:])[0]
        yield _Chunk(name, at + 8, size, stated)
        at += 8 + size
        forgotten = size % 2 and stored.read(at, 4) in USUAL and stored.read(at + 1, 4) not in USUAL
        at += 0 if forgotten else size % 2


def _is_name(name: bytes) -> bool:
    """Whether four bytes can be the name of a chunk."""
    return len(name) == 4 and all(32 <= byte < 127 for byte in name)


class _Sizes(NamedTuple):
    frame: int = 1  # bytes of a frame, or of a block
    frames: int = 0  # 1, or those of a block; 0: unknown
    rate: int | None = None


def _frame_sizes(form: bytes, order: str) -> _Sizes | None:
    """What the description of a WAVE format says; None where that is nothing lawful."""
    if len(form) < 16:
        return None
    tag, channels, rate, _, block, bits = struct.unpack(order + "HHIIHH", form[:16])
    if tag == EXTENSIBLE and len(form) >= 26:
        tag = struct.unpack(order + "H", form[24:26])[0]
    if tag in PLAIN:
        frame = block or channels * ((bits + 7) // 8)
        return _Sizes(frame, 1, rate) if frame else None
    frames = struct.unpack(order + "H", form[18:20])[0] if len(form) >= 20 else 0
    return _Sizes(block, frames, rate) if block and frames else _Sizes(rate=rate)


def _wave_layout(stored: Stored, data: _Chunk, form: bytes, order: str, sizes: _Sizes) -> Layout:
    rest = stored.size - data.begin
    if _unstated(data, rest):
        return Layout(data.begin, rest, None, *sizes, _header(form, rest, order))
    if data.size == 0 and rest >= sizes.frame and not _only_chunks(stored, data.begin, order):
        return Layout(data.begin, rest, 0, *sizes, _header(form, rest, order), wrong=True)
    if data.stated == data.size and rest - data.size >= 1 << 32 and (rest - data.size) % (1 << 32) < ROUNDED:
        # a length of 32 bits that went round: what 4 GiB and more of samples leave in it
        return Layout(data.begin, rest, None, *sizes, _header(form, rest, order), wrong=True)
    there = min(data.size, rest)
    return Layout(data.begin, there, data.size, *sizes, _header(form, there, order))


def _unstated(data: _Chunk, rest: int) -> bool:
    return data.size > rest and data.stated == data.size and any(0 <= m - data.size < ROUNDED for m in UNSTATED)


def _only_chunks(stored: Stored, at: int, order: str) -> bool:
    """Whether nothing but whole chunks follows byte ``at``: then there are no samples, only what describes them."""
    end = at
    for chunk in _riff_chunks(stored, at, order):
        if not _is_name(chunk.name):
            return False
        end = chunk.begin + chunk.size
    return end - 1 <= stored.size <= end + 1


def _header(form: bytes, size: int, order: str) -> bytes:
    """A header that says how many bytes of samples follow it; with a length of 64 bits where 32 are too few."""
    described = b"fmt " + struct.pack(order + "I", len(form)) + form + b"\0" * (len(form) % 2)
    if size < 0xFFFFFFFF - len(described) - 64 or order == ">":
        length = min(size, 0xFFFFFFFF - len(described) - 64)
        mark = b"RIFX" if order == ">" else b"RIFF"
        sizes = struct.pack(order + "I", 4 + len(described) + 8 + length)
        return mark + sizes + b"WAVE" + described + b"data" + struct.pack(order + "I", length)
    wide = struct.pack("<IQQQI", 28, 4 + 36 + len(described) + 8 + size, size, 0, 0)
    return b"RF64\xff\xff\xff\xffWAVEds64" + wide + described + b"data\xff\xff\xff\xff"


# --- the others: a header that promises too much is all that is looked for -------------------------------------------

W64_RIFF = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"
W64_END = b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"


def _wave64(stored: Stored) -> Layout | None:
    """Sony Wave64: names of 16 bytes, lengths of 8 that count the name and themselves, padded to 8."""
    at, sizes = 40, None
    for _ in range(CHUNKS):
        head = stored.read(at, 24)
        if len(head) < 24:
            return CUT_BEFORE
        size = struct.unpack("<Q", head[16:])[0]
        if head[:16] == b"fmt " + W64_END:
            sizes = _frame_sizes(stored.read(at + 24, min(size - 24, LARGEST_FORMAT)), "<") if size > 24 else None
        elif head[:16] == b"data" + W64_END and sizes is not None:
            return _promised(stored, at + 24, size - 24, sizes)
        if size < 24:
            return None
        at += -(-size // 8) * 8
    return None


def _aiff(stored: Stored) -> Layout | None:
    sizes = _Sizes()
    for chunk in _riff_chunks(stored, 12, ">"):
        if chunk.name == b"COMM" and len(body := stored.read(chunk.begin, 8)) == 8:
            channels, _, bits = struct.unpack(">HIH", body)
            packed = stored.read(8, 4) == b"AIFC" and stored.read(chunk.begin + 18, 4) not in AIFC_PLAIN
            sizes = _Sizes() if packed else _Sizes(channels * ((bits + 7) // 8), 1)
        elif chunk.name == b"SSND" and chunk.size >= 8:
            return _promised(stored, chunk.begin + 8, chunk.size - 8, sizes)
    return None


AIFC_PLAIN = (b"NONE", b"twos", b"sowt", b"raw ", b"fl32", b"FL32", b"fl64", b"FL64", b"in24", b"in32")


def _core(stored: Stored) -> Layout | None:
    """Apple's CAF: names of 4 bytes, lengths of 8; -1 for samples that reach to the end of the file."""
    at, sizes = 8, _Sizes()
    for _ in range(CHUNKS):
        head = stored.read(at, 12)
        if len(head) < 12:
            return CUT_BEFORE
        name, size = head[:4], struct.unpack(">q", head[4:])[0]
        if name == b"desc" and len(body := stored.read(at + 12, 32)) == 32:
            packet, frames = struct.unpack(">II", body[16:24])
            sizes = _Sizes(packet, frames) if packet and frames else _Sizes()
        elif name == b"data":
            return None if size < 4 else _promised(stored, at + 16, size - 4, sizes)
        if size < 0:
            return None
        at += 12 + size
    return None


def _sun(stored: Stored) -> Layout | None:
    head = stored.read(4, 20)
    if len(head) < 20:
        return None
    begin, size, encoding, _, channels = struct.unpack(">5I", head)
    width = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}.get(encoding, 0) * channels
    return None if size == 0xFFFFFFFF or not width else _promised(stored, begin, size, _Sizes(width, 1))


def _promised(stored: Stored, begin: int, size: int, sizes: _Sizes) -> Layout | None:
    if size < 0 or not sizes[0]:
        return None
    return Layout(begin, max(0, min(size, stored.size - begin)), size, *sizes)
