"""Two columns of a Parquet table, row by row, some rows in memory at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from melisma.errors import Refusal
from melisma.files.lines import LONGEST, Place, Signature
from melisma.files.opening import BLOCK, BUDGET, Budget, Stored, at_home, require_file
from melisma.files.tables import NESTED, Row, missing
from melisma.quoting import named, quoted

ROWS = 256  # that are unpacked at once: few, since one text may have a mebibyte


class Parquet:
    """A table file: after a whole pass `count` holds its rows and `signature` what was read, as with ``Lines``.

    Raises Refusal for what is no Parquet table, is damaged, unfolds beyond its budget, or holds anything but texts in
    its two columns, and where the package that reads it is not there.
    """

    def __init__(self, path: str | os.PathLike[str], *, budget: Budget = BUDGET) -> None:
        self.path = at_home(os.fspath(path))
        require_file(self.path)
        self.count = 0
        self.signature: Signature | None = None
        self._budget = budget

    def rows(self, source: str, target: str) -> Iterator[Row]:
        """The rows; `source` and `target` name columns, of the table or of the one called ``translation`` in it."""
        self.count, self.signature = 0, None
        pyarrow, parquet = _packages(self.path)
        stored = Stored(self.path)
        try:
            while stored.read(BLOCK):  # its hash is wanted; the table itself is read from its end
                pass
            try:
                with parquet.ParquetFile(self.path, buffer_size=BLOCK, pre_buffer=False) as table:
                    columns = _columns(self.path, table.schema_arrow, pyarrow, source, target)
                    yield from self._rows(table, columns, (source, target), stored.size)
            except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
                raise Refusal(
                    f"{named(self.path)} cannot be read as a Parquet table ({_sentence(error)}); a whole one is wanted"
                ) from None
            stored.unchanged()
            self.signature = Signature(sha256=stored.sha256(), bytes=stored.size, lines=self.count)
        finally:
            stored.close()
        if not self.count:
            raise Refusal(f"{named(self.path)} is empty (0 rows); a table with one example a row is wanted")

    def _rows(self, table: Any, columns: list[str], names: tuple[str, str], size: int) -> Iterator[Row]:
        total = 0
        for batch in table.iter_batches(ROWS, columns=columns, use_threads=False):
            total += batch.nbytes
            if total > self._budget.bytes or (total > self._budget.slack and total > self._budget.ratio * size):
                raise Refusal(
                    f"{named(self.path)} unfolds beyond its budget: {size:,} bytes became over {total:,} (at most "
                    f"{self._budget.ratio} times and {self._budget.bytes:,} bytes); write it as .jsonl if you trust it"
                )
            inside = columns[0].startswith(f"{NESTED}.")
            fields = [field.name for field in batch.schema.field(0).type] if inside else batch.schema.names
            held = batch.column(0).flatten() if inside else batch.columns
            sides = [held[fields.index(name)].to_pylist() for name in names]
            for source, target in zip(*sides):
                self.count += 1
                place = Place(self.path, self.count)
                texts = (_text(source, names[0], place), _text(target, names[1], place))
                long = any(4 * len(text) > LONGEST and len(text.encode()) > LONGEST for text in texts)
                yield Row(self.count, None, None) if long else Row(self.count, *texts)


def _packages(path: str) -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise Refusal(
            f"{named(path)} is a Parquet table, which needs the package pyarrow: install melisma[tables], or write it "
            "as .jsonl"
        ) from None
    return pyarrow, parquet


def _columns(path: str, schema: Any, pyarrow: Any, source: str, target: str) -> list[str]:
    """The names of both columns, as they are asked for; Refusal where one is not there or holds no texts."""
    names, within = schema.names, ""
    place = Place(path, 1)
    if NESTED in names and not (source in names and target in names):
        inner = schema.field(NESTED).type
        if pyarrow.types.is_struct(inner):
            schema, names, within = inner, [field.name for field in inner], f"{NESTED}."
    for name, side in ((source, "source"), (target, "target")):
        if name not in names:
            raise Refusal(f"{place}: {missing(names, name, side, 'field')}")
        if names.count(name) > 1:
            raise Refusal(f"{place}: the column {quoted(name)} occurs twice; give each column its own name")
        kind = schema.field(name).type
        kind = kind.value_type if pyarrow.types.is_dictionary(kind) else kind
        if not (pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind)):
            raise Refusal(f"{place}: the column {quoted(name)} holds {kind}, text is wanted")
    return [within + source, within + target]


def _text(value: str | None, name: str, place: Place) -> str:
    if value is None:
        raise Refusal(f"{place}: {quoted(name)} is null, text is wanted")
    if "\0" in value:
        raise Refusal(f"{place}: {quoted(name)} holds a NUL character, which no text holds; remove it")
    return value


def _sentence(error: Exception) -> str:
    return str(error).splitlines()[0][:120].rstrip(". ") if str(error) else type(error).__name__
