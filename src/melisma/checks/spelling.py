"""Puts other texts into a line of JSON, and leaves everything else in it as it is spelled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from melisma.files.tables import NESTED

BLANK = " \t\r\n"
_DECODER = json.JSONDecoder()


class _Value(NamedTuple):
    begin: int
    end: int
    value: Any


def respelled(line: str, texts: Mapping[str, str]) -> str:
    """The line with these texts under their keys, where they are others; numbers, escapes and blanks stay.

    ``line`` is an object that holds all of the keys, or one that holds another with them under ``translation``.
    """
    values = _values(line, 0)
    if not texts.keys() <= values.keys():
        values = _values(line, values[NESTED].begin)
    escaped = line.isascii()
    for key in sorted(texts, key=lambda key: -values[key].begin):  # the last first, so that the others stay in place
        begin, end, value = values[key]
        if value != texts[key]:
            line = line[:begin] + json.dumps(texts[key], ensure_ascii=escaped) + line[end:]
    return line


def _values(line: str, begin: int) -> dict[str, _Value]:
    """What stands under each key of the object that begins there, and where; of a key that is there twice the last."""
    found: dict[str, _Value] = {}
    at = line.index("{", begin) + 1
    while line[at := _shown(line, at)] != "}":
        key, at = _DECODER.raw_decode(line, at)
        at = _shown(line, _shown(line, at) + 1)  # over the colon
        value, end = _DECODER.raw_decode(line, at)
        found[key], at = _Value(at, end, value), _shown(line, end)
        at += line[at] == ","
    return found


def _shown(line: str, at: int) -> int:
    """Where the first character stands that is no blank."""
    while line[at] in BLANK:
        at += 1
    return at
