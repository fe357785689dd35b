"""By what a file, or a folder of them, is recognised again."""

from __future__ import annotations

import hashlib
import os

from melisma.below import files_below


def sha256_of(path: str) -> str:
    """The SHA-256 of a file's bytes; of a folder that of the names and sizes of all files that are found below it."""
    if not os.path.isdir(path):
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    inside = [os.path.relpath(each, path) for each in files_below(path)]
    for name in sorted(inside, key=lambda name: (os.path.dirname(name).split(os.sep), name)):
        size = os.stat(os.path.join(path, name)).st_size
        digest.update(f"{name}\0{size}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
