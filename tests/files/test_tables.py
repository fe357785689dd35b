"""Tables: what Python's own csv and json writers write is read back; any bytes give rows or a located refusal."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.files import tables
from melisma.files.lines import Lines
from melisma.files.tables import Row, kind, rows

CELLS = st.text(st.sampled_from('ab ,;"\n\té\u2028{[\\'), max_size=8)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n\t"), max_size=8)

WHOLE_FILE = ("empty (0 lines)", "not text", "looks like UTF-", "cut off", "damaged")  # refusals without a line


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


def read(path: Path, content: str | bytes, source: str = "source", target: str = "target") -> list[Row]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(rows(Lines(path), source, target))


def texts(found: list[Row]) -> list[tuple[str | None, str | None]]:
    return [(row.source, row.target) for row in found]


@given(
    pairs=st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=6),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@example(pairs=[('"', '""', "\n")], quoting=csv.QUOTE_ALL)
@settings(max_examples=60, deadline=None)
def test_csv_is_read_as_it_was_written(folder: Path, pairs: list[tuple[str, str, str]], quoting: int) -> None:
    pairs = [pair for pair in pairs if "".join(pair).strip()]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=quoting)
    writer.writerows([("id", "target", "source"), *pairs])
    assert texts(read(folder / "a.csv", buffer.getvalue())) == [(source, target) for _, target, source in pairs]


def test_csv_rows_know_the_line_they_begin_in(folder: Path) -> None:
    found = read(folder / "a.csv", 'source,target\n"a\nb\nc",d\n\ne,"f"\n')
    assert found == [Row(2, "a\nb\nc", "d"), Row(5, "", ""), Row(6, "e", "f")]


@given(pairs=st.lists(st.tuples(TEXTS, TEXTS), max_size=6))
@settings(max_examples=60, deadline=None)
def test_json_lines_are_read_as_they_were_written(folder: Path, pairs: list[tuple[str, str]]) -> None:
    for pack in (lambda a, b: {"en": a, "de": b, "n": 1}, lambda a, b: {"translation": {"en": a, "de": b}}):
        for ascii_only in (True, False):
            content = "".join(json.dumps(pack(*pair), ensure_ascii=ascii_only) + "\n" for pair in pairs)
            assert texts(read(folder / "a.jsonl", content + "\n", "en", "de"))[:-1] == pairs


@given(pairs=st.lists(st.tuples(TEXTS, TEXTS), max_size=6), header=st.booleans())
@settings(max_examples=60, deadline=None)
def test_tabs_are_the_only_mark_in_a_tsv(folder: Path, pairs: list[tuple[str, str]], header: bool) -> None:
    pairs = [pair for pair in pairs if "".join(pair).strip()]
    content = "".join(f"{a}\t{b}\n" for a, b in pairs)
    found = read(folder / "a.tsv", ("de\ten\n" if header else "") + content + "\n", "en", "de")
    assert texts(found)[:-1] == ([(b, a) for a, b in pairs] if header else pairs)


def test_a_tsv_header_counts_only_when_it_names_both_columns(folder: Path) -> None:
    assert read(folder / "a.tsv", "en\teins\n", "en", "de") == [Row(1, "en", "eins")]
    assert read(folder / "a.tsv", "\nen\tn\tde\na\t1\tb\n", "en", "de") == [Row(1, "", ""), Row(3, "a", "b")]
    with pytest.raises(Refusal, match=r"a\.tsv, line 2: 2 columns found, 3 wanted"):
        read(folder / "a.tsv", "en\tn\tde\na\tb\n", "en", "de")


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.tsv", "en\tn\tdeutsch\na\t1\tb\n"), ("a.csv", "en,n,deutsch\na,1,b\n")],
)
def test_a_column_that_is_missing_is_named_beside_those_that_are_there(folder: Path, name: str, text: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(folder / name, text, "en", "de")
    assert str(caught.value) == (
        f"{folder / name}, line 1: no column 'de', only 'en', 'n', 'deutsch' (the first line names the columns); "
        "say which one holds the target: data.target=NAME"
    )


def test_a_line_too_long_is_no_row_and_shifts_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "a.tsv"
    path.write_text("a\tb\n" + "x" * 30 + "\ty\nc\td\n")
    assert list(rows(Lines(path, longest=20), "source", "target")) == [
        Row(1, "a", "b"),
        Row(2, None, None),
        Row(3, "c", "d"),
    ]
    monkeypatch.setattr(tables, "LONGEST", 50)
    with pytest.raises(Refusal, match=r"a\.csv, line 2: a quote opens .* 50 characters"):
        read(folder / "a.csv", 'source,target\n"a,b\n' + "c,d\n" * 20)


@pytest.mark.parametrize("depth", [3, 63, 65, 900, 100_000])
def test_nesting_is_judged_by_its_depth_alone(folder: Path, depth: int) -> None:
    line = '{"source": "a", "target": "b", "rest": ' + "[" * depth + "]" * depth + "}"
    if depth <= 63:
        assert read(folder / "a.jsonl", line) == [Row(1, "a", "b")]
        return
    with pytest.raises(Refusal, match=r"a\.jsonl, line 1: JSON nested deeper than 64"):
        read(folder / "a.jsonl", line)


def test_no_stack_left_is_no_crash(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object, **__: object) -> object:
        raise RecursionError("maximum recursion depth exceeded")

    monkeypatch.setattr("melisma.files.tables.json.loads", exhausted)
    with pytest.raises(Refusal, match=r"a\.jsonl, line 1: the JSON cannot be read"):
        read(folder / "a.jsonl", "{}")


@given(
    name=st.sampled_from(["a.tsv", "a.csv", "a.jsonl"]),
    data=st.one_of(
        st.binary(max_size=40),
        st.text(st.sampled_from('source,target\n\r\t"{}[]:12\\ué '), max_size=60).map(str.encode),
        st.lists(
            st.sampled_from(
                [
                    '"',
                    ",",
                    "\n",
                    "\t",
                    "source",
                    "target",
                    "{",
                    "}",
                    "[",
                    "]",
                    ":",
                    "1",
                    "NaN",
                    "null",
                    "translation",
                    "\\u0000",
                ]
            ),
            max_size=25,
        ).map(lambda parts: "".join(parts).encode()),
    ),
    header=st.sampled_from([b"", b"source,target\n", b"source\ttarget\n", b'{"source":"a","target":"b"}\n']),
)
@settings(max_examples=200, deadline=None)
def test_any_bytes_give_rows_or_a_refusal_with_its_place(folder: Path, name: str, data: bytes, header: bytes) -> None:
    path = folder / name
    try:
        found = read(path, header + data)
    except Refusal as refusal:
        sentence = str(refusal)
    else:
        sentence = f"{path}, line "
        assert all(isinstance(row.source, str) and isinstance(row.target, str) for row in found)
        numbers = [row.line for row in found]
        assert numbers == sorted(set(numbers))
    assert sentence.startswith(str(path))
    assert sentence.isprintable()
    assert any(words in sentence for words in WHOLE_FILE) or f"{path}, line " in sentence


def test_kinds_are_told_by_the_name() -> None:
    names = ["a.tsv", "A.TSV.GZ", "a.csv.xz", "a.jsonl", "a.ndjson", "a.json", "a.txt", "tsv", "a.en"]
    assert [kind(name) for name in names] == ["tsv", "tsv", "csv", "jsonl", "jsonl", "", "", "", ""]
