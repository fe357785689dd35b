"""What a symbol can be: the units by name, how one is learned and how one is read back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from melisma.errors import Refusal
from melisma.text.characters import Characters
from melisma.text.subwords import Subwords
from melisma.text.vocabulary import Vocabulary
from melisma.text.words import Words


class Unit(Protocol):
    """How texts become symbols and symbols become texts.

    `decode(encode([text])[0])` is `normalise(text)` for every text, whatever was learned: what has no symbol of its
    own is spelled in bytes.
    """

    @property
    def vocabulary(self) -> Vocabulary:
        """The symbols."""
        ...

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Each text's symbols, without start and end."""
        ...

    def decode(self, ids: Iterable[int]) -> str:
        """The text of any symbols; start and end have none. Raises IndexError for a number that is no symbol."""
        ...

    def to_json(self) -> dict[str, object]:
        """Plain data for `from_json`."""
        ...


class Wanted(Protocol):
    """The settings a unit is learned by."""

    @property
    def unit(self) -> str:
        """A name of `UNITS`."""
        ...

    @property
    def method(self) -> str:
        """How subwords are learned: bpe or unigram."""
        ...

    @property
    def size(self) -> int:
        """Symbols learned at most, beside the start, the end and the 256 bytes."""
        ...

    @property
    def least(self) -> int:
        """How often a character or word occurs at least to get a symbol."""
        ...


def _characters(lines: Iterable[str], wanted: Wanted) -> Unit:
    return Characters.learn(lines, wanted.size, wanted.least)


def _words(lines: Iterable[str], wanted: Wanted) -> Unit:
    return Words.learn(lines, wanted.size, wanted.least)


def _subwords(lines: Iterable[str], wanted: Wanted) -> Unit:
    return Subwords.learn(lines, wanted.method, wanted.size, wanted.least)


UNITS: Final[Mapping[str, tuple[Callable[[Iterable[str], Wanted], Unit], Callable[[object], Unit]]]] = {
    "characters": (_characters, Characters.from_json),
    "words": (_words, Words.from_json),
    "subwords": (_subwords, Subwords.from_json),
}
"""How each unit is learned and how it is read back."""


def learn(lines: Iterable[str], settings: Wanted) -> Unit:
    """A unit learned on lines of training text; the same lines and settings give the same unit.

    Raises Refusal for settings without a meaning.
    """
    if settings.unit not in UNITS:
        raise Refusal(f"text.unit is {settings.unit!r:.40}; wanted is one of {', '.join(UNITS)}.")
    if settings.size < 0 or settings.least < 1:
        raise Refusal(f"text.size is {settings.size} and text.least {settings.least}; wanted are 0 and 1 at least.")
    return UNITS[settings.unit][0](lines, settings)


def from_json(data: object) -> Unit:
    """The unit from what its `to_json` gave; raises Refusal for anything else."""
    name = data.get("unit") if isinstance(data, dict) else None
    if not isinstance(name, str) or name not in UNITS:
        raise Refusal(f"The text unit is {ascii(name)[:40]}; wanted is one of {', '.join(UNITS)}.")
    return UNITS[name][1](data)
