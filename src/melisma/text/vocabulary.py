"""The symbols of a model: start, end, the 256 bytes, and the pieces that were learned."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from melisma.errors import Refusal
from melisma.text.unicode import printable

START: Final = 0
END: Final = 1
FIRST_BYTE: Final = 2
FIRST_LEARNED: Final = FIRST_BYTE + 256
_MOST_PIECES = 2_000_000
_LONGEST_PIECE = 1024


@dataclass(frozen=True)
class Vocabulary:
    """Symbols numbered 0 (start), 1 (end), 2 to 257 (the bytes 0 to 255) and from 258 on the learned pieces of text.

    Every text can be spelled in bytes, so there is no symbol for the unknown. Start and end have no text: a "<s>" in
    a text is spelled by ordinary symbols. An ASCII character is its byte and never learned besides, so each piece has
    one symbol at most. Raises Refusal for pieces that are empty, repeated, single ASCII characters, not text, or
    beyond all measure.
    """

    learned: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.learned) > _MOST_PIECES:
            raise Refusal(f"The vocabulary has {len(self.learned)} pieces; wanted are at most {_MOST_PIECES}.")
        seen: set[str] = set()
        for piece in self.learned:
            if fault := _fault(piece, seen):
                raise Refusal(f"The vocabulary holds the piece {piece[:40]!a}, which is {fault}.")
            seen.add(piece)

    @property
    def size(self) -> int:
        """The number of symbols, all kinds together."""
        return FIRST_LEARNED + len(self.learned)

    @cached_property
    def symbols(self) -> Mapping[str, int]:
        """The symbol of each piece that has one: the ASCII characters and what was learned."""
        ascii_characters = {chr(byte): FIRST_BYTE + byte for byte in range(128)}
        return ascii_characters | {piece: FIRST_LEARNED + place for place, piece in enumerate(self.learned)}

    @cached_property
    def _bytes(self) -> tuple[bytes, ...]:
        return (b"", b"", *(bytes([byte]) for byte in range(256)), *(piece.encode() for piece in self.learned))

    def spell(self, piece: str) -> list[int]:
        """The symbols of the piece's UTF-8 bytes: always possible once lone surrogates are normalised away."""
        return [FIRST_BYTE + byte for byte in piece.encode()]

    def encode(self, pieces: Iterable[str]) -> list[int]:
        """Each piece's own symbol, or its bytes where it has none."""
        symbols = self.symbols
        ids: list[int] = []
        for piece in pieces:
            symbol = symbols.get(piece)
            if symbol is None:
                ids += self.spell(piece)
            else:
                ids.append(symbol)
        return ids

    def text(self, ids: Iterable[int]) -> str:
        """The bytes of all symbols, read as UTF-8; what is no UTF-8 becomes U+FFFD; start and end have no text.

        Raises IndexError for a number that is no symbol.
        """
        return b"".join([self._bytes[self._checked(number)] for number in ids]).decode("utf-8", errors="replace")

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """One readable string a symbol, for figures: `▁` for a space, `<0xE4>` for part of a character, `<s>`, `</s>`.

        Controls are escaped. It is for the eye: `▁` and `<s>` in a text look the same. Raises IndexError as `text`.
        """
        names = self._names
        return [
            names[number] if number in names else names.setdefault(number, self._shown(self._checked(number)))
            for number in ids
        ]

    @cached_property
    def _names(self) -> dict[int, str]:
        """Those of symbols that were asked for, as answers ask for the same ones again and again."""
        return {}

    def _shown(self, number: int) -> str:
        if number in (START, END):
            return "<s>" if number == START else "</s>"
        if FIRST_BYTE + 128 <= number < FIRST_LEARNED:
            return f"<0x{number - FIRST_BYTE:02X}>"
        return printable(self._bytes[number].decode()).replace(" ", "▁")

    def _checked(self, number: int) -> int:
        # Python would take a negative number for a place counted from the end.
        if not 0 <= number < self.size:
            raise IndexError(f"symbol {number} is not in a vocabulary of {self.size}")
        return number

    def to_json(self) -> dict[str, object]:
        """Plain data for `from_json`."""
        return {"size": self.size, "pieces": list(self.learned)}

    @classmethod
    def from_json(cls, data: object) -> Vocabulary:
        """The vocabulary from what `to_json` gave; raises Refusal for anything else."""
        fields = fields_of(data, "The vocabulary", ("size", "pieces"))
        vocabulary = cls(tuple(texts_of(fields["pieces"], "The vocabulary's pieces")))
        size = fields["size"]
        if type(size) is not int or size != vocabulary.size:
            raise Refusal(f"The vocabulary says it has {size!r:.40} symbols, but its pieces make {vocabulary.size}.")
        return vocabulary


def _fault(piece: str, seen: Collection[str]) -> str:
    if not piece:
        return "empty"
    if len(piece) > _LONGEST_PIECE:
        return f"longer than {_LONGEST_PIECE} characters"
    if piece in seen:
        return "there twice"
    if len(piece) == 1 and piece.isascii():
        return "one of the bytes already"
    try:
        piece.encode()
    except UnicodeEncodeError:
        return "not text that UTF-8 can hold"
    return ""


def most_frequent(counts: Mapping[str, int], size: int, least: int) -> tuple[str, ...]:
    """The pieces that get symbols: at most `size`, seen `least` times at least, no single ASCII characters.

    The most frequent come first, equally frequent ones in the order of their code points.
    """
    candidates = [(-count, piece) for piece, count in counts.items() if count >= least and piece not in _ASCII]
    return tuple(piece for _, piece in sorted(candidates)[:size])


_ASCII = frozenset(map(chr, range(128)))


def fields_of(data: object, what: str, names: tuple[str, ...]) -> dict[str, object]:
    """The fields of a JSON object that must have exactly these names; raises Refusal otherwise."""
    if not isinstance(data, dict):
        raise Refusal(f"{what} is {_kind(data)} where an object with {', '.join(names)} is wanted.")
    if set(data) != set(names):
        found = ", ".join(sorted(ascii(name)[:40] for name in data)[:8]) or "nothing"
        raise Refusal(f"{what} has the fields {found}; wanted are exactly {', '.join(names)}.")
    return data


def list_of(data: object, what: str) -> list[object]:
    """A JSON list; raises Refusal for anything else."""
    if not isinstance(data, list):
        raise Refusal(f"{what} are {_kind(data)} where a list is wanted.")
    return data


def texts_of(data: object, what: str) -> list[str]:
    """A JSON list of strings; raises Refusal for anything else."""
    texts: list[str] = []
    for place, item in enumerate(list_of(data, what)):
        if not isinstance(item, str):
            raise Refusal(f"{what} hold {_kind(item)} at place {place} where a string is wanted.")
        texts.append(item)
    return texts


_KINDS = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}


def _kind(data: object) -> str:
    return _KINDS.get(type(data), "a number" if isinstance(data, (int, float)) else f"a {type(data).__name__}")
