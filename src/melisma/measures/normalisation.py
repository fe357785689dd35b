"""What of a transcript counts when it is compared with another: case, punctuation, marks above and below letters."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal

from melisma.errors import Refusal
from melisma.measures.measure import normalised

Marks = Literal["composed", "apart", "joined", "dropped"]
Unit = Literal["word", "character"]

MARKS: tuple[Marks, ...] = ("composed", "apart", "joined", "dropped")
WITHIN_WORDS = "'\u2019\u05f3\u05f4\u00b7"  # apostrophes, the Hebrew marks like them, the Catalan middle dot
WITHIN_NUMBERS = ".,\u066b\u066c"


@dataclass(frozen=True)
class Normalisation:
    """How texts are made comparable: always Unicode NFC and white space as single spaces, the rest on request.

    Numbers stay as they are written: ``3`` is not ``three``.
    """

    case: bool = True  # capital letters count as others than small ones
    punctuation: bool = True  # else it is white space, but for apostrophes within words and 3.5 or 10,000
    # combining marks: "composed" counts code points after NFC (é one, ɔ́ two, as Unicode happens to have them), "apart"
    # every mark as a character, "joined" a letter with its marks as one, "dropped" none, in words neither
    marks: Marks = "composed"

    def __post_init__(self) -> None:
        if self.marks not in MARKS:
            raise Refusal(f"marks is {self.marks!r}: it must be one of {', '.join(MARKS)}.")

    @property
    def signature(self) -> str:
        """All of it in short, as signatures of measures say it."""
        case, punctuation = "mixed" if self.case else "lc", "yes" if self.punctuation else "no"
        return f"case:{case}|punctuation:{punctuation}|norm:nfc|marks:{self.marks}"

    def __call__(self, text: str) -> str:
        """The text as it is compared."""
        plain = normalised(text, not self.case)
        if not self.punctuation:
            plain = normalised(_without_punctuation(plain))
        return normalised("".join(map(_letter, plain))) if self.marks == "dropped" else plain

    def words(self, text: str) -> list[str]:
        """The words of the text: what white space separates."""
        return self(text).split()

    def characters(self, text: str) -> list[str]:
        """The characters of the text, the single spaces between words among them."""
        plain = self(text)
        if self.marks == "apart":
            return [part for character in plain for part in _parts(character)]
        return _joined(plain) if self.marks == "joined" else list(plain)


AS_WRITTEN = Normalisation()


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


def _parts(character: str) -> str:
    """A letter and its marks one after another; what has no marks as it is, so that Korean stays in syllables."""
    apart = unicodedata.normalize("NFD", character)
    return apart if any(map(_is_mark, apart)) else character


def _letter(character: str) -> str:
    return "".join(part for part in _parts(character) if not _is_mark(part))


def _joined(text: str) -> list[str]:
    found: list[str] = []
    for character in text:
        if found and found[-1] != " " and _is_mark(character):
            found[-1] += character
        else:
            found.append(character)
    return found


def _without_punctuation(text: str) -> str:
    """Spaces for punctuation (Unicode's categories P), but for what stands within a word or a number."""
    kept = []
    for before, character, after in zip(f" {text}", text, f"{text[1:]} "):
        if not unicodedata.category(character).startswith("P"):
            kept.append(character)
        elif character in WITHIN_WORDS and _spells(before) and _spells(after):
            kept.append("'" if character == "\u2019" else character)
        elif character in WITHIN_NUMBERS and before.isdecimal() and after.isdecimal():
            kept.append(character)
        else:
            kept.append(" ")
    return "".join(kept)


def _spells(character: str) -> bool:
    return character.isalnum() or _is_mark(character)
