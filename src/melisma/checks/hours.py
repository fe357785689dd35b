"""How much sound there is: hours in all and of each speaker, durations, rates, channels."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from melisma.checks.finding import Finding, Severity
from melisma.checks.recording import Recording
from melisma.quoting import counted

LITTLE = 600.0  # seconds of training data below which little is learned
TINY_VALID = 50  # recordings of validation below which chance decides the scores


@dataclass(frozen=True)
class Sounds:
    """What one part of the data holds, of recordings that can be heard; durations are in seconds."""

    recordings: int
    seconds: float
    shortest: float
    median: float
    p95: float
    longest: float
    rates: Mapping[int, int]  # Hz -> recordings
    channels: Mapping[int, int]  # how many a file has -> recordings
    speakers: Mapping[str, tuple[int, float]]  # who -> recordings and seconds, the most seconds first
    words: Mapping[str, int] = field(default_factory=dict)  # trigger words -> takes, the most first


@dataclass
class _Part:
    all: int = 0
    seconds: array[float] = field(default_factory=lambda: array("d"))
    rates: Counter[int] = field(default_factory=Counter)
    channels: Counter[int] = field(default_factory=Counter)
    speakers: dict[str, tuple[int, float]] = field(default_factory=dict)
    usable: int = 0  # heard, and something is said


class Hours:
    """Eight bytes a recording."""

    def __init__(self) -> None:
        self._parts: dict[str, _Part] = {}

    def see(self, recording: Recording) -> None:
        """One recording, if it can be heard."""
        part = self._parts.setdefault(recording.part, _Part())
        part.all += 1
        heard, speaker = recording.heard, recording.clip.speaker
        if heard is None:
            return
        part.usable += bool(recording.text)
        part.seconds.append(heard.seconds)
        part.rates[heard.rate] += 1
        part.channels[heard.channels] += 1
        if speaker is not None:
            count, seconds = part.speakers.get(speaker, (0, 0.0))
            part.speakers[speaker] = (count + 1, seconds + heard.seconds)

    def sounds(self) -> dict[str, Sounds]:
        """Each part in which anything can be heard."""
        return {name: _summed(part) for name, part in self._parts.items() if part.seconds}

    def findings(self) -> Iterator[Finding]:
        """That there is too little."""
        train = self._parts.get("train", _Part())
        seconds = sum(train.seconds)
        if not train.usable:
            advice = "mend what is listed here, or give recordings with what is said in them"
            sentence = "there is no recording to train on that can be heard and has a transcript"
            yield Finding("no recordings", "error", 0, train.all, sentence, advice)
        elif seconds < LITTLE:
            sentence = f"there are only {seconds / 60:.1f} minutes of sound to train on"
            advice = (
                "enough for a few words, or a closed list (search.words=known); more recordings of more people help"
            )
            yield Finding("little data", "warning", 1, 1, sentence, advice)
        if "valid" in self._parts and self._parts["valid"].usable < TINY_VALID:
            count = self._parts["valid"].usable
            severity: Severity = "note" if count else "error"
            sentence = f"validation has only {counted(count, 'recording')}"
            if not count:
                sentence = "there is no recording to validate on that can be heard and has a transcript"
            advice = "chance moves its scores: more are wanted, of people who are not trained on"
            yield Finding("little validation", severity, count, self._parts["valid"].all, sentence, advice)


def _summed(part: _Part) -> Sounds:
    seconds = np.frombuffer(part.seconds, np.float64)
    median, p95 = np.percentile(seconds, (50, 95)).tolist()
    return Sounds(
        len(seconds),
        float(seconds.sum()),
        float(seconds.min()),
        median,
        p95,
        float(seconds.max()),
        dict(sorted(part.rates.items())),
        dict(sorted(part.channels.items())),
        dict(sorted(part.speakers.items(), key=lambda one: (-one[1][1], one[0]))),
    )
