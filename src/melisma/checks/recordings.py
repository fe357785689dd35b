"""Everything that is looked for in recordings, each of which is decoded once for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

from melisma.checks.finding import Finding
from melisma.checks.hours import Hours, Sounds
from melisma.checks.levels import LevelCheck
from melisma.checks.recording import RecordingCheck
from melisma.checks.repeated_sounds import RepeatedSounds
from melisma.checks.said import Names, Said
from melisma.checks.sound_files import SoundFiles
from melisma.checks.speakers import Speakers
from melisma.checks.speech_rate import SpeechRate
from melisma.checks.unreadable import Unreadable
from melisma.files.clip import Clip
from melisma.files.watch import passing
from melisma.settings.transcribe import TranscribeSettings
from melisma.tasks.utterances import LOOKED, commonest

NO_SOUND, NO_TRANSCRIPT, SILENT, TWICE, IN_VALID = (
    "cannot be heard",
    "no transcript",
    "digital silence",
    "duplicate",
    "sound is in valid",
)
"""Why a repaired copy is without a recording."""


@dataclass(frozen=True)
class LookedRecordings:
    """What one pass over the recordings showed, and what repairing needs to know."""

    examples: Mapping[str, int]  # recordings of each part, broken ones included
    findings: tuple[Finding, ...]
    sounds: Mapping[str, Sounds]
    clips: tuple[tuple[str, Clip], ...] = field(repr=False)  # part and clip, in order
    unusable: Mapping[int, str] = field(repr=False)  # number of a recording -> why a repaired copy is without it


def look(settings: TranscribeSettings) -> LookedRecordings:
    """Reads the manifests and decodes each recording once; Refusal only where a manifest or folder is not there, or
    holds none."""
    _require_sound()
    given = [*_given(settings)]
    clips = [(part, clip) for part, found, _, _ in given for clip in found]
    hours, repeated = Hours(), RepeatedSounds()
    rate: int | None = settings.sound.rate
    files = SoundFiles(rate, lambda rates: commonest(islice(rates, LOOKED)))
    checks: list[RecordingCheck] = [Unreadable(), Said(), repeated, SpeechRate(), files, LevelCheck(), Speakers()]
    checks += [Names(), hours]
    unusable: dict[int, str] = {}
    known: set[tuple[str, bytes]] = set()
    for recording in passing("recordings listened to", map(_heard, range(len(clips)), clips), len(clips)):
        for check in checks:
            check.see(recording)
        if why := _why(recording, known):
            unusable[recording.number] = why
