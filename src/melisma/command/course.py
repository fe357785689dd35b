"""A training on the terminal: what ``train`` and ``resume`` share."""

from __future__ import annotations

import contextlib
import shlex
import signal
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from melisma.command.talk import FIELD, LiveLine, ReaderGone, duration, put_json, say
from melisma.errors import Interrupted, Refusal
from melisma.files.watch import watched
from melisma.measures.units import called, unit_of
from melisma.runs.layout import BEST
from melisma.runs.log import log_lines
from melisma.runs.read import read_pointer, read_run
from melisma.runs.sections import same_bits
from melisma.settings.leaves import shape
from melisma.task import STOPPED, Progress
from melisma.tasks import settings_of
from melisma.training.launch import launched

PLAIN_EVERY = 10.0  # seconds between two lines where no line can be rewritten
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """Ctrl-C asks once to stop after this step and save; a second one stops at once, which loses nothing saved.

    Of several processes each hears a Ctrl-C twice, from the terminal and from who started them: all stop after a step.
    """

    def __init__(self, processes: int = 1) -> None:
        self.asked, self._at_once = False, processes == 1

    def __call__(self) -> bool:
        return self.asked

    def __enter__(self) -> Stop:
        heard = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]  # as under nohup
        self._before = {number: signal.signal(number, self._heard) for number in heard}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self.asked and self._at_once:
            raise KeyboardInterrupt
        self.asked = True


class Teller:
    """Shows the progress of a training: lines for people on stderr, or JSON on stdout."""

    def __init__(self, measure: str, *, quiet: bool, as_json: bool) -> None:
        self.measure, self.as_json = measure, as_json  # ``measure`` decides which step is the best
        self._line, self._last, self._reached = LiveLine(quiet or as_json), 0.0, ""

    def tell(self, progress: Progress) -> None:
        """Shows one."""
        if progress.kind == "step":
            self._step(progress)
        elif self.as_json:
            self._json(progress)
        if progress.kind == "validation":
            if self.measure in progress.scores:
                self._reached = f"validation {_score(self.measure, progress.scores[self.measure])}"
            self._line.above(_validation(progress))
        elif progress.kind == "note":
            self._line.clear()
            say(progress.text)
        elif progress.kind != "end" and progress.text:
            self._line.above(progress.text)

    def done(self) -> None:
        """Takes the live line away."""
        self._line.clear()

    def _step(self, progress: Progress) -> None:
        line = _step(progress, self._reached)
        self._line.show(line)
        if not self._line.can_rewrite and time.monotonic() - self._last > PLAIN_EVERY:
            self._last = time.monotonic()
            self._line.above(line)

    def _json(self, progress: Progress) -> None:
        try:
            put_json(_plain(progress))
        except ReaderGone:  # the training is what was asked for, and goes on unwatched
            self.as_json = False


class Waiting:
    """Shows how far the reading of the data is, where it takes so long that somebody may wonder."""

    def __init__(self, *, quiet: bool) -> None:
        self._line, self._last = LiveLine(quiet), time.monotonic()

    def __call__(self, text: str) -> None:
        self._line.show(text)
        if not self._line.can_rewrite and time.monotonic() - self._last > PLAIN_EVERY:
            self._last = time.monotonic()
            self._line.above(text)

    def done(self) -> None:
        """Takes the live line away."""
        self._line.clear()


def follow(start: Callable[[Stop], Iterator[Progress]], run: str, *, quiet: bool, as_json: bool) -> None:
    """Drives a training to its end, shows it, and says how it ended and what comes next.

    Interrupted if the user stopped it.
    """
    launch = launched()
    if not launch.leads:
        _take_part(start, Stop(launch.size))
        return
    stop, end, begun = Stop(launch.size), None, False
    waiting = Waiting(quiet=quiet or as_json)
    try:
        with watched(waiting):
            steps = start(stop)  # reads the data: until it has, Ctrl-C ends everything at once, nothing being trained
    finally:
        waiting.done()
    started = read_run(run)
    settings = started.settings
    measure, name = _deciding(settings), shlex.quote(run)
    bits = same_bits(launch.size, _accumulated(settings))
    teller = Teller(measure, quiet=quiet, as_json=as_json)
    try:
        with stop:
            for progress in steps:
                teller.tell(progress)
                begun = begun or progress.kind == "begin"
                end = progress if progress.kind == "end" else end
    except KeyboardInterrupt as error:
        if isinstance(steps, Generator):  # closing it would save first
            with contextlib.suppress(KeyboardInterrupt):
                steps.throw(error)
        raise Interrupted(f"stopped at once; next: melisma resume {name} goes on from the last save{bits}") from None
    finally:
        teller.done()
    if end is None:
        return
    ended = _ended(end, _best(Path(run), measure)) if begun else end.text
    if begun and end.text == STOPPED:
        raise Interrupted(f"{ended}; next: melisma resume {name} goes on{bits}")
    if not (quiet or as_json):
        say(ended)
        say(
            f"next: answers from melisma predict {name} …, scores from melisma evaluate {name} {_data(started.task)}, "
            f"all that is known from melisma show {name}"
        )
    if end.remark and not as_json:
        say(f"at its end: {end.remark}")


def _take_part(start: Callable[[Stop], Iterator[Progress]], stop: Stop) -> None:
    """Takes part in a training of which another process tells; Interrupted if it was stopped."""
    warnings.simplefilter("ignore")
    steps = start(stop)
    with stop:
        ends = [progress.text for progress in steps]
    if STOPPED in ends:
        raise Interrupted(STOPPED)


def _ended(end: Progress, best: str) -> str:
    """How a training ended: when, after how many steps, and how good it is at its best."""
    spent = duration(end.seconds)
    if end.text == STOPPED:
        return f"stopped after {spent}, step {end.step:,} is saved{best}"
    return f"done in {spent}: {end.text}{best}"


def _data(task: str) -> str:
    """How data to measure on is given to a run of such a task."""
    return " ".join(f"data.{kind}=…" for kind in shape(settings_of(task)).kinds) or "data=…"


def _best(run: Path, measure: str) -> str:
    """The best score by the measure that decides, and its step; nothing where nothing was validated."""
    with contextlib.suppress(Refusal):
        step = read_pointer(run, BEST)
        lines = [line.value for line in log_lines(run) if line.value is not None]
        scores = [line["valid"] for line in lines if step and line.get("step") == step.number and line.get("valid")]
        if step is not None and scores:
            return f"; best {_score(measure, scores[-1][measure])} at step {step.number:,}"
    return ""


def _deciding(settings: Mapping[str, Any]) -> str:
    data = settings.get("data")
    return str(data.get("validation_measure")) if isinstance(data, Mapping) else ""


def _accumulated(settings: Mapping[str, Any]) -> int:
    training = settings.get("training")
    parts = training.get("accumulate") if isinstance(training, Mapping) else None
    return parts if type(parts) is int else 1


def _step(progress: Progress, reached: str) -> str:
    steps = f"/{progress.steps:,}" if progress.steps else ""
    parts = [f"step {progress.step:,}{steps}", f"epoch {progress.epoch + 1}"]
    if len(progress.losses) > 1:
        parts.append("loss " + ", ".join(f"{name} {value:.3f}" for name, value in progress.losses.items()))
    elif progress.loss is not None:
        parts.append(_score("loss", progress.loss))
    if reached:
        parts.append(reached)
    if progress.symbols_per_second:
        parts.append(f"{progress.symbols_per_second:,.0f} symbols/s")
    if progress.left is not None:
        parts.append(f"{duration(progress.left)} left")
    return FIELD.join(parts)


def _validation(progress: Progress) -> str:
    best = " (best so far)" if progress.best else ""
    return f"step {progress.step:,}: {_scores(progress.scores)}{best}, after {duration(progress.seconds)}"


def _scores(scores: Mapping[str, float]) -> str:
    return ", ".join(_score(name, value) for name, value in scores.items()) or "nothing to validate on"


def _score(name: str, value: float) -> str:
    if name == "loss":
        return f"{name} {value:.3f}"
    return " ".join(filter(None, (called(name), f"{value:.1f}", unit_of(name))))


def _plain(progress: Progress) -> dict[str, Any]:
    told: dict[str, Any] = {name: getattr(progress, name) for name in ("kind", "step", "steps", "epoch")}
    told["seconds"] = round(progress.seconds, 1)
    if progress.kind == "validation":
        told |= {"scores": dict(progress.scores), "best": progress.best}
    told |= {"text": progress.text} if progress.text else {}
    return told | ({"remark": progress.remark} if progress.remark else {})
