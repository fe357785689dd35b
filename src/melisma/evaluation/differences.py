"""Where an answer differs from its reference, piece by piece."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from melisma.measures.error_rate import align
from melisma.text.unicode import is_unspaced, normalise

LONGEST = 400  # characters of a text that are shown
SHORT = 40  # characters up to which a text of few words is compared character by character
FEW = 4


class Piece(NamedTuple):
    """A stretch of text, and whether the other side has it too."""

    text: str
    same: bool


class Difference(NamedTuple):
    """An answer and its reference in pieces, whose texts together are the (cut) texts."""

    answer: tuple[Piece, ...]
    reference: tuple[Piece, ...]


def shortened(text: str) -> str:
    """The text as it is shown: normalised, and cut between two letters where it is too long."""
    plain = normalise(text)
    if len(plain) <= LONGEST:
        return plain
    kept = clusters(plain[:LONGEST])
    return "".join(kept[:-1]) + "…"


def compared(answer: str, reference: str) -> Difference:
    """What has to be changed for the answer to be the reference, with the fewest edits (Levenshtein 1966).

    Words are compared, or characters with their accents where texts have no spaces or are a few words long.
    """
    one, two = shortened(answer), shortened(reference)
    finer = _by_characters(one) and _by_characters(two)
    said, wanted = (clusters(text) if finer else _words(text) for text in (one, two))
    pairs = [(i, j) for i, j in align(said, wanted) if i is not None and j is not None and said[i] == wanted[j]]
    here, there = {i for i, _ in pairs}, {j for _, j in pairs}
    return Difference(_joined(said, here), _joined(wanted, there))


def clusters(text: str) -> list[str]:
    """Characters, each with the accents and joiners that belong to it."""
    found: list[str] = []
    for char in text:
        joins = char in "\u200c\u200d" or unicodedata.category(char).startswith("M")
        if found and (joins or found[-1][-1] == "\u200d"):
            found[-1] += char
        else:
            found.append(char)
    return found


def _words(text: str) -> list[str]:
    """Words, with the blanks between them as pieces of their own; CJK and its like by characters."""
    found: list[str] = []
    for number, word in enumerate(text.split(" ")):
        found += [" "] if number else []
        parts = clusters(word) if any(map(is_unspaced, word)) else [word]
        found += [part for part in parts if part]
    return found


def _by_characters(text: str) -> bool:
    return len(text) <= SHORT and text.count(" ") < FEW


def _joined(tokens: Sequence[str], same: set[int]) -> tuple[Piece, ...]:
    """Neighbours of one kind as one piece; a blank between two differing words differs with them."""
    flags = [place in same for place in range(len(tokens))]
    for place in range(1, len(tokens) - 1):
        if tokens[place] == " " and not flags[place - 1] and not flags[place + 1]:
            flags[place] = False
    pieces: list[Piece] = []
    for token, flag in zip(tokens, flags):
        if pieces and pieces[-1].same == flag:
            pieces[-1] = Piece(pieces[-1].text + token, flag)
        else:
            pieces.append(Piece(token, flag))
    return tuple(pieces)
