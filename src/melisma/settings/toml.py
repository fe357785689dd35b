"""Settings files: TOML, with the line of what cannot be read."""

from __future__ import annotations

import os
import re
import tomllib
from typing import Any, Final

from melisma.errors import Refusal
from melisma.settings.names import nearest

FORMAT: Final = 1  # raised when a name or a meaning changes so that an older version would misread the file
LARGEST: Final = 1_000_000  # bytes
_PLACE: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_HUGE: Final = re.compile(r"[0-9_]{4000}")
# tomllib's time grows with the square of a dotted name's parts: one such name in a megabyte takes it an hour
_DEEP: Final = re.compile(
    r"""(?<![\w-])(?:[\w-]++|"[^"\n]*"|'[^'\n]*')(?:[ \t]*+\.[ \t]*+(?:[\w-]++|"[^"\n]*"|'[^'\n]*')){30}"""
)


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a settings file says, nested, for `build`; its ``format`` number is checked and taken out.

    A file that cannot be read, is larger than 1 MB, is not UTF-8 or not TOML, names a key twice or comes from a
    newer version is refused with its name and, where there is one, its line.
    """
    place = os.fspath(path)
    text = _text(place)
    if deep := _DEEP.search(text):
        raise Refusal(f"{place}, line {_line(text, deep.start())}: a name of more than 30 parts, wants group.name")
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Refusal(_sentence(place, text, str(error))) from None
    except RecursionError:
        raise Refusal(f"{place}: lists or tables nested too deep, wants settings as name = value") from None
    except ValueError as error:
        huge = _HUGE.search(text)
        where = f", line {_line(text, huge.start())}" if huge else ""
        found = "a number of thousands of digits" if huge else str(error)
        raise Refusal(f"{place}{where}: found {found}, wants numbers of ordinary size") from None
    _check_format(place, values)
    return values


def _text(place: str) -> str:
    try:
        with open(place, "rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise Refusal(f"no such file {_named(place)}{_near(place)}") from None
    except (OSError, ValueError) as error:  # ValueError: a zero character in the name
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise Refusal(f"{place!r}: cannot read this settings file: {reason}") from None
    if len(data) > LARGEST:
        raise Refusal(f"{place}: larger than 1 MB, wants a settings file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Refusal(f"{place}, line {line}: not UTF-8 text, wants a settings file saved as UTF-8") from None


def _named(place: str) -> str:
    return place if place.isprintable() else repr(place)


def _near(place: str) -> str:
    """The settings file of the same folder that was probably meant, as the end of a sentence."""
    folder, name = os.path.split(place)
    try:
        there = sorted(other.removesuffix(".toml") for other in os.listdir(folder or ".") if other.endswith(".toml"))
    except OSError:
        there = []
    near = nearest(name.removesuffix(".toml"), there)
    if near is None:
        return "; a settings file is wanted"
    return f", did you mean {_named(os.path.join(folder, near + '.toml'))}?"


def _sentence(place: str, text: str, error: str) -> str:
    """Where and what, in our words where a common slip is behind it, else in the parser's."""
    found = _PLACE.search(error)
    line = int(found[1]) if found and found[1] else _line(text.rstrip(), len(text))
    said = error[: found.start()] if found else error
    if said.startswith("Cannot overwrite") or said.endswith("twice"):
        said = "a name is given twice, wants each once"
    elif said == "Invalid value":
        said = "not a value, wants a number, true, false, a list, or text in quotation marks"
    else:
        said = f"not TOML: {said[:200]}"
    return f"{place}, line {line}: {said}"


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _check_format(place: str, values: dict[str, Any]) -> None:
    number = values.pop("format", FORMAT)
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise Refusal(f"{place}: format is not a whole number of at least 1, wants format = {FORMAT}")
    if number > FORMAT:
        raise Refusal(
            f"{place}: made by a newer version of melisma (its format is above {FORMAT}, the newest known here): "
            "wants a newer melisma, or settings written for this one"
        )
