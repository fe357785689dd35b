"""Recordings that are the same to the sample, whatever their files are called and however they were written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from melisma.checks.finding import Finding, Severity, verb
from melisma.checks.recording import MANY, Marked, Recording
from melisma.quoting import counted, quoted

HALF = 16  # bytes of a SHA-256 that tell recordings apart
TWICE, IN_VALID = "duplicate", "sound is in valid"


@dataclass
class _Part:
    heard: int = 0
    known: dict[bytes, tuple[int, str, str]] = field(default_factory=dict)  # digest -> number, transcript, place
    again: Marked = field(default_factory=Marked)
    contradicting: Marked = field(default_factory=Marked)


class RepeatedSounds:
    """Sixteen bytes a recording, and where it stands; silence is the same everywhere and does not count."""

    def __init__(self) -> None:
        self._parts = {part: _Part() for part in ("train", "valid")}
        self._both = Marked()
        self._twice: list[int] = []

    def see(self, recording: Recording) -> None:
        """One recording, if it can be heard."""
        digest = sound(recording)
        if digest is None:
            return
        part = self._parts[recording.part]
        part.heard += 1
        text, where = recording.clip.text or "", recording.clip.where
        if digest in part.known:
            _, before, first = part.known[digest]
            self._twice.append(recording.number)
            part.again.add(recording.clip, f"the same sound as {first}")
            if before.split() != text.split():
                part.contradicting.add(recording.clip, f"{quoted(text)}, and {quoted(before)} in {first}")
        elif recording.part == "valid" and digest in self._parts["train"].known:
            self._both.add(recording.clip, f"the same sound as {self._parts['train'].known[digest][2]}")
        part.known.setdefault(digest, (recording.number, text, where))

    def left_out(self) -> dict[int, str]:
        """The numbers of recordings that a repaired copy is without, and why: one of each is kept, that of valid."""
        train, valid = (self._parts[part].known for part in ("train", "valid"))
        both = (train[digest][0] for digest in train.keys() & valid.keys())
        return dict.fromkeys(both, IN_VALID) | dict.fromkeys(self._twice, TWICE)

    def findings(self) -> Iterator[Finding]:
        """What is there twice within a part, with another transcript, and in both parts."""
        for name, part in self._parts.items():
            yield from _within(name, part)
        count, of = self._both.count, self._parts["valid"].heard
        if count:
            sentence = f"{counted(count, 'recording')} of valid {verb(count, 'is', 'are')} in train too, to the sample"
            advice = "scores on them tell what was remembered: fix=FOLDER takes such recordings out of train"
            yield Finding("recordings in both parts", "warning", count, of, sentence, advice, self._both.places)


def _within(name: str, part: _Part) -> Iterator[Finding]:
    count = part.again.count
    if count:
        severity: Severity = "warning" if count / part.heard >= MANY else "note"
        sentence = f"{counted(count, 'recording')} of {name} {verb(count, 'is', 'are')} there before, to the sample"
        advice = "what is there often is learned more: fix=FOLDER keeps one of each"
        yield Finding("duplicates", severity, count, part.heard, sentence, advice, part.again.places)
    count = part.contradicting.count
    if count:
        sentence = (
            f"{counted(count, 'recording')} of {name} {verb(count, 'has', 'have')} another transcript than the same "
            "recording before"
        )
        advice = "listen, and keep the right one; fix=FOLDER keeps the first"
        places = part.contradicting.places
        yield Finding("contradicting transcripts", "warning", count, part.heard, sentence, advice, places)


def sound(recording: Recording) -> bytes | None:
    """What is equal for recordings that sound the same; None where there is nothing to hear, or nothing is said."""
    heard = recording.heard
    if heard is None or heard.silent == 1 or not recording.text:
        return None
    return heard.rate.to_bytes(4) + bytes.fromhex(heard.sha256)[:HALF]
