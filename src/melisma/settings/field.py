"""One setting: a dataclass field that knows its range, what it is for and why its default is what it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Meaning:
    """What stands beside a setting's value: help for people, and the range that is checked."""

    help: str  # what it is, in one line, with its unit
    why: str  # why the default is what it is
    low: float | None  # smallest value allowed
    high: float | None  # largest value allowed
    above: float | None  # value that it must exceed
    below: float | None  # value that it must stay under
    choices: tuple[str, ...]  # the words allowed, for settings that are words
    called: Mapping[str, tuple[str, ...]]  # other names that these words go by, to those that they may mean


def setting(
    default: Any,
    *,
    help: str,  # noqa: A002 - the word a reader of a settings class expects
    why: str,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> Any:
    """A dataclass field with its meaning beside it, under ``field.metadata["meaning"]``."""
    return _field(default, Meaning(help, why, low, high, above, below, (), MappingProxyType({})))


def choice(
    default: str | None,
    *,
    help: str,  # noqa: A002 - as above
    why: str,
    choices: tuple[str, ...],
    called: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> Any:
    """The same for a setting that is one of a few words; ``called`` leads from their other names to them."""
    return _field(default, Meaning(help, why, None, None, None, None, choices, called))


def several(
    default: tuple[str, ...],
    *,
    help: str,  # noqa: A002 - as above
    why: str,
    choices: tuple[str, ...],
    called: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> Any:
    """The same for a setting that is some of a few words, in the order given."""
    return _field(default, Meaning(help, why, None, None, None, None, choices, called))


def _field(default: Any, meaning: Meaning) -> Any:
    return field(default=default, metadata={"meaning": meaning})


def group(cls: type) -> Any:
    """A field that is itself a settings dataclass with its own defaults."""
    return field(default_factory=cls)
