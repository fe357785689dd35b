"""The files below a folder, as whoever looks for sound in it sees them: one walk, and one list of endings."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from melisma.errors import Refusal
from melisma.quoting import named

SOUNDS = (
    ".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".w64",
    ".rf64",
)  # fmt: skip
"""Endings of the files that are sound and can be read; without one, a file is still read where it is named."""

DEEPEST = 32  # folders within folders
HIDDEN = ("__MACOSX",)  # besides what begins with a dot


def files_below(folder: str) -> Iterator[str]:
    """All files, folder by folder, by their names in order; links are followed, but not round in a circle.

    Refusal where a folder cannot be read.
    """
    yield from _files(folder, 0, set())


def _files(folder: str, depth: int, above: set[tuple[int, int]]) -> Iterator[str]:
    try:
        facts = os.stat(folder)
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Refusal(f"{named(folder)} cannot be read ({reason}); name a folder that you may read") from None
    here = (facts.st_dev, facts.st_ino)
    if here in above or depth > DEEPEST:
        return
    for name in names:
        if name.startswith(".") or name in HIDDEN:
            continue
        path = os.path.join(folder, name)
        try:
            mode = os.stat(path).st_mode
        except OSError:  # a link to nothing
            continue
        if stat.S_ISDIR(mode):
            yield from _files(path, depth + 1, above | {here})
        elif stat.S_ISREG(mode):
            yield path
