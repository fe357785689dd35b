"""A person is led through takes: of their word, what sounds like it, other speech and their room; or of sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from melisma.api.shelf import Shelf
from melisma.errors import Refusal
from melisma.files.lines import Lines, Place
from melisma.quoting import counted, quoted, shown_path
from melisma.runs.disk import DISK, probe, reason
from melisma.settings.read import build
from melisma.settings.record import RecordSettings
from melisma.sound.encoded import wav
from melisma.sound.microphone import microphone
from melisma.sound.resample import Samples
from melisma.sound.taking import BLOCK, Judged, Level, judged, judged_whole, taken
from melisma.text.alike import alike
from melisma.text.unicode import normalise

PAUSE, READING_PAUSE = 0.6, 1.2  # seconds of quiet that end a take, and a sentence that is read
SENTENCE = 30.0  # seconds of a sentence at most
LONGEST_SENTENCE = 500  # characters
STRETCH, ROOM = 10, 60  # seconds of free speech, and of the room, that are recorded at once
WAYS = ("", "", "more softly", "louder", "faster", "more slowly", "from farther away", "turned away", "as a question")
TOPICS = (
    "count from one to twenty",
    "the days of the week and the months",
    "what you did this morning",
    "the way from here to the nearest shop",
    "read aloud whatever lies near you",
    "a phone call: a greeting, some news, a goodbye",
)
SPEECH, QUIET_ROOM, READ = "free speech", "room", "takes"  # the folders of what is no word
KEYS = "Enter records; a: the last one again, u: undo it, k: keep what was refused, s: skip this, q: quit"

Source = Callable[[int, float], Generator[Samples, None, None]]
"""A rate and the seconds of a block -> blocks of what is heard, until it is closed; ``microphone`` is one."""


class Talk(Protocol):
    """Whoever is led through the takes."""

    def ask(self, text: str) -> str | None:
        """What they type after a question, without its end; None: nothing more will come."""

    def say(self, text: str) -> None:
        """A line that stays."""

    def level(self, level: Level | None) -> None:
        """How loud it is while they speak; None: the take is over."""


class Item(NamedTuple):
    """One thing to be said so and so often."""

    kind: str  # positive, negative, background; empty for sentences
    folder: str
    text: str | None  # what the manifest says of it
    takes: int
    asked: str  # what a person is to do
    ways: Sequence[str]  # to do it, one after the other, again and again
    longest: float  # seconds
    pause: float | None  # seconds of quiet that end it; None: it takes ``longest``
    judge: Callable[[Samples, int], Judged]


@dataclass(frozen=True)
class Recorded:
    """What there is now, by kind and by what is said: takes, and how many were wanted."""

    folder: str
    takes: Mapping[tuple[str, str], tuple[int, int]]
    sessions: int
    new: int  # of them recorded just now

    @property
    def whole(self) -> bool:
        """Whether nothing is lacking."""
        return all(there >= wanted for there, wanted in self.takes.values())


def record(
    folder: str | Path, *layers: Mapping[str, Any], talk: Talk, source: Source = microphone, **settings: Any
) -> Recorded:
    """Records takes into ``folder``, one after another, each judged at once; what is there counts and stays.

    Words: ``positive/WORD``, ``negative/…`` and ``background/room``, each kind with its ``manifest.jsonl``; sentences:
    ``takes`` and ``manifest.jsonl``. Refusal, before anything is written, where there is no microphone or the folder
    cannot be written to.
    """
    chosen: RecordSettings = build(RecordSettings, *layers, settings)
    items = planned(chosen)
    place = Path(folder)
    _require_writable(place)
    shelves = {
        kind: Shelf(place / kind, {item.folder: item.text for item in items if item.kind == kind and kind})
        for kind in dict.fromkeys(item.kind for item in items)
    }
    session = _Session(chosen, items, shelves, talk, source)
    session.require_source()
    session.lead()
    found = {
        (item.kind, item.text or item.folder): (shelves[item.kind].count(item.folder, item.text), item.takes)
        for item in items
    }
    return Recorded(str(place), found, max(shelf.sessions() for shelf in shelves.values()), len(session.made))


def planned(settings: RecordSettings) -> tuple[Item, ...]:
    """All that is to be said, in order."""
    if settings.text is not None:
        return _sentences(settings.text)
    words = [normalise(word) for word in settings.word]
    near = [normalise(word) for word in settings.alike] or [
        other for word in words for other in alike(word, settings.proposed, words)
    ]
    items = [
        Item("positive", word, word, settings.takes, f"say {quoted(word)}", WAYS, settings.seconds, PAUSE, judged)
        for word in words
    ]
    items += [
        Item("negative", one, one, settings.alike_takes, f"say {quoted(one)}", ("",), settings.seconds, PAUSE, judged)
        for one in dict.fromkeys(near)
    ]
    if settings.speech:
        asked = f"speak for {STRETCH} seconds, without {' or '.join(map(quoted, words))}"
        count = -(-settings.speech // STRETCH)
        items.append(Item("negative", SPEECH, None, count, asked, TOPICS, float(STRETCH), None, judged_whole))
    if settings.background:
        count = -(-settings.background // ROOM)
        seconds = settings.background / count
        asked = f"be quiet for {seconds:.0f} seconds: the room is recorded"
        items.append(Item("background", QUIET_ROOM, None, count, asked, ("",), seconds, None, judged_whole))
    return tuple(items)


def _sentences(path: str) -> tuple[Item, ...]:
    lines = Lines(path)
    found: Counter[str] = Counter()
    for number, line in enumerate(lines, 1):
        text = normalise(line or "")
        if line is None or len(text) > LONGEST_SENTENCE:
            raise Refusal(
                f"{Place(lines.path, number)}: the line is longer than {LONGEST_SENTENCE} characters, a sentence that "
                "can be read at once is wanted"
            )
        found[text] += 1
    del found[""]
    if not found:
        raise Refusal(f"text={shown_path(path)} holds only blank lines: wants a sentence a line")
    return tuple(
        Item("", READ, text, count, f"read: {text}", ("",), SENTENCE, READING_PAUSE, judged)
        for text, count in found.items()
    )


def _require_writable(place: Path) -> None:
    nearest = next(folder for folder in (place, *place.absolute().parents) if folder.exists() or folder.is_symlink())
    if not nearest.is_dir():
        raise Refusal(f"{shown_path(place)}: {shown_path(nearest)} is not a folder, name one for the takes")
    try:
        probe(DISK, nearest)
    except OSError as error:
        raise Refusal(f"{shown_path(place)} cannot be written to: {reason(error)}") from None


class _Session:
    """One person before one microphone."""

    def __init__(
        self,
        settings: RecordSettings,
        items: Sequence[Item],
        shelves: Mapping[str, Shelf],
        talk: Talk,
        source: Source,
    ) -> None:
        self.settings, self.items, self.shelves, self.talk, self.source = settings, items, shelves, talk, source
        self.session = datetime.now().isoformat(" ", "seconds")
        self.made: list[tuple[Item, str]] = []  # what was recorded just now
        self._skipped: set[Item] = set()
        self._refused: tuple[Item, Samples] | None = None

    def require_source(self) -> None:
        """Refusal where there is no microphone, or nothing that writes what it hears, known before anybody speaks."""
        wav(np.zeros(1, np.float32), self.settings.rate)
        blocks = self.source(self.settings.rate, BLOCK)
        try:
            next(blocks, None)
        finally:
            blocks.close()

    def lead(self) -> None:
        """Until nothing is lacking, or the person has had enough."""
        if (item := self._next()) is not None:
            self.talk.say(KEYS)
        while item is not None:
            said = self.talk.ask(self._question(item))
            if said is None or said.strip().lower() in ("q", "quit"):
                return
            self._do(item, said.strip().lower())
            item = self._next()

    def _next(self) -> Item | None:
        return next((one for one in self.items if one not in self._skipped and self._count(one) < one.takes), None)

    def _count(self, item: Item) -> int:
        return self.shelves[item.kind].count(item.folder, item.text)

    def _question(self, item: Item) -> str:
        number = self._count(item)
        way = item.ways[number % len(item.ways)]
        place = f" ({number + 1} of {item.takes})" if item.takes > 1 else ""
        return f"{item.asked}{', ' * bool(way)}{way}{place}"

    def _do(self, item: Item, said: str) -> None:
        match said:
            case "":
                self._take(item)
            case "a" | "again" | "u" | "undo":
                undone = self._undo()
                if undone is not None and said[0] == "a":
                    self._take(undone)
            case "k" | "keep":
                if self._refused is None:
                    self.talk.say("nothing was refused just now")
                else:
                    self._keep(*self._refused)
            case "s" | "skip":
                self._skipped.add(item)
            case _:
                self.talk.say(KEYS)

    def _take(self, item: Item) -> None:
        self._refused = None
        blocks = self.source(self.settings.rate, BLOCK)
        try:
            samples = taken(blocks, self.settings.rate, item.longest, item.pause, self.talk.level)
        finally:
            blocks.close()
            self.talk.level(None)
        found = item.judge(samples, self.settings.rate)
        if found.fault:
            self._refused = (item, samples) if len(samples) else None
            self.talk.say(f"once more: {found.fault}")
            return
        self._keep(item, samples)
        self.talk.say(f"kept: {found.seconds:.1f} s, {found.decibels:.0f} dB")

    def _keep(self, item: Item, samples: Samples) -> None:
        self._refused = None
        told = {"text": item.text, "speaker": self.settings.speaker, "session": self.session}
        audio = self.shelves[item.kind].add(item.folder, wav(samples, self.settings.rate), told)
        self.made.append((item, audio))

    def _undo(self) -> Item | None:
        """Takes the last take of this session away -> what it was of."""
        self._refused = None
        if not self.made:
            self.talk.say("there is nothing to undo: takes of earlier sessions stay")
            return None
        item, audio = self.made.pop()
        self.shelves[item.kind].remove(audio)
        self._skipped.discard(item)
        self.talk.say(f"undone: {counted(self._count(item), 'take')} of {quoted(item.text or item.folder)} left")
        return item
