"""The microphone, where its package is stood in for: what it gives, and the sentence where there is none."""

from __future__ import annotations

import builtins
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from melisma.errors import Failure, Refusal
from melisma.sound import microphone as module
from melisma.sound.microphone import microphone


class InputStream:
    """A device that gives three blocks at once, and then nothing."""

    closed = 0
    status: Any = None

    def __init__(self, *, samplerate: int, channels: int, dtype: str, blocksize: int, callback: Any) -> None:
        if samplerate == 1:
            raise ValueError("Invalid sample rate")
        assert (channels, dtype) == (1, "float32")
        self._size, self._callback = blocksize, callback

    def start(self) -> None:
        for number in range(3):
            block = np.full((self._size, 1), number, np.float32)
            self._callback(block, self._size, None, self.status)
            block[:] = 99  # the device uses its memory again

    def close(self) -> None:
        type(self).closed += 1


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> type[InputStream]:
    monkeypatch.setitem(sys.modules, "sounddevice", SimpleNamespace(InputStream=InputStream))
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    monkeypatch.setattr(InputStream, "closed", 0)
    return InputStream


def test_it_gives_blocks_and_is_given_back(device: type[InputStream]) -> None:
    source = microphone(8000, 0.005)
    assert [next(source).tolist() for _ in range(3)] == [[float(number)] * 40 for number in range(3)]
    source.close()
    assert device.closed == 1


def test_one_that_gives_nothing_any_more_is_no_endless_wait(device: type[InputStream]) -> None:
    source = microphone(8000, 0.005)
    with pytest.raises(Failure, match="nothing comes"):
        list(source)
    assert device.closed == 1


@pytest.mark.parametrize("waiting", [2, 1000])
@pytest.mark.parametrize("overflow", [False, True])
def test_sound_that_is_lost_is_told_once(
    device: type[InputStream], monkeypatch: pytest.MonkeyPatch, waiting: int, overflow: bool
) -> None:
    monkeypatch.setattr(module, "WAITING", waiting)
    monkeypatch.setattr(device, "status", SimpleNamespace(input_overflow=overflow))
    told: list[str] = []
    source = microphone(8000, 0.005, told.append)
    assert [next(source)[0] for _ in range(min(3, waiting))] == list(range(min(3, waiting)))
    assert len(told) == (waiting == 2 or overflow)
    source.close()


def test_a_rate_that_it_has_not_is_refused_before_the_first_block(device: type[InputStream]) -> None:
    with pytest.raises(Refusal, match="no microphone that gives 1 samples"):
        next(microphone(1, 40.0))


@pytest.mark.parametrize(
    ("error", "kind", "sentence"),
    [
        (ModuleNotFoundError("no"), Refusal, "pip install sounddevice"),
        (OSError("PortAudio library not found"), Refusal, "apt install libportaudio2"),
        (RuntimeError("broken"), Failure, "cannot be loaded: broken"),
    ],
)
def test_without_the_package_or_its_library_it_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, error: Exception, kind: type[Exception], sentence: str
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "sounddevice":
            raise error
        return real(name, *rest)

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(kind, match=sentence):
        next(microphone(8000, 0.1))
