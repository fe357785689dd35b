"""The microphone as blocks of samples, where there is one."""

from __future__ import annotations

from collections.abc import Generator
from queue import Queue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melisma.errors import Failure, Refusal

WAITING = 1000  # blocks that may wait to be heard, before some are lost: more than a minute


def microphone(rate: int, seconds: float) -> Generator[NDArray[np.float32], None, None]:
    """What is said into the default microphone, at ``rate``, in blocks of ``seconds``, until it is closed.

    Raises Refusal, before the first block, where the package, its library or a microphone is missing.
    """
    sounddevice = _package()
    waiting: Queue[NDArray[np.float32]] = Queue(WAITING)

    def heard(block: Any, frames: int, time: Any, status: Any) -> None:
        if not waiting.full():  # called by the device, which must not wait
            waiting.put_nowait(block[:, 0].copy())

    try:
        stream = sounddevice.InputStream(
            samplerate=rate, channels=1, dtype="float32", blocksize=round(rate * seconds), callback=heard
        )
        stream.start()
    except Exception as error:  # PortAudio's own, of no common class
        raise Refusal(
            f"mic: there is no microphone that gives {rate:,} samples a second ({error}): a file, or -"
        ) from None
    try:
        while True:
            yield waiting.get()
    finally:
        stream.close()


def _package() -> Any:
    try:
        import sounddevice
    except ModuleNotFoundError:
        raise Refusal(
            "mic: the microphone is heard through the package sounddevice, which is not here: pip install sounddevice"
        ) from None
    except OSError:
        raise Refusal(
            "mic: the package sounddevice finds no PortAudio, the system's library for microphones: install it "
            "(apt install libportaudio2, dnf install portaudio)"
        ) from None
    except Exception as error:
        raise Failure(f"mic: the package sounddevice cannot be loaded: {error}") from None
    return sounddevice
