"""The only file through which anything is written: each method is one operation that may fail, or be the last one."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

PASSING = ".tmp-"  # begins the name of what is still being written
TRASH = ".trash-"  # begins the name of what is being removed


class Disk:
    """The operations that change a disk; tests put in its place one that fails, forgets or dies at the N-th."""

    def create(self, path: Path) -> int:
        """A new file open for writing, its mode 0666 less the umask; what exists or is a link is refused."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)

    def extend(self, path: Path) -> int:
        """A plain file, made where it is missing, open for adding to its end and for nothing else."""
        return self._plain(path, os.O_WRONLY | os.O_APPEND)

    def hold(self, path: Path) -> int:
        """A plain file, made where it is missing, open for reading and writing."""
        return self._plain(path, os.O_RDWR)

    def write(self, file: int, data: bytes | memoryview) -> int:
        """One write(2); returns how many bytes were taken."""
        return os.write(file, data)

    def truncate(self, file: int, size: int) -> None:
        """Cuts an open file to ``size`` bytes."""
        os.ftruncate(file, size)

    def sync(self, file: int) -> None:
        """Returns once the file's bytes are on the disk."""
        os.fsync(file)

    def sync_folder(self, path: Path) -> None:
        """Returns once the folder's list of names is on the disk, where the file system can promise that."""
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        except OSError as error:
            if error.errno != errno.EINVAL:  # network and user-space file systems know no sync of a folder
                raise
        finally:
            os.close(folder)

    def rename(self, old: Path, new: Path) -> None:
        """Gives ``old`` the name ``new``, which must be free."""
        if os.path.lexists(new):  # rename(2) would silently take the place of an empty folder
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(new))
        os.rename(old, new)

    def replace(self, old: Path, new: Path) -> None:
        """Puts the file ``old`` in the place of the file ``new`` at one instant."""
        os.replace(old, new)

    def make_folder(self, path: Path) -> None:
        """A new folder, its mode 0777 less the umask."""
        os.mkdir(path, 0o777)

    def remove_file(self, path: Path) -> None:
        """Removes a file or a link (never what the link leads to)."""
        os.unlink(path)

    def remove_folder(self, path: Path) -> None:
        """Removes an empty folder."""
        os.rmdir(path)

    def free(self, path: Path) -> int | None:
        """The bytes that may still be written to the file system of ``path``; None where it does not say."""
        told = os.statvfs(path)
        return told.f_bavail * told.f_frsize if told.f_blocks else None

    def _plain(self, path: Path, how: int) -> int:
        # O_NONBLOCK: a pipe under this name must not hang us until somebody reads from it
        file = os.open(path, how | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise OSError(errno.EINVAL, "not a plain file", str(path))
        return file


DISK = Disk()


def write_all(disk: Disk, file: int, data: bytes | memoryview) -> None:
    """Writes every byte, however little each write(2) takes."""
    rest = memoryview(data)
    while rest:
        taken = disk.write(file, rest)
        if taken == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        rest = rest[taken:]


def write_file(disk: Disk, path: Path, data: bytes | memoryview) -> None:
    """Writes a new file and returns once its bytes are on the disk; the folder is left to the caller to sync."""
    file = disk.create(path)
    try:
        write_all(disk, file, data)
        disk.sync(file)
    finally:
        os.close(file)


def replace_file(disk: Disk, path: Path, data: bytes | memoryview) -> None:
    """Puts a file with these bytes in the place of ``path`` at one instant, and returns once that is on the disk."""
    _put(disk, path, data, disk.replace)


def new_file(disk: Disk, path: Path, data: bytes | memoryview) -> None:
    """The same where ``path`` is free; FileExistsError where it is not."""
    _put(disk, path, data, disk.rename)


def _put(disk: Disk, path: Path, data: bytes | memoryview, named: Callable[[Path, Path], None]) -> None:
    passing = path.parent / passing_name()
    try:
        write_file(disk, passing, data)
        named(passing, path)
    except BaseException:
        with contextlib.suppress(OSError):
            disk.remove_file(passing)
        raise
    disk.sync_folder(path.parent)


def remove_tree(disk: Disk, path: Path) -> None:
    """Removes a file, a link (not followed) or a folder with all it holds; what is not there is no error."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(mode):
        disk.remove_file(path)
        return
    for name in sorted(os.listdir(path)):
        remove_tree(disk, path / name)
    disk.remove_folder(path)


def sweep(disk: Disk, folder: Path) -> None:
    """Removes what a writer that died left half written or half removed; only for who holds the lock."""
    for name in sorted(os.listdir(folder)):
        if name.startswith((PASSING, TRASH)):
            remove_tree(disk, folder / name)


def probe(disk: Disk, folder: Path) -> None:
    """Writes, syncs and removes a small file in ``folder``: better an OSError now than after a day's training."""
    path = folder / passing_name()
    try:
        write_file(disk, path, b"may this folder be written to?\n")
    finally:
        with contextlib.suppress(FileNotFoundError):
            disk.remove_file(path)


def reason(error: OSError) -> str:
    """What the system says is wrong, as it stands within a sentence."""
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]


def passing_name(what: str = "") -> str:
    """A name that nothing else has, swept at the next start if it is ever left behind."""
    return f"{PASSING}{what}{os.getpid()}-{secrets.token_hex(6)}"


def is_passing(name: str) -> bool:
    """Whether ``passing_name`` may have made this name: stricter than ``sweep``, for folders that are not yet a run."""
    return re.fullmatch(r"\.tmp-(?:[\d-]+-)?\d+-[0-9a-f]{12}", name, re.ASCII) is not None


def trash_name(what: str) -> str:
    """A name under which a thing is no longer counted, so that a half removed one cannot look whole."""
    return f"{TRASH}{what}-{secrets.token_hex(6)}"
