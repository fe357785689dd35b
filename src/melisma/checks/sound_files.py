"""What is odd about sound files that can be read: cut off, never closed, several in one, channels, bits, rates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

from melisma.checks.finding import Finding, Severity, verb
from melisma.checks.recording import Marked, Recording
from melisma.quoting import counted
from melisma.sound.heard import SoundFacts

EIGHT_BITS = ("PCM_U8", "PCM_S8")
FEW = 0.1  # of the recordings: so few are better left out than heard with the ears of all


class _Oddity(NamedTuple):
    name: str
    severity: Severity
    has: Callable[[SoundFacts], bool]
    why: Callable[[SoundFacts], str]  # of one file
    one: str
    many: str
    advice: str


def _there(heard: SoundFacts) -> str:
    if heard.declared is None or heard.declared <= heard.frames:
        return f"{heard.seconds:.3f} s are there"
    return f"{heard.seconds:.3f} of {heard.declared / heard.rate:.3f} s are there"


ODDITIES = (
    _Oddity(
        "truncated files",
        "warning",
        lambda heard: heard.truncated,
        _there,
        "is cut off: its end is not there",
        "are cut off: their ends are not there",
        "get them whole, or shorten what is written for them; training hears what is there",
    ),
    _Oddity(
        "files that were never closed",
        "note",
        lambda heard: heard.recovered,
        lambda heard: f"{heard.seconds:.3f} s are there",
        "says that it holds nothing, as its recorder was stopped; what is there is read",
        "say that they hold nothing, as their recorder was stopped; what is there is read",
        "listen to their ends",
    ),
    _Oddity(
        "several recordings in a file",
        "warning",
        lambda heard: heard.streams > 1,
        lambda heard: f"{heard.streams} recordings",
        "holds several recordings one after the other, of which the first is read",
        "hold several recordings one after the other, of which the first is read",
        "write each into a file of its own",
    ),
    _Oddity(
        "channels that do not agree",
        "warning",
        lambda heard: heard.channel is not None,
        lambda heard: f"channel {heard.channel} of {heard.channels} is used",
        "has channels that do not agree: one is dead, they cancel each other, or each holds something else",
        "have channels that do not agree: one is dead, they cancel each other, or each holds something else",
        "listen to one: the loudest channel alone is used",
    ),
    _Oddity(
        "8 bits",
        "note",
        lambda heard: heard.format.endswith(EIGHT_BITS),
        lambda heard: "",
        "has samples of 8 bits, whose noise is heard",
        "have samples of 8 bits, whose noise is heard",
        "take the original, where there is one with more",
    ),
)


class SoundFiles:
    """Counts each of these, a file once, however many parts of it are named."""

    def __init__(self, asked: int | None, choose: Callable[[Iterator[int]], int], main: str = "train") -> None:
        """``asked``: the rate that recordings are heard at; None: what ``choose`` makes of the rates of ``main``."""
        self._asked, self._choose, self._main = asked, choose, main
        self._files: dict[str, set[str]] = {}
        self._found: dict[tuple[str, str], Marked] = {}  # part and name
        self._rates: dict[str, Counter[int]] = {}  # of recordings
        self._first: dict[tuple[str, int], Marked] = {}

    def see(self, recording: Recording) -> None:
        """One recording, if it can be heard."""
        heard, part = recording.heard, recording.part
        if heard is None:
            return
        self._rates.setdefault(part, Counter())[heard.rate] += 1
        self._first.setdefault((part, heard.rate), Marked()).add(recording.clip, f"{heard.rate:,} Hz")
        files = self._files.setdefault(part, set())
        if heard.path in files:
            return
        files.add(heard.path)
        for oddity in ODDITIES:
            if oddity.has(heard):
                self._found.setdefault((part, oddity.name), Marked()).add(recording.clip, oddity.why(heard))

    def rate(self) -> int:
        """The rate that recordings are heard at, Hz."""
        return self._choose(self._rates.get(self._main, Counter()).elements()) if self._asked is None else self._asked

    def findings(self) -> Iterator[Finding]:
        """What was found."""
        for oddity in ODDITIES:
            for part, files in self._files.items():
                marked = self._found.get((part, oddity.name))
                if marked is not None:
                    count = marked.count
                    sentence = f"{counted(count, 'file')} of {part} {verb(count, oddity.one, oddity.many)}"
                    yield Finding(
                        oddity.name, oddity.severity, count, len(files), sentence, oddity.advice, marked.places
                    )
        for part, rates in self._rates.items():
            yield from self._below(part, rates)
            yield from self._mixed(part, rates)

    def _below(self, part: str, rates: Counter[int]) -> Iterator[Finding]:
        """That nothing is as high as what could be heard."""
        heard, highest, train = self.rate(), max(rates), self._rates.get(self._main, Counter())
        if highest < heard and (part == self._main or highest < max(train, default=heard)):
            sentence = f"no recording of {part} has more than {highest:,} Hz, and they are heard at {heard:,} Hz"
            advice = f"sound.rate={highest} hears as much, and is quicker"
            if part != self._main:
                advice = f"{part} should sound as what is used later: get it at the rate of {self._main}, or train at "
                advice += "this one"
            yield Finding("rates below the one heard at", "note", rates.total(), rates.total(), sentence, advice)

    def _mixed(self, part: str, rates: Counter[int]) -> Iterator[Finding]:
        if len(rates) == 1:
            return
        heard, of = self.rate(), rates.total()
        low = {rate: count for rate, count in rates.items() if rate < min(heard, max(rates))}
        sentence = f"the recordings of {part} have several rates: {_rates(rates)}"
        advice, count = f"nothing: all are heard at {heard:,} Hz", of
        if low:
            count = sum(low.values())
            sentence += f"; in {counted(count, 'recording')} there is nothing above half of a lower one"
            advice = f"a model may learn which is which: leave the low ones out, or sound.rate={min(low)}"
            if count < FEW * of:
                advice = "leave the low ones out, or look whether their headers are right"
        first = self._first[part, min(low) if low else rates.most_common()[-1][0]]
        severity: Severity = "warning" if low else "note"
        yield Finding("mixed rates", severity, count, of, sentence, advice, first.places)


def _rates(rates: Counter[int]) -> str:
    """8,000 Hz (12), 16,000 Hz (3)"""
    if len(rates) == 1:
        return f"{next(iter(rates)):,} Hz"
    return ", ".join(f"{rate:,} Hz ({count:,})" for rate, count in sorted(rates.items()))
