"""One writer per run: a lock that the kernel releases however its holder ends."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from datetime import datetime
from pathlib import Path

from melisma.errors import Busy, Refusal
from melisma.quoting import shown_path
from melisma.runs.disk import Disk, write_all
from melisma.runs.holder import told
from melisma.runs.layout import LOCK
from melisma.runs.place import busy


class Lock:
    """The right to change a run, held while the file stays open (flock(2), so also against threads of one process)."""

    def __init__(self, file: int) -> None:
        self._file: int | None = file

    @classmethod
    def take(cls, path: Path, disk: Disk) -> Lock:
        """Takes the lock of the run at ``path``; Busy where another has it, Refusal where it cannot be taken at all."""
        file = disk.hold(path / LOCK)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_same(file, path / LOCK):  # whoever held it has taken its beginning back meanwhile
                raise Busy(f"{shown_path(path)} was just given up by another process, try again")
            since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
            with contextlib.suppress(OSError):  # who holds it is only told to people: the kernel knows
                disk.truncate(file, 0)
                write_all(disk, file, f"{os.getpid()} {since}\n".encode())
        except BlockingIOError:
            holder = told(file)
            os.close(file)
            raise busy(path, holder) from None
        except OSError as error:
            os.close(file)
            if error.errno in (errno.ENOLCK, errno.ENOTSUP):
                raise Refusal(
                    f"{shown_path(path)} lies on a file system without locks, choose another folder"
                ) from None
            raise
        except BaseException:
            os.close(file)
            raise
        return cls(file)

    def release(self) -> None:
        """Lets others have it; a second call does nothing."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @property
    def held(self) -> bool:
        """Whether it has not been released."""
        return self._file is not None


def _is_same(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.lstat(path))
    except FileNotFoundError:
        return False
