"""Parquet tables: the rows that were written, or a refusal that names what is wrong; in bounded memory."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from melisma.errors import Refusal
from melisma.files import parquet as ours
from melisma.files.columns import Pairs, read_pairs
from melisma.files.opening import Budget

TEXT = st.text(st.sampled_from('ab é字😀\n\t"'), min_size=1, max_size=12).filter(lambda text: bool(text.strip()))


def write(path: Path, columns: dict[str, Any], **options: Any) -> str:
    parquet.write_table(pyarrow.table(columns), path, **options)
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parquet")


@given(
    pairs=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=9),
    shape=st.sampled_from(["plain", "nested", "dictionary", "large"]),
    at_once=st.sampled_from([1, 4, 256]),
)
@settings(max_examples=40, deadline=None)
def test_the_rows_are_those_that_were_written(
    folder: Path, pairs: list[tuple[str, str]], shape: str, at_once: int
) -> None:
    kind = {"large": pyarrow.large_string()}.get(shape, pyarrow.string())
    sources, targets = (pyarrow.array([pair[side] for pair in pairs], kind) for side in (0, 1))
    columns: dict[str, Any] = {"number": list(range(len(pairs))), "target": targets, "source": sources}
    if shape == "nested":
        columns = {"translation": [{"target": b, "other": "x", "source": a} for a, b in pairs]}
    if shape == "dictionary":
        columns["source"] = sources.dictionary_encode()
    path = write(folder / "a.parquet", columns, row_group_size=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ours, "ROWS", at_once)
        table = Pairs([path])
        found = list(table)
    assert [(pair.source, pair.target) for pair in found] == pairs
    assert [pair.place.line for pair in found] == list(range(1, len(pairs) + 1))
    data = Path(path).read_bytes()
    told = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data), "lines": len(pairs)}
    assert table.report.signatures == {path: told}


def test_blank_and_very_long_texts_are_dropped_and_counted(tmp_path: Path) -> None:
    long = "x" * ((1 << 20) + 1)
    path = write(tmp_path / "a.parquet", {"en": ["one", " ", long], "de": ["eins", "zwei", "drei"]})
    pairs, report = read_pairs([[path]], "en", "de")
    assert [pair.source for pair in pairs] == ["one"]
    assert (report.one_blank, report.too_long) == (1, 1)


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("no column", {"en": ["a"], "target": ["b"]}, "no field 'source', only 'en', 'target'; say which one holds"),
    ("numbers", {"source": [1], "target": ["b"]}, "the column 'source' holds int64, text is wanted"),
    ("null", {"source": ["a", None], "target": ["b", "c"]}, "line 2: 'source' is null, text is wanted"),
    ("NUL", {"source": ["a"], "target": ["b\0"]}, "line 1: 'target' holds a NUL character"),
    (
        "no row",
        {"source": pyarrow.array([], pyarrow.string()), "target": pyarrow.array([], pyarrow.string())},
        "0 rows",
    ),
    ("bytes", {"source": [b"a"], "target": ["b"]}, "holds binary, text is wanted"),
    ("nested", {"translation": [{"source": "a", "de": "b"}]}, "no field 'target', only 'source', 'de'"),
]


@pytest.mark.parametrize(("name", "columns", "said"), BAD, ids=[name for name, _, _ in BAD])
def test_what_is_no_pair_is_refused(tmp_path: Path, name: str, columns: dict[str, Any], said: str) -> None:
    path = write(tmp_path / "a.parquet", columns)
    with pytest.raises(Refusal) as refusal:
        read_pairs([[path]])
    assert said in str(refusal.value).replace('"', "'")
    assert "a.parquet" in str(refusal.value)


@pytest.mark.parametrize("kept", [0, 3, 4, 60, -1])
def test_what_is_cut_off_is_refused(tmp_path: Path, kept: int) -> None:
    path = Path(write(tmp_path / "a.parquet", {"source": ["a"] * 50, "target": ["b"] * 50}))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(Refusal, match=r"a\.parquet cannot be read as a Parquet table"):
        read_pairs([[str(path)]])


@given(at=st.integers(0, 10_000), flip=st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_a_changed_byte_is_read_or_refused(folder: Path, at: int, flip: int) -> None:
    path = Path(write(folder / "b.parquet", {"source": ["a", "b"] * 20, "target": ["é", "d"] * 20}))
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= flip
    path.write_bytes(bytes(data))
    said = ""
    try:
        read_pairs([[str(path)]])
    except Refusal as refusal:
        said = str(refusal)
    assert not said or "b.parquet" in said


def test_a_table_that_unfolds_beyond_its_budget_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"source": ["a" * 1000] * 3000, "target": ["b"] * 3000}, compression="zstd")
    assert sum(1 for _ in Pairs([path])) == 3000
    with pytest.raises(Refusal, match=r"a\.parquet unfolds beyond its budget"):
        list(Pairs([path], budget=Budget(slack=100_000)))
    with pytest.raises(Refusal, match=r"a\.parquet unfolds beyond its budget"):
        list(Pairs([path], budget=Budget(bytes=100_000)))


def test_one_side_of_two_files_is_no_table(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"source": ["a"], "target": ["b"]})
    (tmp_path / "a.de").write_text("b\n")
    with pytest.raises(Refusal, match="is a Parquet table, not text"):
        read_pairs([[path, str(tmp_path / "a.de")]])


def test_without_its_package_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.parquet", {"source": ["a"], "target": ["b"]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Refusal, match=r"a\.parquet is a Parquet table, which needs the package pyarrow"):
        read_pairs([[path]])
