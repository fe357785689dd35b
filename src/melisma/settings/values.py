"""One value for one setting: from Python, JSON, TOML or a command-line word, checked against its kind and range."""

from __future__ import annotations

import math
import numbers
import os
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from melisma.errors import Refusal
from melisma.settings.leaves import Corpora, Kind, Leaf, wanted
from melisma.settings.names import either, meant
from melisma.settings.show import shown

SWITCH: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
WHOLE: Final = re.compile(r"[+-]?[0-9]+(_[0-9]+)*")
NUMBER: Final = re.compile(r"[+-]?([0-9]+(_[0-9]+)*(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
LONGEST_NUMBER: Final = 100  # characters; more are never meant, and reading digits costs their square
LARGEST: Final = 2**63 - 1  # what JSON readers, TOML and tensors agree on
COMMA: Final = re.compile(r"(?<!\\),")


class _UnfitError(Exception):
    """A value that is not what its setting wants; carries a word more than the setting's own range, or nothing."""


def convert(leaf: Leaf, value: object) -> Any:
    """The value as the setting's own type, within its range; anything else is a Refusal that names both."""
    if leaf.optional and (value is None or (isinstance(value, str) and value.strip().lower() == "none")):
        return None
    try:
        result = READERS[leaf.kind](value)
        _within(leaf, result)
    except _UnfitError as unfit:
        more = f" ({unfit})" if str(unfit) else ""
        raise Refusal(f"setting {leaf.name}: found {shown(value)}, wants {wanted(leaf)}{more}") from None
    return result


def _within(leaf: Leaf, value: Any) -> None:
    meaning = leaf.meaning
    for word in (value if leaf.kind == "texts" else (value,)) if meaning.choices else ():
        if word not in meaning.choices:
            near = meaning.called.get(word.strip().lower()) or meant(word, meaning.choices)
            raise _UnfitError(f"did you mean {either(near)}?" if near else "")
    if leaf.kind not in ("whole", "number"):
        return
    if (
        (meaning.low is not None and value < meaning.low)
        or (meaning.high is not None and value > meaning.high)
        or (meaning.above is not None and value <= meaning.above)
        or (meaning.below is not None and value >= meaning.below)
    ):
        raise _UnfitError
    if leaf.kind == "whole" and abs(value) > LARGEST:
        raise _UnfitError("of at most 18 digits")


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in SWITCH:
        return SWITCH[value.strip().lower()]
    raise _UnfitError(", ".join(SWITCH))


def _whole(value: object) -> int:
    if isinstance(value, str):
        word = value.strip()
        if len(word) > LONGEST_NUMBER or not WHOLE.fullmatch(word):
            raise _UnfitError("in plain digits")
        return int(word)
    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise _UnfitError


def _number(value: object) -> float:
    if isinstance(value, str):
        word = value.strip()
        if len(word) > LONGEST_NUMBER or not NUMBER.fullmatch(word):
            raise _UnfitError("such as 0.3 or 2e-3")
        number = float(word)
    elif isinstance(value, numbers.Real) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            raise _UnfitError("of ordinary size") from None
    else:
        raise _UnfitError
    if not math.isfinite(number):
        raise _UnfitError("neither infinite, nor too large to tell from it, nor NaN")
    return number


def _text(value: object) -> str:
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(text, str):
        raise _UnfitError
    if "\0" in text:
        raise _UnfitError("without a zero character")
    return text


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return _split(value) if value.strip() else ()
    if isinstance(value, list | tuple):
        return tuple(_text(item) for item in value)
    return (_text(value),)


def _split(word: str) -> tuple[str, ...]:
    """The parts between commas, without the blanks around them; a comma after a backslash stays."""
    return tuple(part.strip().replace("\\,", ",") for part in COMMA.split(_text(word)))


def _corpora(value: object) -> Corpora:
    if isinstance(value, tuple) and value and all(isinstance(side, str | os.PathLike) for side in value):
        return (_corpus(value),)
    if isinstance(value, list | tuple):
        return tuple(_corpus(item) for item in value)
    return (_corpus(value),)


def _corpus(value: object) -> tuple[str, ...]:
    """One corpus: a word with commas between its sides, one path, or the sides as they stand."""
    if isinstance(value, str):
        sides: Sequence[str] = _split(value)
    elif isinstance(value, list | tuple):
        sides = tuple(_text(side) for side in value)
    else:
        sides = (_text(value),)
    if not sides or not all(sides):
        raise _UnfitError("each side with a name")
    return tuple(sides)


READERS: Final[dict[Kind, Callable[[object], Any]]] = {
    "switch": _switch,
    "whole": _whole,
    "number": _number,
    "text": _text,
    "texts": _texts,
    "corpora": _corpora,
}
