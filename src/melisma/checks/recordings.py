"""Everything that is looked for in recordings, each of which is decoded once for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from melisma.checks.finding import SHOWN, Finding, Seen, ordered, verb
from melisma.checks.hours import Hours, Sounds
from melisma.checks.levels import LevelCheck
from melisma.checks.recording import Recording, RecordingCheck, stands
from melisma.checks.repeated_sounds import RepeatedSounds
from melisma.checks.said import Names, Said
from melisma.checks.sound_files import SoundFiles
from melisma.checks.speakers import Speakers
from melisma.checks.speech_rate import SpeechRate
from melisma.checks.unreadable import Unreadable, kind_of
from melisma.errors import Refusal
from melisma.files.clip import Clip, ClipReport
from melisma.files.lines import Place
from melisma.files.manifest import read_clips
from melisma.files.opening import at_home, require_file
from melisma.files.records import Columns
from melisma.files.tables import kind as table
from melisma.files.watch import passing
from melisma.quoting import counted, named
from melisma.settings.transcribe import TranscribeSettings
from melisma.sound.following import Following
from melisma.sound.heard import look as listen
from melisma.sound.unusable import Unusable, lacking
from melisma.task import Corpus
from melisma.tasks.reading import read
from melisma.tasks.utterances import LOOKED, Utterance, columns, commonest

NO_TRANSCRIPT, SILENT, BROKEN = "no transcript", "digital silence", "broken rows"
TABLES = ("tsv", "csv", "jsonl")


@dataclass(frozen=True)
class LookedRecordings:
    """What one pass over the recordings showed, and what repairing needs to know."""

    examples: Mapping[str, int]  # recordings of each part, broken ones included
    findings: tuple[Finding, ...]
    sounds: Mapping[str, Sounds]
    clips: tuple[tuple[str, Clip], ...] = field(repr=False)  # part and clip, in order
    unusable: Mapping[int, str] = field(repr=False)  # number of a recording -> why a repaired copy is without it
    broken: tuple[Seen, ...] = field(default=(), repr=False)  # rows of manifests that are no recordings


def look(settings: TranscribeSettings) -> LookedRecordings:
    """Reads the manifests and decodes each recording once; Refusal only where a manifest or folder is not there, or
    a folder holds no sound."""
    require_sound()
    data = settings.data
    corpora = [GivenCorpus("train", names) for names in data.train] + [
        GivenCorpus("valid", names) for names in data.valid or ()
    ]
    findings = [finding for corpus in corpora for finding in corpus.read(columns(data))]
    clips = tuple((corpus.part, clip) for corpus in corpora for clip in corpus.clips)
    hours, repeated = Hours(), RepeatedSounds()
    files = SoundFiles(settings.sound.rate, lambda rates: commonest(islice(rates, LOOKED)))
    checks: list[RecordingCheck] = [Unreadable(), Said(), repeated, SpeechRate(), files, LevelCheck(), Speakers()]
    checks += [Names(), hours]
    unusable: dict[int, str] = {}
    for recording in heard(clips):
        for check in checks:
            check.see(recording)
        if why := _why(recording):
            unusable[recording.number] = why
    findings += [finding for check in checks for finding in check.findings()]
    examples = dict.fromkeys((corpus.part for corpus in corpora), 0)
    for part, _ in clips:
        examples[part] += 1
    broken = tuple(row for corpus in corpora for row in corpus.broken)
    return LookedRecordings(examples, ordered(findings), hours.sounds(), clips, repeated.left_out() | unusable, broken)


def require_sound() -> None:
    """Refusal where sound cannot be read here at all: otherwise each file would be called unreadable."""
    try:
        import soundfile  # noqa: F401
    except ImportError:
        raise lacking("reading sound") from None


@dataclass
class GivenCorpus:
    """One corpus as it was named, and its clips."""

    part: str
    names: tuple[str, ...]
    clips: list[Clip] = field(default_factory=list)
    broken: list[Seen] = field(default_factory=list)  # rows that are no clips
    _first: str = ""  # what is wrong with the first of them

    def read(self, columns: Columns) -> Iterator[Finding]:
        """Reads it, and says what is wrong with the whole; Refusal where it is nothing that clips are read from."""
        path = at_home(self.names[0])
        try:
            self.clips, report = read_clips([self.names], columns, self._mark)
        except Refusal as refusal:
            if len(self.names) != 1 or table(path) not in TABLES:
                raise
            require_file(path)
            sentence = f"{named(self.names[0])} is no manifest, and training refuses it: {self._first or refusal}"
            self.broken = []
            advice = "mend what is named, and look for more like it: nothing behind it was looked at"
            yield Finding("broken manifest", "error", 1, 1, sentence, advice)
        else:
            if self.broken:
                yield self._rows()
            yield from _reported(self.part, report)

    def _mark(self, place: Place, refusal: Refusal) -> None:
        self._first = self._first or str(refusal)
        self.broken.append(Seen(place.file, place.line, "", str(refusal).removeprefix(f"{place}: ")))

    def _rows(self) -> Finding:
        count = len(self.broken)
        sentence = f"{counted(count, 'row')} of {named(self.names[0])} {verb(count, 'is', 'are')} no recording"
        sentence += f"{verb(count, '', 's')}, and training refuses the manifest"
        advice = "mend them as each says; fix=FOLDER leaves them out"
        of = count + len(self.clips)
        return Finding(BROKEN, "error", count, of, sentence, advice, tuple(self.broken[:SHOWN]))


def _reported(part: str, report: ClipReport) -> Iterator[Finding]:
    """What is told of a folder or of Kaldi's tables without hearing anything."""
    if count := report.unread:
        sentence = f"{counted(count, 'sound')} for {part} {verb(count, 'is', 'are')} of a kind that is not read"
        advice = f"convert, for example with: ffmpeg -i {report.unread_at[0]} NEW_FILE.flac"
        places = tuple(map(_seen, report.unread_at))
        yield Finding("other kinds of sound", "warning", count, count + report.clips, sentence, advice, places)
    if count := report.silent:
        sentence = f"{counted(count, 'transcript')} for {part} {verb(count, 'belongs', 'belong')} to no sound"
        advice = "look whether sounds are missing, or called otherwise"
        places = tuple(map(_seen, report.silent_at))
        yield Finding("transcripts without sound", "warning", count, count + report.clips, sentence, advice, places)


def _seen(where: str) -> Seen:
    return Seen(*stands(where), "")


def heard(clips: Sequence[tuple[str, Clip]]) -> Iterator[Recording]:
    """The recordings, each decoded once; what training would leave out has nothing that was heard."""
    with Following() as following:
        yield from _heard(clips, following)


def _heard(clips: Sequence[tuple[str, Clip]], following: Following) -> Iterator[Recording]:
    for number, (part, clip) in enumerate(passing("recordings listened to", clips, len(clips))):
        try:
            found = listen(clip.audio, clip.begin, clip.end, following)
            if not found.frames:
                raise Unusable(f"{named(clip.audio)} is empty: it holds no samples", "empty")
            if found.unlawful:
                raise Unusable(f"{named(clip.audio)} {found.lawless()}", "numbers")
        except Refusal as refusal:
            kind = refusal.kind if isinstance(refusal, Unusable) else "other"
            yield Recording(number, part, clip, None, str(refusal), kind)
        else:
            yield Recording(number, part, clip, found)


def _why(recording: Recording) -> str:
    """Why a repaired copy is without a recording, whatever the others are; empty where it is not."""
    if recording.heard is None:
        return kind_of(recording)
    if not recording.text:
        return NO_TRANSCRIPT
    return SILENT if recording.heard.silent == 1 else ""


def readable(looked: LookedRecordings, settings: TranscribeSettings) -> Corpus[Utterance]:
    """What training would take once rows that are no recordings were left out; Refusal where it would refuse that."""
    return read(settings, lambda place, refusal: None) if looked.broken else Corpus((), (), {})
