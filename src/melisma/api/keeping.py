"""What fired is kept: a short recording about each alarm, in a folder that is labelled and then learned from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from melisma.api.shelf import MANIFEST, Shelf
from melisma.errors import Refusal
from melisma.quoting import shown_path
from melisma.runs.disk import DISK, probe, reason
from melisma.sound.encoded import wav
from melisma.sound.resample import Samples

BEFORE, AFTER = 1.6, 0.4  # seconds that are kept before an alarm and after it: a long word, and some room about it
FOLDER = "heard"


class Fired(NamedTuple):
    """An alarm whose recording is not complete yet."""

    alarm: Any
    last: int  # the sample before which it ends


class Keeping:
    """Keeps what fires in a stream: as WAV below ``folder``/heard, each with a line in ``folder``/manifest.jsonl.

    A line has ``audio``, ``text`` (null: nobody has said yet what it is), ``heard``, ``score``, ``second``, ``source``,
    ``time`` and ``run``. Filled with the word, or with whatever else was said, the same manifest is read as
    data.positive and data.negative. Refusal where the folder cannot be written to.
    """

    def __init__(self, folder: Path, rate: int, run: Path, source: str) -> None:
        self.rate, self.kept, self._run, self._source = rate, 0, run, source
        try:
            probe(DISK, next(one for one in (folder, *folder.absolute().parents) if one.exists()))
        except OSError as error:
            raise Refusal(f"keep={shown_path(folder)}: nothing can be written there: {reason(error)}") from None
        self.manifest = folder / MANIFEST
        self._shelf = Shelf(folder, {})
        self._held: Samples = np.zeros(0, np.float32)
        self._past = 0  # samples before those held
        self._waiting: list[Fired] = []

    def feed(self, samples: Samples, alarms: Sequence[Any]) -> None:
        """More samples (N,) of the stream, and the alarms that they gave."""
        self._held = np.concatenate((self._held, samples))
        self._waiting += [Fired(one, round((one.second + AFTER) * self.rate)) for one in alarms]
        self._write(self._past + len(self._held))
        first = min((one.last for one in self._waiting), default=self._past + len(self._held))
        unwanted = first - round((BEFORE + AFTER) * self.rate) - self._past
        if unwanted > self.rate:  # now and then, not with every chunk
            self._held, self._past = self._held[unwanted:].copy(), self._past + unwanted

    def finish(self) -> None:
        """The stream has ended: what there is of the last ones is kept too."""
        self._write(None)

    def _write(self, upto: int | None) -> None:
        """Those that are complete by sample ``upto``; None: all."""
        ready = [one for one in self._waiting if upto is None or one.last <= upto]
        self._waiting = [one for one in self._waiting if one not in ready]
        for alarm, last in ready:
            begin = max(0, round((alarm.second - BEFORE) * self.rate) - self._past)
            sound = self._held[begin : max(begin, last - self._past)]
            told: dict[str, Any] = {
                "text": None,
                "heard": alarm.word,
                "score": round(alarm.score, 4),
                "second": round(alarm.second, 3),
                "source": self._source,
                "time": datetime.now(UTC).isoformat(timespec="seconds"),
                "run": self._run.name,
            }
            self._shelf.add(FOLDER, wav(sound, self.rate), told)
            self.kept += 1
