"""JSON and nothing but: what is written reads back as it was, and what is read can do no harm."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from melisma.errors import Refusal

DEEPEST = 32


def to_json(value: object, *, indent: int | None = None, lossy: bool = False) -> bytes:
    """JSON text of plain values, with a newline at its end.

    A key that is no string or a value that JSON does not know is a TypeError, a number that is not finite a ValueError
    (with ``lossy`` it is written as null), and text that is not Unicode a UnicodeEncodeError.
    """
    text = json.dumps(_plain(value, lossy), ensure_ascii=False, allow_nan=False, indent=indent)
    return (text + "\n").encode()


def _plain(value: object, lossy: bool) -> object:
    if value is None or type(value) in (str, int, bool):
        return value
    if type(value) is float:
        if math.isfinite(value):
            return value
        if lossy:
            return None
        raise ValueError(f"{value} has no place in JSON")
    if isinstance(value, Mapping):
        strange = [key for key in value if type(key) is not str]
        if strange:
            raise TypeError(f"the key {strange[0]!r} is {type(strange[0]).__name__}, JSON has only strings for keys")
        return {key: _plain(item, lossy) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, lossy) for item in value]
    raise TypeError(f"{value!r} is {type(value).__name__}, which JSON does not know")


def from_json(data: bytes, where: str) -> dict[str, Any]:
    """The object that ``data`` holds; Refusal where it is not strict JSON, too deep, or has a key twice."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refusal(f"{where} is not UTF-8 at byte {error.start}") from None
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_constant, parse_float=_number)
    except RecursionError:
        raise Refusal(f"{where} is nested more than {DEEPEST} deep") from None
    except json.JSONDecodeError as error:
        raise Refusal(f"{where} is not JSON at line {error.lineno}, column {error.colno}: {error.msg}") from None
    except ValueError as error:  # our own hooks, and whole numbers of thousands of digits
        reason = "a number with too many digits" if "digits" in str(error) else str(error)
        raise Refusal(f"{where} cannot be read: {reason}") from None
    if type(value) is not dict:
        raise Refusal(f"{where} holds {_kind(value)}, an object in braces is wanted")
    _check_tree(value, where, "\\ud" in text.lower())
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {shown(twice)} stands there twice")
    return made


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:40]} is too large")
    return value


def _check_tree(root: dict[str, Any], where: str, surrogates: bool) -> None:
    level: list[Any] = [root]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for item in level:
            parts = [*item.keys(), *item.values()] if type(item) is dict else item
            if surrogates and not all(_encodes(part) for part in parts if type(part) is str):
                raise Refusal(f"{where} holds half a character (a lone surrogate), whole Unicode text is wanted")
            below.extend(part for part in parts if type(part) in (dict, list))
        level = below
    if level:
        raise Refusal(f"{where} is nested more than {DEEPEST} deep")


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


KINDS = {
    dict: "an object",
    list: "a list",
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


def _kind(value: object) -> str:
    return KINDS.get(type(value), "null")


def wanted(table: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    """``table[key]``, of exactly the type ``kind``; Refusal where it is missing or another thing."""
    if key not in table:
        raise Refusal(f"{where} lacks {shown(key)}, {KINDS[kind]}")
    if type(table[key]) is not kind:
        raise Refusal(f"{where} has {_kind(table[key])} for {shown(key)}, {KINDS[kind]} is wanted")
    return table[key]


def shown(text: str) -> str:
    """A name out of a file as it may stand in a sentence: short, quoted, without control characters."""
    return json.dumps(text if len(text) <= 80 else text[:77] + "...")
