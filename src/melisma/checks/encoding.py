"""How the bytes are written, and which characters have no business in a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from melisma.checks.finding import Draft, Finding, Seen, Severity, Spots
from melisma.checks.reading import ENDS, SIDES, Facts, Faults, Record
from melisma.quoting import counted, named
from melisma.text.unicode import is_unspaced

NFC_UP_TO = 10_000  # characters of a text that is looked at for its form: sorting very many marks takes hours

NO_BREAK = "\u00a0\u202f\u2007"
ZERO_WIDTH = "\u200b\u2060\ufeff\u00ad"
BREAKING = "\u0085\u2028\u2029"
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
_LOST = re.compile("\ufffd")
_NO_BREAK = re.compile(f"[{NO_BREAK}]")
_ZERO_WIDTH = re.compile(f"[{ZERO_WIDTH}]")
_BREAKING = re.compile(f"[{BREAKING}]")
_MARKUP = re.compile(r"&(?:[a-zA-Z]{2,8}|#\d{1,6}|#x[0-9a-fA-F]{1,6});|</?[a-zA-Z][^<>]{0,80}>")
# UTF-8 read as windows-1252: a lead byte and what follows it, each shown as a character.
_FOLLOWERS = "\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122"
_GARBLED = re.compile(f"(?:[\u00c2-\u00df][{_FOLLOWERS}]|[\u00e0-\u00ef][{_FOLLOWERS}]{{2}})+")
_QUOTES_AND_DASHES = re.compile("[\u2013-\u203a]")


class Kind(NamedTuple):
    """One fault of characters: how serious it is, what it means, what to do."""

    severity: Severity
    sentence: str
    advice: str


KINDS: dict[str, Kind] = {
    "lost characters": Kind(
        "warning",
        "hold U+FFFD, which stands where a character was lost",
        "get the text again and read it in its own encoding",
    ),
    "mojibake": Kind(
        "warning",
        "were UTF-8 and read as something else, such as Ã¼ for ü",
        "get the text again as UTF-8, or undo it: iconv -f UTF-8 -t WINDOWS-1252 FILE > NEW_FILE if all lines are so",
    ),
    "control characters": Kind(
        "warning",
        "hold control characters, which no reader sees and the model learns",
        "fix=FOLDER puts spaces in their place",
    ),
    "zero-width characters": Kind(
        "warning",
        "hold characters without width (such as U+200B or a soft hyphen), which make one word look like two to a model",
        "fix=FOLDER takes them out",
    ),
    "line separators": Kind(
        "note",
        "hold U+0085, U+2028 or U+2029: text here, but the end of a line to some programs",
        "fix=FOLDER puts spaces in their place",
    ),
    "no-break spaces": Kind(
        "note",
        "hold a no-break space; melisma reads it as a space, other tools may not",
        "nothing, or fix=FOLDER, which puts spaces in their place",
    ),
    "not NFC": Kind(
        "note",
        "write letters in pieces (not in the form NFC); melisma puts them together, other tools may not",
        "nothing, or fix=FOLDER, which writes NFC",
    ),
    "markup": Kind(
        "note",
        "hold what looks like HTML (&amp; or <b>)",
        "take it out if the text that the model will be given has none",
    ),
}


class Encoding:
    """Looks at every character of both sides."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, int], Spots] = {}
        self._lines: dict[str, int] = {}

    def see(self, record: Record, whole: bool) -> None:
        """One record; ``whole`` is not asked for, as any text that could be read is looked at."""
        part = record.given.part
        self._lines[part] = self._lines.get(part, 0) + 1
        for side, text in enumerate(record.sides):
            if text is None or (text.isascii() and text.isprintable() and "&" not in text and "<" not in text):
                continue
            for name, at in strange(text).items():
                self._found.setdefault((name, part, side), Spots()).add(record.number, side, at)

    def drafts(self) -> Iterator[Draft]:
        """A finding for each fault of each side of each part."""
        for (name, part, side), spots in sorted(self._found.items(), key=lambda item: -item[1].count):
            kind = KINDS[name]
            sentence = (
                f"{counted(spots.count, f'{SIDES[side]} line')} of {part} {_singular(kind.sentence, spots.count)}"
            )
            found = Finding(name, kind.severity, spots.count, self._lines[part], sentence, kind.advice)
            yield Draft(found, tuple(spots.first))


def _singular(words: str, count: int) -> str:
    if count != 1:
        return words
    verb, _, rest = words.partition(" ")
    return f"{ {'hold': 'holds', 'were': 'was', 'write': 'writes'}[verb] } {rest}"


def strange(text: str) -> dict[str, int]:
    """The faults (``KINDS``) that a text has, each with the character where it is first seen."""
    kinds = {"markup": _MARKUP, "control characters": _CONTROLS}
    if not text.isascii():
        kinds |= {"lost characters": _LOST, "no-break spaces": _NO_BREAK, "line separators": _BREAKING}
    found = {name: match.start() for name, pattern in kinds.items() if (match := pattern.search(text))}
    if text.isascii():
        return found
    # between words of scripts without spaces U+200B is where a line may break, and lawful
    if (match := _ZERO_WIDTH.search(text)) and not any(map(is_unspaced, text)):
        found["zero-width characters"] = match.start()
    if (at := garbled(text)) is not None:
        found["mojibake"] = at
    if len(text) <= NFC_UP_TO and not unicodedata.is_normalized("NFC", text):
        found["not NFC"] = next((at for at, one in enumerate(text) if unicodedata.combining(one)), 0)
    return found


def garbled(text: str) -> int | None:
    """Where a text holds UTF-8 that was decoded as windows-1252 or Latin-1; None: nowhere."""
    return next((found.start() for found in _GARBLED.finditer(text) if _is_garbled(found, text)), None)


def _is_garbled(found: re.Match[str], text: str) -> bool:
    piece = found.group()
    try:
        piece.encode("cp1252").decode("utf-8")
    except UnicodeError:
        try:
            piece.encode("latin-1").decode("utf-8")
        except UnicodeError:
            return False
    if len(piece) != 2 or not _QUOTES_AND_DASHES.match(piece[1]):
        return True
    # a capital before a closing quote or a dash is lawful (CAFÉ”); between letters it is not (Ã–sterreich)
    return text[found.end() : found.end() + 1].isalpha() and piece[0] == "\u00c3"


def clean(text: str) -> str:
    """A text without what can be put right of what ``strange`` finds: NFC, plain spaces, nothing unseen."""
    if text.isascii() and text.isprintable():
        return text.strip()
    text = _BREAKING.sub(" ", _NO_BREAK.sub(" ", _CONTROLS.sub(" ", text)))
    if not any(map(is_unspaced, text)):
        text = _ZERO_WIDTH.sub("", text)
    text = text.removeprefix("\ufeff")
    return (unicodedata.normalize("NFC", text) if len(text) <= NFC_UP_TO else text).strip()


# --- what was seen of the files themselves ----------------------------------------------------------------------------


def of_files(files: Sequence[Facts]) -> Iterator[Draft]:
    """Findings about bytes: encodings, marks, line ends, rows that are none, files that cannot be read on."""
    for facts in files:
        if facts.refused:
            yield _draft("unreadable", "error", 1, 1, facts.refused, "mend the file; what follows it was not looked at")
        yield from _undecodable(facts)
        yield from _counted_lines(facts)
        yield from _marks(facts)


def _undecodable(facts: Facts) -> Iterator[Draft]:
    if not facts.undecodable.count:
        return
    guess, _ = facts.guesses.most_common(1)[0]
    lines = counted(facts.undecodable.count, "line")
    sentence = f"{lines} of {named(facts.path)} {_are(facts.undecodable)} not UTF-8: it looks like {guess}"
    code = {"Latin-1": "LATIN1", "windows-1252": "WINDOWS-1252"}.get(guess, "ENCODING")
    whole = facts.undecodable.count > facts.lines / 100
    advice = f"convert the file: iconv -f {code} -t UTF-8 FILE > NEW_FILE" if whole else "mend these lines"
    advice += "; fix=FOLDER leaves these pairs out"
    yield _draft(
        "not UTF-8", "error", facts.undecodable.count, facts.lines, sentence, advice, _places(facts, "undecodable")
    )


def _counted_lines(facts: Facts) -> Iterator[Draft]:
    if facts.nul.count:
        lines = f"{counted(facts.nul.count, 'line')} of {named(facts.path)}"
        sentence = f"{lines} {_hold(facts.nul)} a NUL byte, which no text holds"
        advice = "get the file again; fix=FOLDER leaves these pairs out"
        yield _draft("NUL bytes", "error", facts.nul.count, facts.lines, sentence, advice, _places(facts, "nul"))
    if facts.rows.count:
        sentence = (
            f"{counted(facts.rows.count, 'row')} of {named(facts.path)} {_are(facts.rows)} not what the table promises"
        )
        some = facts.rows.count < facts.lines - bool(facts.header)
        advice = "mend these rows; fix=FOLDER leaves them out" if some else "mend what is said of them: no row is left"
        told = [why for _, why in facts.rows.first]  # what is wrong is said once
        places = [
            Seen(facts.path, line, "", "" if why in told[:place] else why)
            for place, (line, why) in enumerate(facts.rows.first)
        ]
        yield _draft("broken rows", "error", facts.rows.count, facts.lines, sentence, advice, places)
    if facts.too_long.count:
        lines = f"{counted(facts.too_long.count, 'line')} of {named(facts.path)}"
        sentence = f"{lines} {_are(facts.too_long)} over a megabyte long"
        advice = "cut them into sentences; training leaves these pairs out"
        yield _draft(
            "endless lines", "warning", facts.too_long.count, facts.lines, sentence, advice, _places(facts, "too_long")
        )


def _marks(facts: Facts) -> Iterator[Draft]:
    if facts.bom:
        sentence = f"{named(facts.path)} begins with a byte order mark; melisma takes it off, other tools may not"
        yield _draft(
            "byte order mark",
            "note",
            1,
            1,
            sentence,
            "nothing, or fix=FOLDER, which writes none",
            (Seen(facts.path, 1, ""),),
        )
    ends = [f"{facts.ends[end]:,} {end!r}" for end in ENDS if facts.ends[end]]
    if len(ends) > 1:
        sentence = f"{named(facts.path)} ends its lines in several ways ({', '.join(ends)}), as files put together do"
        count = sum(facts.ends.values()) - max(facts.ends.values())
        yield _draft(
            "mixed line ends",
            "note",
            count,
            sum(facts.ends.values()),
            sentence,
            "look whether the lines still fit; fix=FOLDER writes one kind",
        )


def _draft(
    name: str, severity: Severity, count: int, of: int, sentence: str, advice: str, places: Iterable[Seen] = ()
) -> Draft:
    return Draft(Finding(name, severity, count, of, sentence, advice, tuple(places)))


def _places(facts: Facts, what: str) -> tuple[Seen, ...]:
    faults: Faults = getattr(facts, what)
    return tuple(Seen(facts.path, line, text) for line, text in faults.first)


def _are(faults: Faults) -> str:
    return "is" if faults.count == 1 else "are"


def _hold(faults: Faults) -> str:
    return "holds" if faults.count == 1 else "hold"
