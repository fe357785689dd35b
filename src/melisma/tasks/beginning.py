"""Which symbols an answer may begin with, so that its text begins as it is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from melisma.errors import Refusal
from melisma.search.forced import Beginning
from melisma.settings.show import shown
from melisma.text.unicode import normalise
from melisma.text.units import Unit
from melisma.text.vocabulary import FIRST_BYTE, FIRST_LEARNED, Vocabulary

# A letter, a digit and a mark that no training has seen, put behind the text: a last word that has a symbol may also be
# the head of a word that has none and is spelled in bytes.
UNSEEN = ("\U00010400", "\U000104a0", "\U0001e8d0")


def beginning(unit: Unit, prefix: str, most: int | None = None) -> Beginning | None:
    """The symbols of answers whose text begins with ``prefix``, normalised; None where nothing is left of that.

    They are those that longer texts are cut into: the symbols of the prefix, or some of them and one that reaches
    beyond its end, so that a last word may go on (``Haus`` as ``Haustür``, even where that is one symbol). A blank at
    the end of ``prefix`` says that the last word is whole: one stands there in the answer too. Ways of more than
    ``most`` symbols are left out; Refusal where none is left.
    """
    wanted = normalise(prefix)
    if not wanted:
        return None
    blank = " " if prefix[-1].isspace() else ""
    spelled = _spelled(unit.vocabulary)
    text = b"".join(spelled[symbol] for symbol in unit.encode([wanted])[0]) + blank.encode()
    longest = max(map(len, spelled))
    heads = _heads(unit, spelled, text, [wanted, *(wanted + blank + one for one in UNSEEN)])
    heads |= _heads(unit, spelled, text, [wanted[:end] for end in range(max(0, len(wanted) - longest), len(wanted))])
    ways = {head for head, length in heads.items() if length == len(text)}
    for head, length in heads.items():
        ways.update(_beyond(unit, spelled, head, text[length:]))
    chosen = [way for way in ways if most is None or len(way) <= most]
    if not chosen:
        least = min(map(len, ways))
        raise Refusal(f"prefix={shown(prefix)} has {least} symbols and maximum is {most}: wants {least} or more")
    return Beginning.of(chosen)


def _spelled(vocabulary: Vocabulary) -> list[bytes]:
    """The text of each symbol, as bytes: start and end have none."""
    learned = [piece.encode() for piece in vocabulary.learned]
    return [b""] * FIRST_BYTE + [bytes([byte]) for byte in range(FIRST_LEARNED - FIRST_BYTE)] + learned


def _heads(unit: Unit, spelled: Sequence[bytes], text: bytes, others: Sequence[str]) -> dict[tuple[int, ...], int]:
    """The heads of what other texts are cut into, where they spell this one but for a symbol -> how much they spell."""
    longest = max(map(len, spelled))
    found: dict[tuple[int, ...], int] = {(): 0} if len(text) < longest else {}
    for symbols in unit.encode(others):
        length = 0
        for place, symbol in enumerate(symbols, 1):
            if not text.startswith(spelled[symbol], length):
                break
            length += len(spelled[symbol])
            if len(text) - length < longest:
                found[tuple(symbols[:place])] = length
    return found


def _beyond(unit: Unit, spelled: Sequence[bytes], head: tuple[int, ...], rest: bytes) -> Iterator[tuple[int, ...]]:
    """The head and each symbol that spells the rest and more, where a text is cut so."""
    if not rest:
        return
    for symbol, piece in enumerate(spelled):
        if len(piece) > len(rest) and piece.startswith(rest):
            way = (*head, symbol)
            if unit.encode([unit.decode(way)])[0] == list(way):
                yield way
