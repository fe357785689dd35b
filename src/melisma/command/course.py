"""A training on the terminal: what ``train`` and ``resume`` share."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from melisma.command.talk import LiveLine, duration, put_json
from melisma.errors import Interrupted
from melisma.task import Progress

PLAIN_EVERY = 10.0  # seconds between two lines where no line can be rewritten


class Stop:
    """Ctrl-C asks once to stop after this step and save; a second one stops at once, which loses nothing that was saved."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self) -> bool:
        return self.asked

    def __enter__(self) -> Stop:
        self._before = {number: signal.signal(number, self._heard) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _heard(self, number: int, frame: Any) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


def follow(start: Callable[[Stop], Iterator[Progress]], run: str, *, quiet: bool, as_json: bool) -> None:
    """Drives a training to its end and shows it; Interrupted if the user stopped it."""
    line, last = LiveLine(quiet or as_json), 0.0
    with Stop() as stop:
        for progress in start(stop):
            if as_json and progress.kind != "step":
                put_json(_plain(progress))
            if progress.kind == "step":
                line.show(_step(progress))
                if time.monotonic() - last > PLAIN_EVERY:
                    last = time.monotonic()
                    if not line.can_rewrite:
                        line.above(_step(progress))
            elif progress.kind == "validation":
                line.above(_validation(progress))
            elif progress.text:
                line.above(progress.text)
        line.clear()
        if stop.asked:
            raise Interrupted(f"stopped, and saved: melisma resume {run} goes on")


def _step(progress: Progress) -> str:
    parts = [f"step {progress.step:,}" + (f"/{progress.steps:,}" if progress.steps else ""), f"epoch {progress.epoch + 1}"]
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.3f}")
    if progress.symbols_per_second:
        parts.append(f"{progress.symbols_per_second:,.0f} symbols/s")
    if progress.left is not None:
        parts.append(f"{duration(progress.left)} left")
    return " · ".join(parts)


def _validation(progress: Progress) -> str:
    return f"step {progress.step:,}: {_scores(progress.scores)}{' (best so far)' if progress.best else ''}, after {duration(progress.seconds)}"


def _scores(scores: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" if name == "loss" else f"{name} {value:.1f}" for name, value in scores.items()) or "saved"


def _plain(progress: Progress) -> dict[str, Any]:
    told = {"kind": progress.kind, "step": progress.step, "steps": progress.steps, "epoch": progress.epoch, "seconds": round(progress.seconds, 1)}
    told |= {"scores": dict(progress.scores), "best": progress.best} if progress.kind == "validation" else {}
    return told | ({"text": progress.text} if progress.text else {})
