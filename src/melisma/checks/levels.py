"""How recordings sound: silent, faint, clipped, beside the middle, beyond full scale."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from melisma.checks.finding import Finding, Severity, verb
from melisma.checks.recording import Marked, Recording
from melisma.quoting import counted
from melisma.sound.heard import MUCH_CLIPPED, MUCH_OFFSET, MUCH_SILENT, SoundFacts

FAINT = 0.002  # of full scale that the loudest sample has: 54 dB below


class _Level(NamedTuple):
    name: str
    severity: Severity
    has: Callable[[SoundFacts], bool]
    why: Callable[[SoundFacts], str]  # of one recording
    one: str
    many: str
    advice: str


LEVELS = (
    _Level(
        "digital silence",
        "warning",
        lambda heard: heard.silent == 1,
        lambda heard: f"{heard.seconds:.1f} s, all of it zero",
        "is digital silence: all its samples are zero",
        "are digital silence: all their samples are zero",
        "record them again; fix=FOLDER leaves them out",
    ),
    _Level(
        "silence for the most part",
        "note",
        lambda heard: MUCH_SILENT < heard.silent < 1,
        lambda heard: f"{heard.silent:.0%} of it is zero",
        "is exactly zero for the most part",
        "are exactly zero for the most part",
        "nothing, where a gate or padding made them so; what is used later should be made the same way",
    ),
    _Level(
        "faint sound",
        "warning",
        lambda heard: heard.silent < 1 and heard.peak < FAINT,
        lambda heard: f"its loudest sample has {heard.peak:.2g} of full scale",
        "hardly sounds at all",
        "hardly sound at all",
        "listen to them: the microphone may have been off",
    ),
    _Level(
        "clipping",
        "warning",
        lambda heard: heard.clipped > MUCH_CLIPPED,
        lambda heard: f"{heard.clipped:.1%} of it stands at full scale",
        "is clipped",
        "are clipped",
        "record with less gain; what was cut off cannot be brought back",
    ),
    _Level(
        "offset",
        "note",
        lambda heard: abs(heard.offset) > MUCH_OFFSET,
        lambda heard: f"its mean is {heard.offset:+.3f}",
        "has an offset: its samples lie beside zero",
        "have an offset: their samples lie beside zero",
        "nothing: frames hear nothing below sound.low; the recorder may be faulty",
    ),
    _Level(
        "beyond full scale",
        "warning",
        lambda heard: heard.peak > 1,
        lambda heard: f"it goes to {heard.peak:.3g}",
        "goes beyond full scale; it is left as it is",
        "go beyond full scale; they are left as they are",
        "look at what wrote these files: samples are to lie between -1 and 1",
    ),
)


class LevelCheck:
    """Counts each of these in each part."""

    def __init__(self) -> None:
        self._heard: dict[str, int] = {}
        self._found: dict[tuple[str, str], Marked] = {}  # part and name

    def see(self, recording: Recording) -> None:
        """One recording, if it can be heard."""
        if recording.heard is None:
            return
        self._heard[recording.part] = self._heard.get(recording.part, 0) + 1
        for level in LEVELS:
            if level.has(recording.heard):
                why = level.why(recording.heard)
                self._found.setdefault((recording.part, level.name), Marked()).add(recording.clip, why)

    def findings(self) -> Iterator[Finding]:
        """What was found."""
        for level in LEVELS:
            for part, of in self._heard.items():
                marked = self._found.get((part, level.name))
                if marked is not None:
                    count = marked.count
                    sentence = f"{counted(count, 'recording')} of {part} {verb(count, level.one, level.many)}"
                    yield Finding(level.name, level.severity, count, of, sentence, level.advice, marked.places)
