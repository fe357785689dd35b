"""The pages of an Ogg file (Vorbis, Opus, FLAC in Ogg): whether the last of them is there.

The decoder takes the last page that it finds for the end, and of streams that follow each other it gives the first.
"""

from __future__ import annotations

from typing import NamedTuple

from melisma.sound.opening import Stored

FIRST, LAST = 2, 4  # flags of a page: of a stream's first one, of its last one
SEARCHED = 1 << 16  # bytes in which the next page has to begin: a page is never longer


class Pages(NamedTuple):
    """What the pages of an Ogg file tell."""

    ended: bool  # the first stream's last page is there, and whole
    streams: int  # that follow each other, 1 or more


def pages(stored: Stored) -> Pages | None:
    """Walks through a file's pages; None for what is no Ogg file."""
    if stored.read(0, 4) != b"OggS":
        return None
    at, streams, opening, ended = 0, 0, False, False
    while at < stored.size:
        head = stored.read(at, 27 + 255)
        if head[:4] != b"OggS" or len(head) < 27:
            found = stored.read(at, SEARCHED).find(b"OggS", 1)
            if found < 0:
                break
            at += found
            continue
        length = 27 + head[26] + sum(head[27 : 27 + head[26]])
        begins = bool(head[5] & FIRST)
        streams += begins and not opening  # pages that begin streams side by side stand together
        opening = begins
        ended = ended or (streams == 1 and bool(head[5] & LAST) and at + length <= stored.size)
        at += length
    return Pages(ended, max(streams, 1))
