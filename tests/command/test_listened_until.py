"""Listening to a microphone until Ctrl-C: whenever it is pressed, the last utterance is told; and how times are told."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from melisma.command import listen
from melisma.command.listen import _heard, _microphone, _time
from melisma.command.talk import LiveLine
from melisma.errors import Refusal


class Stream:
    """Tells each piece that it is fed by its number; Ctrl-C is pressed in the second."""

    rate, chunk = 8000, 10

    def __init__(self, times: int) -> None:
        self.fed, self.times = 0, times

    def feed(self, samples: Any, *, last: bool = False) -> list[str]:
        if last:
            return ["the end"]
        self.fed += 1
        if self.fed == 2:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)
        return [f"piece {self.fed}"]

    def so_far(self) -> str:
        return ""


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A microphone that goes on for long; whether it was closed."""
    found: list[bool] = []

    def microphone(rate: int, seconds: float, tell: Any) -> Iterator[Any]:
        try:
            for _ in range(100):
                yield np.zeros(round(rate * seconds), np.float32)
        finally:
            found.append(True)

    monkeypatch.setattr(listen, "microphone", microphone)
    return found


def test_ctrl_c_ends_listening_and_the_last_utterance_is_told(closed: list[bool]) -> None:
    before, stream, line = signal.getsignal(signal.SIGINT), Stream(1), LiveLine()
    told = [*_heard(stream, _microphone(stream, line), line, None)]  # type: ignore[arg-type]
    assert told == [("piece 1", False), ("piece 2", False), ("the end", True)]
    assert closed == [True]
    assert signal.getsignal(signal.SIGINT) is before


def test_nobody_is_told_to_speak_before_the_microphone_is_open(
    closed: list[bool], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none(rate: int, seconds: float, tell: Any) -> Iterator[Any]:
        raise Refusal("mic: there is none")
        yield

    list(_heard(Stream(1), _microphone(Stream(1), LiveLine()), LiveLine(), None))  # type: ignore[arg-type]
    assert capsys.readouterr().err == "melisma: listening; Ctrl-C ends\n"
    monkeypatch.setattr(listen, "microphone", none)
    with pytest.raises(Refusal, match="there is none"):
        list(_microphone(Stream(1), LiveLine()))  # type: ignore[arg-type]
    assert capsys.readouterr().err == ""


def test_ctrl_c_pressed_twice_interrupts(closed: list[bool]) -> None:
    before, stream, line = signal.getsignal(signal.SIGINT), Stream(2), LiveLine()
    with pytest.raises(KeyboardInterrupt):
        list(_heard(stream, _microphone(stream, line), line, None))  # type: ignore[arg-type]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.004, "0:00.00"), (59.994, "0:59.99"), (59.996, "1:00.00"), (3599.999, "1:00:00.00"), (43403.4, "12:03:23.40")],
)
def test_a_time_never_has_sixty_seconds(seconds: float, told: str) -> None:
    assert _time(seconds) == told
