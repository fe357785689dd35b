"""Opening what lies inside a run's directory, and only that: no link is followed, no pipe waited for."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from melisma.errors import Refusal
from melisma.runs.disk import reason

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


class Missing(Refusal):
    """What was asked for is not there."""


class Unreadable(Refusal):
    """What is there, and the system does not let be read."""


@contextmanager
def opened(root: Path, *parts: str) -> Iterator[int]:
    """The plain file ``root/parts…`` open for reading; only ``root`` itself may be a link.

    Missing where it is not there; Refusal where it, or a folder on the way, is a link or not what its place wants.
    """
    held: list[int] = []
    try:
        held.append(_enter(root, _FOLDER, None, root))
        for part in parts[:-1]:
            held.append(_enter(part, _FOLDER | os.O_NOFOLLOW, held[-1], root.joinpath(*parts)))
        held.append(_enter(parts[-1], _FILE, held[-1], root.joinpath(*parts)))
        if not stat.S_ISREG(os.fstat(held[-1]).st_mode):
            raise Refusal(f"{root.joinpath(*parts)} is not a plain file")
        yield held[-1]
    finally:
        for file in reversed(held):
            os.close(file)


def _enter(part: str | Path, how: int, folder: int | None, whole: Path) -> int:
    try:
        return os.open(part, how, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise Missing(f"{whole} is not there") from None
        if how & os.O_NOFOLLOW and _is_link(part, folder):
            raise Refusal(f"{whole} is or passes through a link, which could lead outside the run's folder") from None
        raise Unreadable(f"{whole} cannot be opened: {reason(error)}") from None


def _is_link(part: str | Path, folder: int | None) -> bool:
    try:
        return stat.S_ISLNK(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False


def read_inside(root: Path, *parts: str, limit: int, size: int | None = None) -> bytes:
    """All bytes of the plain file ``root/parts…``.

    Refusal where it has more than ``limit`` bytes, not the ``size`` that its manifest says, or changes meanwhile.
    """
    path = root.joinpath(*parts)
    with opened(root, *parts) as file:
        found = os.fstat(file).st_size
        check_size(found, size, path)
        if found > limit:
            raise Refusal(f"{path} has {found} bytes, more than the {limit} that such a file may have")
        data = read_exactly(file, found, path)
        if os.fstat(file).st_size != found:
            raise Refusal(f"{path} changed while it was read")
    return data


def check_size(found: int, wanted: int | None, path: Path) -> None:
    """Refusal where a file has not the size that its manifest says (None: nothing is said)."""
    if wanted is not None and found != wanted:
        raise Refusal(f"{path} is damaged: it has {found} bytes, by its manifest {wanted} were written")


def read_exactly(file: int, size: int, path: Path) -> bytes:
    """The next ``size`` bytes of an open file; Refusal where it ends before."""
    parts: list[bytes] = []
    rest = size
    while rest:
        try:
            part = os.read(file, min(rest, 2**30))
        except OSError as error:
            raise Unreadable(f"{path} cannot be read: {reason(error)}") from None
        if not part:
            raise Refusal(f"{path} ended {rest} bytes before its {size}")
        parts.append(part)
        rest -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def names_inside(root: Path, *parts: str) -> list[str]:
    """The names in the folder ``root/parts…``, sorted; an absent folder has none, one that is a link is refused."""
    path = root.joinpath(*parts)
    if parts and path.is_symlink():
        raise Refusal(f"{path} is a link, which could lead outside the run's folder")
    try:
        return sorted(os.listdir(path))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Refusal(f"{path} cannot be listed: {reason(error)}") from None
