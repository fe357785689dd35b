"""Subtitles of words and their times: SubRip (.srt) and WebVTT (.vtt)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple, Protocol

from melisma.errors import Refusal
from melisma.settings.show import shown

LINE: Final = 42  # columns of a line, two of them for a wide character
LINES: Final = 2
LONGEST: Final = 7.0  # seconds that a subtitle stands
SHORTEST: Final = 1.0  # the same at the least, where nothing follows sooner
PAUSE: Final = 0.8  # seconds without a word that part subtitles in any case
CLOSING: Final = (".", "?", "!", "…", "。", "？", "！")  # behind these they are parted rather than elsewhere
FORMATS: Final = ("srt", "vtt")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Timed(Protocol):
    """A word, and when it is said: seconds."""

    @property
    def text(self) -> str: ...

    @property
    def begin(self) -> float: ...

    @property
    def end(self) -> float: ...


class _Word(NamedTuple):
    text: str
    begin: float
    end: float


class Cue(NamedTuple):
    """A subtitle: milliseconds from the beginning, and one or two lines."""

    begin: int
    end: int
    lines: tuple[str, ...]


class Subtitles:
    """Subtitles as they come, utterance after utterance, in one of ``FORMATS``; Refusal for another."""

    def __init__(self, kind: str) -> None:
        if kind not in FORMATS:
            raise Refusal(f"format={shown(kind)} is none that subtitles have: wants {' or '.join(FORMATS)}")
        self.kind, self.count, self._end = kind, 0, 0

    def head(self) -> str:
        """What stands before the first."""
        return "WEBVTT\n\n" if self.kind == "vtt" else ""

    def more(self, words: Sequence[Timed], until: float) -> str:
        """Those of an utterance that is over by ``until`` (seconds); each is followed by an empty line."""
        return "".join(map(self._written, cues(words, until)))

    def _written(self, cue: Cue) -> str:
        self.count += 1
        begin = max(cue.begin, self._end)  # they are told one after another
        self._end = max(cue.end, begin + 1)
        if self.kind == "srt":
            times = f"{self.count}\n{_clock(begin, ',')} --> {_clock(self._end, ',')}"
            lines = [line.replace("-->", "-- >") for line in cue.lines]  # it would be read as times
        else:
            times = f"{_clock(begin, '.')} --> {_clock(self._end, '.')}"
            lines = [line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") for line in cue.lines]
        return "\n".join((times, *lines)) + "\n\n"


def cues(words: Sequence[Timed], until: float) -> list[Cue]:
    """The words of an utterance, in the order of their times, as subtitles.

    They are parted at every pause of ``PAUSE``, and where they would have more than two lines of ``LINE`` columns or
    stand longer than ``LONGEST`` there, where it costs least: as few as can be, at the longest pauses, behind the ends
    of sentences. A word that is longer than a line is cut. None is shown after ``until`` but for its own words.
    """
    found: list[Cue] = []
    pieces = [piece for word in words for piece in _pieces(word)]
    groups = [pieces[begin:end] for begin, end in _runs(pieces)]
    parts = [part for group in groups for part in _parted(group)]
    for place, part in enumerate(parts):
        follows = parts[place + 1][0].begin if place + 1 < len(parts) else until
        end = max(part[-1].end, min(part[0].begin + SHORTEST, follows))
        begin = round(1000 * part[0].begin)
        found.append(Cue(begin, max(begin + 1, round(1000 * end)), _lines([word.text for word in part])))
    return found


def _pieces(word: Timed) -> Iterator[_Word]:
    """A word in pieces that fit a line, each with its share of the time."""
    text = "".join(CONTROL.sub(" ", word.text).split())
    cut = list(_cut(text))
    each = (word.end - word.begin) / max(1, len(cut))
    for place, piece in enumerate(cut):
        yield _Word(piece, word.begin + place * each, word.begin + (place + 1) * each)


def _cut(text: str) -> Iterator[str]:
    piece, width = "", 0
    for character in text:
        more = _width(character)
        if width + more > LINE:
            yield piece
            piece, width = "", 0
        piece, width = piece + character, width + more
    if piece:
        yield piece


def _width(text: str) -> int:
    """Columns that a text takes."""
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text
    )


def _runs(words: Sequence[_Word]) -> Iterator[tuple[int, int]]:
    """Between which words no pause parts subtitles."""
    begin = 0
    for place in range(1, len(words) + 1):
        if place == len(words) or words[place].begin - words[place - 1].end >= PAUSE:
            yield begin, place
            begin = place


def _parted(words: Sequence[_Word]) -> Iterator[Sequence[_Word]]:
    """The words as subtitles, at the least cost: each parting costs 2, less where a pause or a sentence's end is."""
    best: list[tuple[float, int]] = [(0.0, 0)]  # of the first words: the cost, and where their last subtitle begins
    for end in range(1, len(words) + 1):
        ways = []
        for begin in range(end - 1, -1, -1):
            if begin < end - 1 and not _fits(words[begin:end]):
                break
            ways.append((best[begin][0] + (_parting(words[begin - 1], words[begin]) if begin else 0.0), begin))
        best.append(min(ways, key=lambda way: (way[0], -way[1])))
    places = [len(words)]
    while places[-1]:
        places.append(best[places[-1]][1])
    places.reverse()
    yield from (words[begin:end] for begin, end in pairwise(places))


def _parting(before: _Word, after: _Word) -> float:
    pause = max(0.0, min(1.0, (after.begin - before.end) / PAUSE))
    return 2.0 - pause - (0.5 if before.text.endswith(CLOSING) else 0.0)


def _fits(words: Sequence[_Word]) -> bool:
    return words[-1].end - words[0].begin <= LONGEST and len(_filled([word.text for word in words])) <= LINES


def _filled(texts: Sequence[str]) -> list[str]:
    """The words in as few lines as they take."""
    lines = [texts[0]]
    for text in texts[1:]:
        if _width(lines[-1]) + 1 + _width(text) <= LINE:
            lines[-1] += f" {text}"
        else:
            lines.append(text)
    return lines


def _lines(texts: Sequence[str]) -> tuple[str, ...]:
    """One line, or two as even as can be, of which rather the second is the longer."""
    if len(_filled(texts)) == 1:
        return (" ".join(texts),)
    ways = [(" ".join(texts[:place]), " ".join(texts[place:])) for place in range(1, len(texts))]
    return min(ways, key=lambda way: (max(map(_width, way)), _width(way[0])))


def _clock(milliseconds: int, point: str) -> str:
    """01:02:03,004."""
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{rest:03d}"
