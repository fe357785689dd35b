"""What a file is, told from its first bytes: text, text that was compressed, or something that is no text."""

from __future__ import annotations

HEAD = 4096  # bytes that are looked at; a tar archive is known by byte 257
GZIP = b"\x1f\x8b"
XZ = b"\xfd7zXZ\x00"
ZSTD = b"\x28\xb5\x2f\xfd"
BOM = b"\xef\xbb\xbf"

# Every mark holds a byte that text does not, or is long enough that no text begins with it.
MARKS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"PK\x03\x04", "a zip archive (or an Office document)"),
    (0, b"PK\x05\x06", "an empty zip archive"),
    (0, b"\x80\x02", "a Python pickle"),
    (0, b"\x80\x03", "a Python pickle"),
    (0, b"\x80\x04", "a Python pickle"),
    (0, b"\x80\x05", "a Python pickle"),
    (0, b"BZh91AY&SY", "a bzip2 file"),
    (0, b"\x04\x22\x4d\x18", "an lz4 file"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"Rar!\x1a\x07", "a rar archive"),
    (257, b"ustar\x00", "a tar archive"),
    (257, b"ustar  \x00", "a tar archive"),
    (0, b"%PDF-1.", "a PDF document"),
    (0, b"%PDF-2.", "a PDF document"),
    (0, b"{\\rtf1", "a rich text document"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
    (0, b"SQLite format 3\x00", "an SQLite database"),
    (0, b"PAR1\x15", "a Parquet table"),
    (0, b"ARROW1\x00\x00", "an Arrow table"),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"\x89PNG\r\n\x1a\n", "a picture (PNG)"),
    (0, b"\xff\xd8\xff", "a picture (JPEG)"),
    (0, b"GIF87a", "a picture (GIF)"),
    (0, b"GIF89a", "a picture (GIF)"),
    (8, b"WAVEfmt ", "a sound (WAV)"),
    (0, b"OggS\x00", "a sound (Ogg)"),
    (0, b"fLaC\x00", "a sound (FLAC)"),
    (0, b"ID3\x02\x00", "a sound (MP3)"),
    (0, b"ID3\x03\x00", "a sound (MP3)"),
    (0, b"ID3\x04\x00", "a sound (MP3)"),
    (0, b"MThd\x00\x00\x00\x06", "a MIDI file"),
    (0, b"\x7fELF", "a program"),
)


def compression(head: bytes) -> str:
    """How the bytes are packed: ``"gzip"``, ``"xz"``, ``"zstd"``, or ``""`` for not at all."""
    marks = {GZIP: "gzip", XZ: "xz", ZSTD: "zstd"}
    return next((packing for mark, packing in marks.items() if head.startswith(mark)), "")


def binary(head: bytes) -> str:
    """What a file that is no text is, with its article, or ``""`` when no mark is known."""
    for offset, mark, name in MARKS:
        if head.startswith(mark, offset):
            return name
    return ""


def wide(head: bytes) -> str:
    """The encoding, as ``iconv`` calls it, of text written in units of two or four bytes, or ``""``.

    Told by the byte order mark; without one, by the side of each two bytes on which the NUL bytes stand.
    """
    for mark, name in ((b"\xff\xfe\x00\x00", "UTF-32"), (b"\x00\x00\xfe\xff", "UTF-32")):
        if head.startswith(mark):
            return name
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16"
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if min(even, odd) == 0 and max(even, odd) >= 2 and 8 * max(even, odd) >= len(head) >= 4:
        return "UTF-16LE" if odd else "UTF-16BE"
    if even + odd == 0 or _is_utf8(head):
        return ""
    # Chinese in UTF-16 shows itself by its line ends alone
    units = [head[at : at + 2] for at in range(0, len(head), 2)]
    little, big = units.count(b"\n\0"), units.count(b"\0\n")
    if (little > 0) == (big > 0):
        return ""
    return "UTF-16LE" if little else "UTF-16BE"


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(head) - 3  # a character that the end of the head cut through
    return True
