"""What of the recordings can be learned from: sound enough for what is said, symbols that are known; and sessions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from melisma.checks.coverage import LONG, STRANGE, Coverage, Side, SideCoverage
from melisma.checks.covered import Covered
from melisma.checks.finding import Finding, Severity, percent, validation, verb
from melisma.checks.recording import Marked
from melisma.files.watch import passing
from melisma.quoting import counted, listed
from melisma.settings.transcribe import TranscribeSettings
from melisma.sound.sessions import MOST, sessions
from melisma.tasks.utterances import Utterance

SEVERAL = 3  # recordings that a session has at least to be counted as one
TOO_LONG, TOO_SHORT, UNKNOWN = "longer than data.longest", "too short for its transcript", "symbols never in train"


class HearingCoder(Protocol):
    """What turns sound into frames and transcripts into symbols, learned on the training recordings."""

    symbols: tuple[int, ...]  # that occur in training

    def spelled(self, text: str) -> list[int]:
        """The symbols of a transcript, those that training never shows among them."""

    def fits(self, samples: int, symbols: Sequence[int]) -> bool:
        """Whether so many samples have outputs enough for these symbols."""


def cover(
    codec: HearingCoder, train: Sequence[Utterance], valid: Sequence[Utterance], settings: TranscribeSettings
) -> Covered:
    """What validation shares with training, what training would leave out, and guessed sessions."""
    name = validation(settings.data.valid)
    side, limits, known = Side("transcript"), _Limits(codec, settings), _Known(codec, name)
    for one in valid:
        symbols = codec.spelled(one.text)
        side.ask([one.text], [symbols])
        limits.see("valid", one, symbols, known.see(one, symbols))
    for one in passing("recordings looked through", train, len(train)):
        symbols = codec.spelled(one.text)
        side.show([one.text], [symbols])
        limits.see("train", one, symbols)
    found = side.found()
    guessed = _sessions(train, valid)
    lost = bool(valid) and not limits.usable["valid"]
    findings = [
        *known.findings(len(valid), found.some_unseen, lost),
        *limits.findings({"train": len(train), "valid": len(valid)}),
        *_words(found, settings.text.unit, name),
        *_heard_alike(train, guessed),
    ]
    left_out = {where: why for where, why in limits.left_out.items() if where[0] == "train" or lost}
    count = sum(part == "train" for part, _ in left_out)
    return Covered(Coverage(len(train), count, (found,)), findings, left_out, guessed)


class _Limits:
    """Recordings that are too long for training, or too short for what is said in them."""

    def __init__(self, codec: HearingCoder, settings: TranscribeSettings) -> None:
        self.left_out: dict[tuple[str, str], str] = {}
        self._codec, self._settings = codec, settings
        self.usable = {"train": 0, "valid": 0}  # recordings that have a loss
        self._long = Marked()
        self._tight = {"train": Marked(), "valid": Marked()}

    def see(self, part: str, one: Utterance, symbols: Sequence[int], known: bool = True) -> None:
        """One recording, and whether training has all of its symbols."""
        assert one.laid is not None
        if part == "train" and one.seconds() > self._settings.data.longest:
            self._long.add(one.clip, f"{one.seconds():.1f} s")
            self.left_out[part, one.clip.where] = TOO_LONG
        elif not self._codec.fits(one.length(), symbols):
            self._tight[part].add(one.clip, f"{counted(len(symbols), 'symbol')} in {one.seconds():.2f} s")
            self.left_out[part, one.clip.where] = TOO_SHORT
        elif not known:
            self.left_out[part, one.clip.where] = UNKNOWN
        else:
            self.usable[part] += 1

    def findings(self, of: Mapping[str, int]) -> Iterator[Finding]:
        """What was found."""
        for part, marked in self._tight.items():
            if marked.count:
                yield self._too_short(part, marked, of[part])
        if count := self._long.count:
            severity: Severity = (
                "error" if not self.usable["train"] else "warning" if count >= LONG * of["train"] else "note"
            )
            sentence = (
                f"{counted(count, 'recording')} of train {verb(count, 'is', 'are')} longer than data.longest="
                f"{self._settings.data.longest:g} seconds; training leaves {verb(count, 'it', 'them')} out"
            )
            advice = "cut them at pauses, or give a larger data.longest (which takes more memory)"
            yield Finding("over the limit", severity, count, of["train"], sentence, advice, self._long.places)

    def _too_short(self, part: str, marked: Marked, of: int) -> Finding:
        count, each = marked.count, self._settings.model.stride * self._settings.sound.hop
        what, name = f"training leaves {verb(count, 'it', 'them')} out", part
        if part == "valid":
            name = validation(self._settings.data.valid)
            what = f"{verb(count, 'its', 'their')} loss does not count"
        sentence = (
            f"{counted(count, 'recording')} of {name} {verb(count, 'is', 'are')} too short for what is said: a symbol "
            f"wants {each:g} ms (sound.hop times model.stride), and as much between two that are equal; {what}"
        )
        advice = "look for wrong transcripts, or give a smaller model.stride or larger symbols (text.unit)"
        severity: Severity = "warning" if self.usable[part] else "error"
        return Finding("too short to be said", severity, count, of, sentence, advice, marked.places)


class _Known:
    """Transcripts of validation with symbols that no model of this training could write."""

    def __init__(self, codec: HearingCoder, name: str) -> None:
        self._name = name
        self._symbols = frozenset(codec.symbols)
        self._marked = Marked()

    def see(self, one: Utterance, symbols: Sequence[int]) -> bool:
        """One recording of validation -> whether training has all of its symbols."""
        if not self._symbols.issuperset(symbols):
            self._marked.add(one.clip, one.text)
            return False
        return True

    def findings(self, of: int, characters: Sequence[str], lost: bool) -> Iterator[Finding]:
        """The finding, if there is any; ``lost``: no recording of validation has a loss."""
        if count := self._marked.count:
            such = f" ({listed(characters, 5)})" if characters else ""
            sentence = (
                f"{counted(count, 'transcript')} of {self._name} {verb(count, 'has', 'have')} symbols that never occur "
                f"in train{such}; no model could write them: their errors count, their loss does not"
            )
            if lost:
                sentence += ", and training refuses validation without any loss"
            advice = "write them as train does (text.lowercase=yes evens out cases), or move some of them to train"
            name = "symbols of valid that train has not"
            severity: Severity = "error" if lost else "warning"
            yield Finding(name, severity, count, of, sentence, advice, self._marked.places)


def _words(found: SideCoverage, unit: str, valid: str) -> Iterator[Finding]:
    """Words of validation that training never shows."""
    if not found.unseen_words:
        return
    count = round(found.unseen_words * found.valid_words)
    sentence = f"{percent(count, found.valid_words)} of the words in {valid} never occur in train"
    severity: Severity = "warning" if unit != "characters" and found.unseen_words >= STRANGE["words"] else "note"
    advice = "nothing: they are spelled letter by letter, but search.words=known would never hear them"
    if severity == "warning":
        advice = f"more transcripts like those of {valid} are wanted, or text.unit=characters"
    yield Finding("unseen words", severity, count, found.valid_words, sentence, advice)


def _sessions(train: Sequence[Utterance], valid: Sequence[Utterance]) -> dict[str, int]:
    """The guessed session of each recording by its place, where nobody says who speaks and there are not too many."""
    every = [*train, *valid]
    if len(every) > MOST or len(every) < SEVERAL or any(one.speaker is not None for one in every):
        return {}
    assert every[0].laid is not None
    rate = every[0].laid.rate
    waves = (one.samples(rate) for one in passing("recordings compared", every, len(every)))  # one at a time
    numbers = sessions(waves, [one.text for one in every], rate)
    return {one.clip.where: int(number) for one, number in zip(every, numbers)}


def _heard_alike(train: Sequence[Utterance], guessed: Mapping[str, int]) -> Iterator[Finding]:
    if len(train) > MOST and all(one.speaker is None for one in train):
        sentence = f"nobody says who speaks, and sessions are not guessed of more than {MOST:,} recordings"
        advice = "a column speaker lets whole speakers be cut off for validation"
        yield Finding("recording sessions", "note", 1, 1, sentence, advice)
    if not guessed:
        return
    counts = Counter(guessed[one.clip.where] for one in train)
    several = sum(count >= SEVERAL for count in counts.values())
    if several <= 1:
        sentence = "train sounds like a single recording session: one voice in one room"
        advice = "nothing, if only that will be heard; recordings of more people and rooms make it hear others"
    else:
        sentence = (
            f"about {several} recording sessions are heard in train, guessed by room, voice and level (nobody says who "
            "speaks)"
        )
        advice = "split by them: fix=FOLDER writes them as the column session, and data.speaker=session then cuts "
        advice += "whole ones off for validation"
    yield Finding("recording sessions", "note", 1, 1, sentence, advice)
