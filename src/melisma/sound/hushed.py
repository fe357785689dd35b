"""Nothing on stderr while a library works that writes there of its own accord, past whoever asked for quiet."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_ALONE = threading.Lock()  # the descriptor is the process's: two at once would put back what the other put there


@contextmanager
def hushed() -> Iterator[None]:
    """What is written to file descriptor 2 meanwhile, by whatever thread, goes nowhere."""
    with _ALONE:
        try:
            kept = os.dup(2)
        except OSError:  # it is closed: nothing can be written there
            yield
            return
        try:
            nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.dup2(nowhere, 2)
            finally:
                os.close(nowhere)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
