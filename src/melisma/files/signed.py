"""By what a file, or a folder of them, is recognised again."""

from __future__ import annotations

import hashlib
import os


def sha256_of(path: str) -> str:
    """The SHA-256 of a file's bytes; of a folder that of the names and sizes of all files below it."""
    if not os.path.isdir(path):
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            inside = os.path.join(folder, name)
            size = os.stat(inside).st_size if os.path.exists(inside) else -1
            digest.update(f"{os.path.relpath(inside, path)}\0{size}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()
