"""What a settings class holds, flat: each setting under its dotted name, with its kind, default and meaning."""

from __future__ import annotations

import types
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from melisma.settings.field import Meaning

Corpora = tuple[tuple[str, ...], ...]
"""Several corpora, each a tuple of parallel files."""

TABLES: Final = (".tsv", ".csv", ".jsonl", ".ndjson", ".parquet")
"""How the names of files end that hold all sides of a corpus; any other file holds one side."""


def is_side(path: str) -> bool:
    """Whether a file, packed or not, holds one side of a corpus, by its name; what is made holds all."""
    name = path.lower().removesuffix(".gz").removesuffix(".xz").removesuffix(".zst")
    return not name.endswith(TABLES) and not name.startswith("made:")


Kind = Literal["switch", "whole", "number", "text", "texts", "corpora"]

KINDS: Final[dict[Any, Kind]] = {
    bool: "switch",
    int: "whole",
    float: "number",
    str: "text",
    tuple[str, ...]: "texts",
    Corpora: "corpora",
}

KIND_WORDS: Final[dict[Kind, str]] = {
    "switch": "yes or no",
    "whole": "a whole number",
    "number": "a number",
    "text": "text",
    "texts": "texts with commas between them",
    "corpora": "files, a comma between parallel sides",
}


@dataclass(frozen=True)
class Leaf:
    """One setting as its class declares it."""

    name: str  # dotted, from the class that was asked
    kind: Kind
    optional: bool  # whether None is a value
    default: Any
    meaning: Meaning


@dataclass(frozen=True)
class Shape:
    """All that a settings class holds: ``leaves`` and ``groups``, both by dotted name, in the order written."""

    leaves: dict[str, Leaf]
    groups: dict[str, type]

    @property
    def names(self) -> tuple[str, ...]:
        """The dotted names of all settings."""
        return tuple(self.leaves)

    @property
    def columns(self) -> tuple[str, ...]:
        """What an evaluation may say anew of the group ``data``: how tables are read, and what is measured."""
        inside = (leaf for name, leaf in self.leaves.items() if name.startswith("data."))
        return tuple(
            leaf.name for leaf in inside if leaf.kind == "texts" or (leaf.kind == "text" and not leaf.meaning.choices)
        )

    @property
    def corpora(self) -> tuple[str, ...]:
        """The settings of the group ``data`` that name files, those that are learned from first."""
        named = [leaf for leaf in self.leaves.values() if leaf.kind == "corpora" and leaf.name.startswith("data.")]
        return tuple(leaf.name for leaf in sorted(named, key=lambda leaf: leaf.optional))

    @property
    def learned(self) -> tuple[str, ...]:
        """Of these, those that are learned from; the others are for validation."""
        return tuple(name for name in self.corpora if not self.leaves[name].optional)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of data that are learned from, each ``data.KIND``; none where it is all ``data.train``."""
        if "data.train" in self.leaves:
            return ()
        corpora = (name for name, leaf in self.leaves.items() if leaf.kind == "corpora" and not leaf.optional)
        return tuple(name.removeprefix("data.") for name in corpora if name.startswith("data."))


_SHAPES: dict[type, Shape] = {}


def shape(cls: type) -> Shape:
    """The settings and groups of a settings class; a field without a meaning or of another type is a TypeError."""
    if cls not in _SHAPES:
        found = Shape({}, {})
        _gather(cls, cls(), "", found)
        _SHAPES[cls] = found
    return _SHAPES[cls]


def _gather(cls: type, defaults: Any, prefix: str, into: Shape) -> None:
    hints = get_type_hints(cls)
    for field in fields(cls):
        name, hint = prefix + field.name, hints[field.name]
        default = getattr(defaults, field.name)
        if isinstance(hint, type) and is_dataclass(hint):
            into.groups[name] = hint
            _gather(hint, default, name + ".", into)
            continue
        meaning = field.metadata.get("meaning")
        if not isinstance(meaning, Meaning):
            raise TypeError(f"{cls.__name__}.{field.name} carries no meaning: write it with setting(...)")
        kind, optional = _kind(hint, f"{cls.__name__}.{field.name}")
        into.leaves[name] = Leaf(name, kind, optional, default, meaning)


def _kind(hint: Any, place: str) -> tuple[Kind, bool]:
    optional = False
    if get_origin(hint) in (Union, types.UnionType):
        rest = [part for part in get_args(hint) if part is not type(None)]
        if len(rest) != 1:
            raise TypeError(f"{place} is {hint}: a setting has one type, or one type and None")
        hint, optional = rest[0], True
    if hint not in KINDS:
        raise TypeError(f"{place} is {hint}: a setting is bool, int, float, str, tuple[str, ...] or Corpora")
    return KINDS[hint], optional


def kind_words(leaf: Leaf) -> str:
    """The type of a setting in words: ``a whole number, or none``."""
    words = f"{_some(leaf)} the words listed" if leaf.meaning.choices else KIND_WORDS[leaf.kind]
    return f"{words}, or none" if leaf.optional else words


def range_words(meaning: Meaning) -> str:
    """The range of a number in words (``1 to 64``, ``at least 0 and below 1``), empty where there is none."""
    if meaning.low is not None and meaning.high is not None and meaning.above is None and meaning.below is None:
        return f"{_figure(meaning.low)} to {_figure(meaning.high)}"
    limits = (
        ("at least", meaning.low),
        ("above", meaning.above),
        ("at most", meaning.high),
        ("below", meaning.below),
    )
    return " and ".join(f"{word} {_figure(limit)}" for word, limit in limits if limit is not None)


def wanted(leaf: Leaf) -> str:
    """What a setting takes, as the end of a sentence: kind, range and choices."""
    meaning = leaf.meaning
    if meaning.choices:
        words = f"{_some(leaf)} {', '.join(meaning.choices)}"
    else:
        words = KIND_WORDS[leaf.kind]
        if within := range_words(meaning):
            words += f", {within}"
    return f"{words}, or none" if leaf.optional else words


def _some(leaf: Leaf) -> str:
    return "some of" if leaf.kind == "texts" else "one of"


def _figure(limit: float) -> str:
    return str(limit) if isinstance(limit, int) else f"{limit:.12g}"
