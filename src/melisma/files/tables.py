"""Two columns of a table file, row by row: tab-separated, comma-separated with a header, or a JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any, NamedTuple, NoReturn

from melisma.errors import Refusal
from melisma.files.lines import LONGEST, Lines, Place
from melisma.quoting import counted, listed, named, quoted

ENDINGS = {".tsv": "tsv", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
DEEPEST = 64  # levels of nesting in a JSON line; two are wanted
NESTED = "translation"  # the column that holds the pair in data sets laid out {"translation": {"en": …, "de": …}}


class Row(NamedTuple):
    """One row: the line it begins in, and its two texts; ``None`` for both where the line was too long to hold."""

    line: int
    source: str | None
    target: str | None


def kind(path: str) -> str:
    """``"tsv"``, ``"csv"``, ``"jsonl"``, ``"parquet"`` by the file's name, packed or not; ``""`` for any other file."""
    name = path.lower().removesuffix(".gz").removesuffix(".xz").removesuffix(".zst")
    return next((kind for ending, kind in ENDINGS.items() if name.endswith(ending)), "")


def rows(lines: Lines, source: str, target: str) -> Iterator[Row]:
    """The rows of a table file; `source` and `target` name its columns.

    Blank lines give two empty texts. Raises Refusal with file and line for a row that is not what the table promises.
    """
    return {"tsv": _tab_rows, "csv": _comma_rows, "jsonl": _json_rows}[kind(lines.path)](lines, source, target)


# --- tab-separated: no quoting, a header only if it names both columns ------------------------------------------------


def _tab_rows(lines: Lines, source: str, target: str) -> Iterator[Row]:
    columns: _Columns | None = None
    for number, line in enumerate(lines, 1):
        if line is None:
            yield Row(number, None, None)
            continue
        if not line.strip():
            yield Row(number, "", "")
            continue
        cells = line.split("\t")
        if columns is None:
            columns = _tab_columns(cells, source, target, Place(lines.path, number))
            if columns.header:
                continue
        if len(cells) != columns.width:
            raise wrong_width(Place(lines.path, number), cells, columns.width, "a tab")
        yield Row(number, cells[columns.source], cells[columns.target])


def _tab_columns(cells: list[str], source: str, target: str, place: Place) -> _Columns:
    names = [cell.strip() for cell in cells]
    if source in names and target in names:
        return _named_columns(names, source, target, place)
    if len(cells) == 2:
        return _Columns(0, 1, 2, False)
    if source in names or target in names:  # so it is a header, which lacks the other
        return _named_columns(names, source, target, place)
    if len(cells) < 2:
        raise wrong_width(place, cells, 2, "a tab")
    raise Refusal(
        f"{place}: {counted(len(cells), 'column')} found ({listed(cells)}), two are wanted; or name two of them in a"
        f" header line and say which, with data.source=… and data.target=… (now {quoted(source)} and {quoted(target)})"
    )


# --- comma-separated: a header, quotes, line ends inside quotes (RFC 4180) -------------------------------------------


def _comma_rows(lines: Lines, source: str, target: str) -> Iterator[Row]:
    columns: _Columns | None = None
    for number, cells in comma_records(lines):
        if cells == [""] or not any(cell.strip() for cell in cells):
            yield Row(number, "", "")
            continue
        if columns is None:
            columns = _named_columns([cell.strip() for cell in cells], source, target, Place(lines.path, number))
            continue
        if len(cells) != columns.width:
            raise wrong_width(Place(lines.path, number), cells, columns.width, "a comma")
        yield Row(number, cells[columns.source], cells[columns.target])


def comma_records(lines: Lines) -> Iterator[tuple[int, list[str]]]:
    """The records of a comma-separated file: the line each begins in, and its cells; Refusal with file and line."""
    numbered = enumerate(lines, 1)
    for number, line in numbered:
        place = Place(lines.path, number)
        if line is None:
            raise Refusal(
                f"{place}: the line is longer than {LONGEST:,} bytes, and a .csv cannot be followed past a line that is"
                " not held (a quote may open in it); shorten it, or use .tsv or .jsonl"
            )
        yield number, comma_cells(line, numbered, place) if '"' in line else line.split(",")


def comma_cells(line: str, more: Iterable[tuple[int, str | None]], place: Place) -> list[str]:
    """The cells of the record that begins with `line`; takes further lines, with their numbers, while a quote is open.

    Raises Refusal with `place` where text follows a closing quote, and where a quote is not closed.
    """
    cells: list[str] = []
    at = 0
    while True:
        if line.startswith('"', at):
            cell, line, at = _quoted_cell(line, at + 1, more, place)
            if at < len(line) and line[at] != ",":
                raise Refusal(
                    f"{place}: text follows the quote that closes column {len(cells) + 1} ({quoted(line[at:])});"
                    ' a comma or the end of the line is wanted (a quote inside quotes is written "")'
                )
        else:
            end = line.find(",", at)
            end = len(line) if end < 0 else end
            cell, at = line[at:end], end
        cells.append(cell)
        if at >= len(line):
            return cells
        at += 1


def _quoted_cell(line: str, at: int, more: Iterable[tuple[int, str | None]], place: Place) -> tuple[str, str, int]:
    """The cell, the line its quote closes in, and where that line goes on."""
    parts: list[str] = []
    held = len(line)
    while True:
        end = line.find('"', at)
        if end >= 0 and line.startswith('"', end + 1):
            parts.append(line[at : end + 1])
            at = end + 2
            continue
        if end >= 0:
            parts.append(line[at:end])
            return "".join(parts), line, end + 1
        parts += [line[at:], "\n"]
        number, following = next(iter(more), (0, None))
        held += len(following or "")
        if following is None or held > LONGEST:
            until = "the file ends" if number == 0 else f"{LONGEST:,} characters have passed"
            raise Refusal(f"{place}: a quote opens in this record and is not closed before {until}; close it")
        line, at = following, 0


# --- one JSON object a line -------------------------------------------------------------------------------------------


def _json_rows(lines: Lines, source: str, target: str) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if line is None:
            yield Row(number, None, None)
        elif not line.strip():
            yield Row(number, "", "")
        else:
            yield Row(number, *json_pair(line, source, target, Place(lines.path, number)))


def json_pair(line: str, source: str, target: str, place: Place) -> tuple[str, str]:
    """The two texts in a line of JSON: of the object itself, or of the one under ``translation``.

    Raises Refusal with `place` where the line is no object with two texts that JSON and Unicode allow.
    """
    found = json_object(line, place)
    inner = found.get(NESTED)
    if isinstance(inner, dict) and not (source in found and target in found):
        found = inner
    return _text(found, source, "source", place), _text(found, target, "target", place)


def json_object(line: str, place: Place) -> dict[str, Any]:
    """The object in a line of JSON; Refusal with `place` for what is none, or not what JSON allows."""
    if line.count("[") + line.count("{") > DEEPEST and _depth(line) > DEEPEST:
        raise Refusal(f"{place}: JSON nested deeper than {DEEPEST} levels; one flat object is wanted")
    try:
        found = json.loads(line, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise Refusal(
            f"{place}: no valid JSON ({error.msg} at character {error.pos + 1}); one whole object a line is wanted"
        ) from None
    except _UnlawfulError as error:
        raise Refusal(f"{place}: {error}") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; no stack left
        raise Refusal(f"{place}: the JSON cannot be read ({error}); one flat object is wanted") from None
    if isinstance(found, dict):
        return found
    remedy = ": jq -c '.[]' FILE > NEW_FILE.jsonl makes lines of it" if isinstance(found, list) else ""
    raise Refusal(f"{place}: {json_name(found)} found, an object with two texts is wanted{remedy}")


def _text(found: dict[str, Any], name: str, side: str, place: Place) -> str:
    if name not in found:
        raise Refusal(f"{place}: {missing([*found], name, side, 'key')}")
    value = found[name]
    if not isinstance(value, str):
        raise Refusal(f"{place}: {quoted(name)} is {json_name(value)}, text is wanted")
    if "\0" in value:
        raise Refusal(f"{place}: {quoted(name)} holds a NUL character, which no text holds; remove it")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise Refusal(f"{place}: {quoted(name)} holds half of a character (a lone surrogate); write it whole")
    return value


def json_name(value: object) -> str:
    """What a value from JSON is, with its article."""
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "an array",
        dict: "an object",
    }
    return names.get(type(value), "null")


def _depth(line: str) -> int:
    """The deepest nesting of brackets outside of strings."""
    depth = deepest = 0
    inside = escaped = False
    for character in line:
        if inside:
            inside = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            inside = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


class _UnlawfulError(Exception):
    """What the JSON reader finds and JSON, or one row of data, does not allow."""


def _unique(items: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(items)
    if len(found) < len(items):
        names = [name for name, _ in items]
        twice = next(name for name in names if names.count(name) > 1)
        raise _UnlawfulError(f"the key {quoted(twice)} occurs twice in one object; leave one of them")
    return found


def _no_constant(name: str) -> NoReturn:
    raise _UnlawfulError(f"{name} is no JSON; a number, a text or null is wanted")


# --- columns by name --------------------------------------------------------------------------------------------------


class _Columns(NamedTuple):
    source: int
    target: int
    width: int  # cells in each row
    header: bool


def _named_columns(names: list[str], source: str, target: str, place: Place) -> _Columns:
    for name, side in ((source, "source"), (target, "target")):
        if name not in names:
            raise Refusal(f"{place}: {missing(names, name, side, 'column')}")
        if names.count(name) > 1:
            raise Refusal(f"{place}: the column {quoted(name)} occurs twice; give each column its own name")
    return _Columns(names.index(source), names.index(target), len(names), True)


def missing(names: list[str], name: str, side: str, thing: str) -> str:
    """That a table has no column (field, key) of this name, which ones it has, and the setting that names another."""
    sentence = (
        f"no {thing} {quoted(name)}, only {listed(names)}" if names else f"no {thing} {quoted(name)}, none at all"
    )
    if len(names) == 1 and thing == "column" and any(mark in names[0] for mark in ";\t|"):
        return f"{sentence}; the columns of a .csv are separated by commas"
    close = get_close_matches(name.lower(), [other.lower() for other in names], 1)
    likely = next((other for other in names if close and other.lower() == close[0]), "")
    given = named(likely) if likely else "NAME"
    header = " (the first line names the columns)" if thing == "column" else ""
    return f"{sentence}{header}; say which one holds the {side}: data.{side}={given}"


def wrong_width(place: Place, cells: list[str], width: int, mark: str) -> Refusal:
    """That a row has not as many columns as the first."""
    hint = ""
    if len(cells) == 1 and mark == "a tab" and ("  " in cells[0] or "," in cells[0]):
        hint = " (spaces or commas do not separate columns in a .tsv)"
    return Refusal(f"{place}: {counted(len(cells), 'column')} found, {width} wanted, separated by {mark}{hint}")
