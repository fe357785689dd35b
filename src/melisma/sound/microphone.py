"""The microphone as blocks of samples, where there is one."""

from __future__ import annotations

from collections.abc import Callable, Generator
from queue import Empty, Queue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melisma.errors import Failure, Refusal

WAITING = 1000  # blocks that may wait to be heard, before some are lost: more than a minute
PATIENCE = 10.0  # seconds without a block after which a microphone is taken to be gone


def microphone(
    rate: int, seconds: float, tell: Callable[[str], None] = lambda sentence: None
) -> Generator[NDArray[np.float32], None, None]:
    """What is said into the default microphone, at ``rate``, in blocks of ``seconds``, until it is closed.

    Where sound is lost, because nobody heard it in time, ``tell`` is told so once, in a sentence.
    Raises Refusal, before the first block, where the package, its library or a microphone is missing, and Failure where
    it gives nothing any more.
    """
    sounddevice = _package()
    waiting: Queue[NDArray[np.float32]] = Queue(WAITING)
    lost = told = False

    def heard(block: Any, frames: int, time: Any, status: Any) -> None:
        nonlocal lost
        if waiting.full() or (status and status.input_overflow):
            lost = True
        if not waiting.full():  # called by the device, which must not wait
            waiting.put_nowait(block[:, 0].copy())

    try:
        stream = sounddevice.InputStream(
            samplerate=rate, channels=1, dtype="float32", blocksize=round(rate * seconds), callback=heard
        )
        stream.start()
    except Exception as error:  # PortAudio's own, of no common class
        raise Refusal(
            f"mic: there is no microphone that gives {rate:,} samples a second ({error}): one is wanted"
        ) from None
    try:
        while True:
            block = waiting.get(timeout=max(PATIENCE, 2 * seconds))
            if lost and not told:
                told = True
                tell("mic: some sound was lost: this machine is too busy, or too slow, to hear all of it in time")
            yield block
    except Empty:
        raise Failure("mic: nothing comes from the microphone any more; is it still plugged in?") from None
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
