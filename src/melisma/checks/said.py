"""What is written for recordings: missing, blank, or told by the names of the files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from melisma.checks.finding import Finding, Severity, verb
from melisma.checks.recording import Marked, Recording
from melisma.files.columns import blank
from melisma.files.kaldi import without_texts
from melisma.quoting import counted, quoted

FEWEST = 5  # recordings without which no rule in their names is seen
APART = re.compile(r"[\W_]+")


class Said:
    """Recordings without a transcript, and with a blank one."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._missing: dict[str, Marked] = {}
        self._blank: dict[str, Marked] = {}
        self._first: dict[str, str] = {}  # part -> where a first recording without a transcript stands

    def see(self, recording: Recording) -> None:
        """One recording."""
        self._seen[recording.part] = self._seen.get(recording.part, 0) + 1
        text = recording.clip.text
        if text is None:
            self._missing.setdefault(recording.part, Marked()).add(recording.clip)
            self._first.setdefault(recording.part, recording.clip.where)
        elif blank(text):
            self._blank.setdefault(recording.part, Marked()).add(recording.clip)

    def findings(self) -> Iterator[Finding]:
        """What was found."""
        kinds = (("missing transcripts", "no", self._missing), ("blank transcripts", "a blank", self._blank))
        for name, what, found in kinds:
            for part, marked in found.items():
                count, of = marked.count, self._seen[part]
                severity: Severity = "error" if count == of else "warning"
                sentence = (
                    f"{counted(count, 'recording')} of {part} {verb(count, 'has', 'have')} {what} transcript; training "
                    f"leaves {verb(count, 'it', 'them')} out"
                )
                advice = "write what is said in them, or fix=FOLDER, which leaves them out"
                if count == of:
                    advice = without_texts(self._first.get(part, "")) or (
                        "name the column with what is said: data.text=…; a folder wants a .txt beside each"
                    )
                yield Finding(name, severity, count, of, sentence, advice, marked.places)


class Names:
    """Whether the names of all files tell what is said in them, by one of a few rules."""

    def __init__(self) -> None:
        self._count = 0
        self._within = self._word_by_word = True  # as far as was seen
        self._words: dict[str, str] = {}  # a piece of a name -> the word that it stands for
        self._fields: dict[int, dict[str, str]] | None = None  # a place in the name -> its pieces -> whole transcripts
        self._first: tuple[str, str] | None = None

    def see(self, recording: Recording) -> None:
        """One recording, if something is said in it."""
        if not recording.text:
            return
        folder, name = os.path.split(os.path.splitext(recording.clip.audio)[0])
        words = APART.split(recording.text.casefold().strip())
        pieces = [piece for piece in APART.split(name.casefold()) if piece]
        self._count += 1
        self._first = self._first or (name, recording.text)
        said = "".join(words)
        self._within &= bool(said) and any(said in _letters(one) for one in (name, os.path.basename(folder)))
        self._word_by_word &= len(pieces) == len(words) and all(
            self._words.setdefault(piece, word) == word for piece, word in zip(pieces, words)
        )
        self._keep_fields(pieces, recording.text)

    def _keep_fields(self, pieces: list[str], text: str) -> None:
        if self._fields is None:
            self._fields = {place: {} for place in range(len(pieces))}
        self._fields = {
            place: known
            for place, known in self._fields.items()
            if place < len(pieces) and known.setdefault(pieces[place], text) == text
        }

    def findings(self) -> Iterator[Finding]:
        """The finding, if there is a rule."""
        if self._count < FEWEST or self._first is None or not self._told():
            return
        name, text = self._first
        sentence = (
            f"the names of all {self._count:,} recordings tell what is said in them, such as {quoted(name)} for "
            f"{quoted(text)}"
        )
        advice = "nothing: no model sees names; whoever judges one by ear should not see them either"
        yield Finding("transcripts in names", "note", self._count, self._count, sentence, advice)

    def _told(self) -> bool:
        fields = (self._fields or {}).values()
        several = any(
            len(known) > 1 and len(set(known.values())) > 1 and 2 * len(known) <= self._count for known in fields
        )
        return self._within or several or (self._word_by_word and 1 < len(self._words) < self._count)


def _letters(name: str) -> str:
    return "".join(APART.split(name.casefold()))
