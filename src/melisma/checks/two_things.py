"""Sounds that are there as two things: a take of a word that is also other speech, of two words, or in both parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from melisma.checks.finding import Finding, Severity, verb
from melisma.checks.parted import UNLABELLED, VALID, kind_of
from melisma.checks.recording import MANY, Marked, Recording
from melisma.checks.repeated_sounds import IN_VALID, TWICE
from melisma.quoting import counted, quoted
from melisma.sound.heard import SoundFacts

HALF = 16  # bytes of a SHA-256 that tell sounds apart
BOTH = "a trigger word, and not"


class _Known(NamedTuple):
    number: int
    part: str
    word: str | None
    where: str


class TwoThings:
    """Sixteen bytes a recording, and where it stands; silence is the same everywhere and does not count."""

    def __init__(self) -> None:
        self._known: dict[bytes, _Known] = {}
        self._heard = 0
        self._again, self._words, self._both, self._valid = Marked(), Marked(), Marked(), Marked()
        self._out: dict[int, str] = {}

    def see(self, recording: Recording) -> None:
        """One recording, if anything can be heard in it and it is known what it is; those to train on come first."""
        heard, kind = recording.heard, kind_of(recording.part)
        if heard is None or heard.silent == 1 or kind == UNLABELLED:
            return
        self._heard += 1
        part, word = recording.part, recording.text if kind == "positive" else None
        one = _Known(recording.number, part, word, recording.clip.where)
        before = self._known.setdefault(_digest(heard), one)
        if before is one:
            return
        why = f"the same sound as {before.where}"
        if (before.word is None) != (word is None):
            self._both.add(recording.clip, f"{_called(one)}, and {_called(before)} in {before.where}")
            self._out |= {before.number: BOTH, recording.number: BOTH}
        elif before.word != word:
            self._words.add(recording.clip, f"{_called(one)}, and {_called(before)} in {before.where}")
            self._out |= {before.number: BOTH, recording.number: BOTH}
        elif _is_valid(part) != _is_valid(before.part):
            self._valid.add(recording.clip, why)
            self._out.setdefault(before.number, IN_VALID)
        else:
            self._again.add(recording.clip, why)
            self._out.setdefault(recording.number, TWICE)

    def left_out(self) -> dict[int, str]:
        """The numbers of recordings that a repaired copy is without, and why; of what is said to be two things, all."""
        return dict(self._out)

    def findings(self) -> Iterator[Finding]:
        """What was found."""
        if count := self._both.count:
            sentence = (
                f"{counted(count, 'recording')} {verb(count, 'is', 'are')} there both as a take of a trigger word and "
                "as something else, to the sample; training refuses them"
            )
            advice = "listen, and leave each where it belongs; fix=FOLDER leaves all of them out"
            yield self._finding("the word among other sound", "error", self._both, sentence, advice)
        if count := self._words.count:
            sentence = f"{counted(count, 'take')} {verb(count, 'is', 'are')} there for two words; training refuses them"
            advice = "listen, and leave each where it belongs; fix=FOLDER leaves all of them out"
            yield self._finding("one take for two words", "error", self._words, sentence, advice)
        if count := self._valid.count:
            sentence = (
                f"{counted(count, 'recording')} to validate on {verb(count, 'is', 'are')} trained on too, to the "
                "sample; training refuses them"
            )
            advice = "take them out of one of both; fix=FOLDER takes them out of what is trained on"
            yield self._finding("recordings in both parts", "error", self._valid, sentence, advice)
        if count := self._again.count:
            severity: Severity = "warning" if count / self._heard >= MANY else "note"
            sentence = f"{counted(count, 'recording')} {verb(count, 'is', 'are')} there before, to the sample"
            advice = "what is there often is learned more: fix=FOLDER keeps one of each"
            yield self._finding("duplicates", severity, self._again, sentence, advice)

    def _finding(self, name: str, severity: Severity, marked: Marked, sentence: str, advice: str) -> Finding:
        return Finding(name, severity, marked.count, self._heard, sentence, advice, marked.places)


def _digest(heard: SoundFacts) -> bytes:
    return heard.rate.to_bytes(4) + bytes.fromhex(heard.sha256)[:HALF]


def _is_valid(part: str) -> bool:
    return part.startswith(VALID)


def _called(known: _Known) -> str:
    return known.part if known.word is None else f"a take of {quoted(known.word)}"
