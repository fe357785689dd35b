"""Everything that is looked for in takes of trigger words, in other speech and in backgrounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from melisma.checks.covered import Covered
from melisma.checks.finding import Finding, Severity, ordered, verb
from melisma.checks.hours import Hours, Sounds
from melisma.checks.levels import LevelCheck
from melisma.checks.parted import VALID, Parted, kind_of
from melisma.checks.recording import Marked, Recording, RecordingCheck
from melisma.checks.recordings import SILENT, GivenCorpus, LookedRecordings, heard, require_sound
from melisma.checks.sound_files import SoundFiles
from melisma.checks.speakers import Speakers
from melisma.checks.two_things import TwoThings
from melisma.checks.unreadable import Unreadable
from melisma.checks.unreadable import kind_of as fault_of
from melisma.files.clip import Clip
from melisma.measures.poisson import hours_wanted, most
from melisma.quoting import counted, listed, named, quoted
from melisma.settings.names import KINDS
from melisma.settings.trigger import TriggerSettings
from melisma.sound.scene import Take, has_room
from melisma.sound.sessions import MOST, sessions
from melisma.sound.spoken import levels, threshold
from melisma.sound.wave import read
from melisma.tasks.takes import LEAST, Recorded, name_of, of_kind
from melisma.tasks.utterances import LOOKED, columns, commonest

ENOUGH = 20  # takes of a word below which little is learned of how it can be said
MANY_VOICES = 200  # takes from which strangers are heard well, of dozens of them
LONGEST = 60.0  # seconds of a take that are listened to for what is said in them: it is a mistake
CLOSE = 0.03  # seconds before the end of a take in which it should be quiet again
NO_WORD, NOTHING, TOO_LONG = "no word is named", "nothing is said", "longer than a scene"
PARTS = (*KINDS, *(VALID + kind for kind in KINDS))
WANTED = 0.1  # false alarms an hour that are told of where none are wanted at all


def look(settings: TriggerSettings) -> LookedRecordings:
    """Reads the manifests and decodes each recording, takes of the word twice; Refusal only where a manifest or folder
    is not there, or a folder holds no sound."""
    require_sound()
    data = settings.data
    given = {part: found for part in PARTS if (found := getattr(data, part))}
    parted = Parted(given)
    corpora = [GivenCorpus(part, names) for part, names in parted.corpora()]
    findings = [finding for corpus in corpora for finding in corpus.read(columns(data))]
    for corpus in corpora:
        if not parted.labelled(corpus.part, corpus.names):
            _name(corpus)
    names = [corpus.names for corpus in corpora for _ in corpus.clips]
    clips: list[tuple[str, Clip]] = []
    hours, same, takes = Hours(), TwoThings(), Takes(settings)
    files = SoundFiles(settings.sound.rate, lambda rates: commonest(islice(rates, LOOKED)), "positive")
    checks: list[RecordingCheck] = [Unreadable(), takes, same, files, LevelCheck()]
    checks += [Speakers(kind, f"valid_{kind}") for kind in KINDS[:2]]
    unusable: dict[int, str] = {}
    for one in heard([(corpus.part, clip) for corpus in corpora for clip in corpus.clips]):
        recording = parted.placed(one, names[one.number])
        clips.append((recording.part, recording.clip))
        hours.see(recording)
        for check in checks:
            check.see(recording)
        if recording.heard is None or recording.heard.silent == 1:
            unusable[recording.number] = SILENT if recording.heard is not None else fault_of(recording)
    sounds = {part: replace(one, words=takes.words(part)) for part, one in hours.sounds().items()}
    findings += [*parted.findings(), *(finding for check in checks for finding in check.findings())]
    findings += bound(settings, sounds)
    examples = dict.fromkeys(given, 0)
    for part, _ in clips:
        examples[part] = examples.get(part, 0) + 1
    left_out = same.left_out() | takes.left_out | unusable
    broken = tuple(row for corpus in corpora for row in corpus.broken)
    return LookedRecordings(examples, ordered(_told_once(findings)), sounds, tuple(clips), left_out, broken)


def _name(corpus: GivenCorpus) -> None:
    """Gives takes of a plain folder its name, as training does."""
    if kind_of(corpus.part) == "positive" and not any(clip.text for clip in corpus.clips):
        corpus.clips = [replace(clip, text=name_of(corpus.names)) for clip in corpus.clips]
    corpus.clips = [replace(clip, text=" ".join((clip.text or "").split()) or None) for clip in corpus.clips]


def _told_once(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Without what two checks say alike of two kinds."""
    yield from dict.fromkeys(findings)


class Takes:
    """Takes of each word: how many, and which of them training cannot use or should not."""

    def __init__(self, settings: TriggerSettings) -> None:
        self._scene, self._augment = settings.scene, settings.augment
        self._words: dict[str, Counter[str]] = {}
        self._found: dict[tuple[str, str], Marked] = {}  # part and what is wrong
        self.left_out: dict[int, str] = {}

    def words(self, part: str) -> Mapping[str, int]:
        """The words of a part and how many takes of each can be used, the most first."""
        return dict(self._words.get(part, Counter()).most_common())

    def see(self, recording: Recording) -> None:
        """One recording, if it is a take of a word that can be heard."""
        sound = recording.heard
        if kind_of(recording.part) != "positive" or sound is None or sound.silent == 1:
            return
        words = self._words.setdefault(recording.part, Counter())
        if not recording.text:
            self._mark(recording, NO_WORD, "")
        elif sound.seconds > LONGEST:
            self._mark(recording, TOO_LONG, f"{sound.seconds:.0f} s")
        elif not self._said(recording):
            return
        else:
            words[recording.text] += 1

    def _said(self, recording: Recording) -> bool:
        """Whether training can use what is said in a take."""
        clip = recording.clip
        samples, rate = read(clip.audio, None, clip.begin, clip.end)
        take = Take.of(samples, rate)
        begin, end = take.begin, take.end
        if float(np.abs(samples).max()) < 2.0**-15 or end - begin < LEAST:
            self._mark(recording, NOTHING, f"{end - begin:.2f} s of sound")
            return False
        if not has_room(take, rate, self._scene, self._augment):
            self._mark(recording, TOO_LONG, f"{end - begin:.1f} s are spoken")
            return False
        level = levels(samples, rate)
        if end > len(samples) / rate - CLOSE and level[-1] > threshold(level):
            self._found.setdefault((recording.part, "cut"), Marked()).add(clip, "somebody speaks to its last sample")
        return True

    def _mark(self, recording: Recording, what: str, why: str) -> None:
        self.left_out[recording.number] = what
        self._found.setdefault((recording.part, what), Marked()).add(recording.clip, why)

    def findings(self) -> Iterator[Finding]:
        """What was found."""
        for part, words in self._words.items():
            of = words.total() + sum(
                marked.count for (where, what), marked in self._found.items() if where == part and what != "cut"
            )
            for (where, what), marked in self._found.items():
                if where == part:
                    yield _finding(part, what, marked, of)
            if part == "positive":
                yield from self._few(words)
        strange = sorted(self._words.get("valid_positive", Counter()).keys() - self._words.get("positive", {}).keys())
        if strange and "positive" in self._words:
            sentence = f"valid_positive has takes of {listed(strange, 3)}, and positive has none: training refuses them"
            advice = "name words alike in both: by the folder, or by the manifest's column text"
            yield Finding("words never trained on", "error", len(strange), len(strange), sentence, advice)
        if "positive" not in self._words:
            sentence = "there is no take of a trigger word in which anything can be heard"
            yield Finding(
                "no takes", "error", 0, 0, sentence, "mend what is listed here, or record some: melisma record"
            )

    def _few(self, words: Counter[str]) -> Iterator[Finding]:
        for word, count in words.items():
            if count >= MANY_VOICES:
                continue
            if count < 2:
                sentence = f"there is a single take of {quoted(word)}: training wants one to learn from and one to "
                sentence += "validate on, at the least"
                yield Finding("few takes", "error", count, ENOUGH, sentence, self._advice(word))
            elif count < ENOUGH:
                sentence = f"there are only {counted(count, 'take')} of {quoted(word)}"
                yield Finding("few takes", "warning", count, ENOUGH, sentence, self._advice(word))

    def _advice(self, word: str) -> str:
        return (
            f"about {ENOUGH} of one person, in two sessions or more, are a beginning; what they are worth to this "
            f"person and to others, melisma evaluate tells on takes that were not trained on; more: melisma record "
            f"FOLDER word={named(word)}"
        )


def _finding(part: str, what: str, marked: Marked, of: int) -> Finding:
    count = marked.count
    takes = f"{counted(count, 'take')} of {part}"
    if what == NO_WORD:
        sentence = f"{takes} {verb(count, 'names', 'name')} no word, though others do; training refuses them"
        return Finding(
            "takes of no word", "error", count, of, sentence, "write the word, or leave them out", marked.places
        )
    if what == NOTHING:
        sentence = f"nothing is said in {takes}; training leaves {verb(count, 'it', 'them')} out"
        advice = "listen to them: the microphone was off, or the word was cut away"
        return Finding("takes in which nothing is said", "warning", count, of, sentence, advice, marked.places)
    if what == TOO_LONG:
        sentence = f"{takes} {verb(count, 'is', 'are')} longer than a scene has room for; training leaves "
        sentence += f"{verb(count, 'it', 'them')} out"
        advice = "cut them to the word alone, one take a file; or more scene.seconds"
        return Finding("long takes", "warning", count, of, sentence, advice, marked.places)
    severity: Severity = "warning" if 2 * count < of else "note"
    sentence = f"{takes} {verb(count, 'ends', 'end')} while somebody is speaking"
    advice = "listen to some: a word that is cut off is learned as it is; a moment of quiet should follow"
    return Finding("takes cut off at the end", severity, count, of, sentence, advice, marked.places)


def bound(settings: TriggerSettings, sounds: Mapping[str, Sounds]) -> Iterator[Finding]:
    """What the hours without the word can show of false alarms at all: no fewer than 3 over these hours (poisson)."""
    seconds = {part: one.seconds for part, one in sounds.items() if kind_of(part) in KINDS[1:]}
    share = settings.data.valid_share
    to_validate = sum(
        seconds.get(f"valid_{kind}", 0.0)
        if getattr(settings.data, f"valid_{kind}") is not None
        else share * seconds.get(kind, 0.0)
        for kind in KINDS[1:]
    )
    hours, all_hours = to_validate / 3600, sum(seconds.values()) / 3600
    wish = settings.search.false_alarms or WANTED
    wanted = hours_wanted(wish)
    if not hours:
        if settings.data.validates:
            sentence = "there is no sound without the word to validate on: no threshold can be chosen for false alarms"
            advice = "hours of other speech, music and noise: data.negative=FOLDER, data.background=FOLDER"
            yield Finding("false alarms", "warning", 1, 1, sentence, advice)
        return
    sentence = (
        f"{_hours(hours)} of sound without the word are validated on (of {_hours(all_hours)}): even without a false "
        f"alarm they can only show fewer than {_figure(most(0) / hours)} an hour; fewer than {wish:g} an hour are "
        f"shown by {_hours(wanted)} without one"
    )
    advice = "more hours of what will be heard later: other speech, music, the room; or be content with a larger figure"
    if hours >= wanted:
        advice = "nothing: they are enough for what is wanted (search.false_alarms)"
    yield Finding("false alarms", "warning" if hours < wanted else "note", 1, 1, sentence, advice)


def _figure(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"


def _hours(hours: float) -> str:
    if hours >= 1:
        return f"{hours:.1f} h"
    return f"{60 * hours:.1f} min" if 60 * hours >= 1 else f"{3600 * hours:.0f} s"


def cover(codec: object, train: Sequence[Recorded], valid: Sequence[Recorded], settings: TriggerSettings) -> Covered:
    """In how many sessions the takes were recorded, and whether some of them are both trained and validated on."""
    takes = [of_kind(part, "positive") for part in (train, valid)]
    every = [*takes[0], *takes[1]]
    if not every or len(every) > MOST or all(one.utterance.speaker for one in every):
        return Covered(None, [])
    rate = every[0].rate
    numbers = sessions([one.samples(rate) for one in every], [one.word or "" for one in every], rate)
    trained, validated = (set(part.tolist()) for part in np.split(numbers, [len(takes[0])]))
    places = {one.where: int(number) for one, number in zip(every, numbers)}
    return Covered(None, list(_sessions(trained, validated, settings)), {}, places)


def _sessions(trained: set[int], validated: set[int], settings: TriggerSettings) -> Iterator[Finding]:
    count = len(trained | validated)
    both = trained & validated
    if both and settings.data.valid_positive is not None:
        sentence = (
            f"{counted(len(both), 'recording session')} of {len(validated)} in valid_positive "
            f"{verb(len(both), 'sounds', 'sound')} like one of positive (nobody says who speaks)"
        )
        advice = "listen to both; misses are fewer in sessions that were trained on"
        yield Finding("sessions in both parts", "note", len(both), max(1, len(validated)), sentence, advice)
    if count == 1:
        sentence = "all takes sound like a single recording session: one voice in one room"
        advice = (
            "nothing, if it is used there by that person alone; else another session on another day, in another room"
        )
    else:
        sentence = f"about {count} recording sessions are heard in the takes, guessed by room, voice and level"
        advice = "nothing: whole ones are held back to validate on"
    yield Finding("recording sessions", "note", 1, 1, sentence, advice)
