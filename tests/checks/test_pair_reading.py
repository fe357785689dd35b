"""Reading that goes on: what is lawful is read as training reads it, what is not is counted at its line."""

from __future__ import annotations

import gzip
import json
import lzma
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from melisma.checks.reading import Given, Reading, looks_like
from melisma.errors import Refusal
from melisma.files.columns import Pairs
from melisma.files.lines import LONGEST, Lines
from melisma.files.opening import BLOCK

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\r\n"), max_size=8)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def read(*files: Path, **columns: str) -> tuple[Reading, list[tuple[int, str | None, str | None]]]:
    reading = Reading([Given("train", tuple(map(str, files)))], **columns)
    return reading, [(record.line, record.source, record.target) for record in reading]


def beside(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXT, ENDS), min_size=1, max_size=12), st.booleans(), st.booleans())
def test_lawful_lines_are_read_as_training_reads_them(
    tmp_path: Path, lines: list[tuple[str, str]], mark: bool, ended: bool
) -> None:
    text = "".join(line + end for line, end in lines)
    text = text if ended else text.removesuffix(lines[-1][1])
    path = beside(tmp_path, "a.en", b"\xef\xbb\xbf" * mark + text.encode())
    try:
        wanted = list(Lines(path))
    except Refusal:
        return
    reading, found = read(path, path)
    assert [source for _, source, _ in found] == wanted
    assert [line for line, _, _ in found] == list(range(1, len(wanted) + 1))
    assert reading.facts[0].bom == (mark or text.startswith("\ufeff"))
    assert sum(reading.facts[0].ends.values()) >= len(wanted) - 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8))
def test_lawful_tables_are_read_as_training_reads_them(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    plain = [(a.replace("\t", " "), b.replace("\t", " ")) for a, b in pairs]
    tsv = "source\tn\ttarget\n" + "".join(f"{a}\t1\t{b}\n" for a, b in plain)
    csv = "n,source,target\r\n" + "".join('1,"{}","{}"\r\n'.format(*(t.replace('"', '""') for t in p)) for p in pairs)
    rows = [json.dumps({"translation": {"source": a, "target": b}}) + "\n" for a, b in pairs]
    for name, text in (("t.tsv", tsv), ("t.csv", csv), ("t.jsonl", "".join(rows))):
        path = beside(tmp_path, name, text.encode())
        try:
            wanted = [(pair.place.line, pair.source, pair.target) for pair in Pairs((str(path),))]
        except Refusal:
            continue
        reading, found = read(path)
        assert [row for row in found if row in wanted] == wanted
        assert not reading.facts[0].rows.count


@pytest.mark.parametrize(("ending", "packed"), [("gz", gzip.compress), ("xz", lzma.compress)])
def test_packed_files_are_read(tmp_path: Path, ending: str, packed: object) -> None:
    assert callable(packed)
    path = beside(tmp_path, f"a.{ending}", packed(b"eins\r\nzwei\n"))
    assert read(path, path)[1] == [(1, "eins", "eins"), (2, "zwei", "zwei")]


def test_every_line_that_is_no_text_is_counted_and_the_others_are_read(tmp_path: Path) -> None:
    left = beside(tmp_path, "a.en", b"one\ntwo\nthree\nfour\n" + b"x" * (LONGEST + 1) + b"\nsix\n")
    right = beside(tmp_path, "a.de", b"eins\nzw\xe4i\ndr\x00i\nvier\nf\xc3\xbcnf\nsechs\n")
    reading, found = read(left, right)
    assert found[1:3] == [(2, "two", None), (3, "three", None)]
    assert found[3:] == [(4, "four", "vier"), (5, None, "fünf"), (6, "six", "sechs")]
    facts = reading.facts[1]
    assert (facts.undecodable.count, facts.undecodable.first[0][0]) == (1, 2)
    assert (facts.nul.count, facts.nul.first[0][0]) == (1, 3)
    assert dict(facts.guesses) == {"Latin-1": 1}
    assert (reading.facts[0].too_long.count, reading.facts[0].too_long.first[0][0]) == (1, 5)


def test_a_line_as_long_as_many_blocks_does_not_shift_those_after_it(tmp_path: Path) -> None:
    left = beside(tmp_path, "a.en", b"a\n" + b"x" * (3 * LONGEST) + b"\r\nb\r\nc")
    right = beside(tmp_path, "a.de", b"a\nlong\nb\nc")
    assert read(left, right)[1] == [(1, "a", "a"), (2, None, "long"), (3, "b", "b"), (4, "c", "c")]


@pytest.mark.parametrize("before", range(BLOCK - 3, BLOCK + 2))
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_end_at_the_end_of_a_block_ends_one_line(tmp_path: Path, before: int, end: str) -> None:
    path = beside(tmp_path, "a.en", f"{'x' * before}{end}b{end}".encode())
    reading, found = read(path, path)
    assert [source for _, source, _ in found] == ["x" * before, "b"]
    assert +reading.facts[0].ends == {end: 2}


def test_unequal_files_are_read_as_far_as_both_go_and_all_lines_are_counted(tmp_path: Path) -> None:
    left, right = beside(tmp_path, "a.en", b"a\nbb\nccc\n"), beside(tmp_path, "a.de", b"a\n")
    reading, found = read(left, right)
    assert found == [(1, "a", "a")]
    assert [list(sizes) for sizes in reading.sizes[0]] == [[1, 2, 3], [1]]
    assert [facts.lines for facts in reading.facts] == [3, 1]


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("t.tsv", "a\tb\nno\nc\td\te\nf\tg\n", [2, 3]),
        ("t.csv", 'source,target\na,b\nc\n"d"x,e\nf,g\n', [3, 4]),
        ("t.jsonl", '{"source":"a","target":"b"}\n[1]\n{"source":1,"target":"x"}\n{"sour\n{"source":"f","target":"g"}\n', [2, 3, 4]),
    ],
)  # fmt: skip
def test_broken_rows_are_counted_and_reading_goes_on(tmp_path: Path, name: str, text: str, lines: list[int]) -> None:
    reading, found = read(beside(tmp_path, name, text.encode()))
    assert [line for line, source, _ in found if source is None] == lines
    assert [source for _, source, _ in found if source is not None] == ["a", "f"]
    assert reading.facts[0].rows.count == len(lines)


def test_a_line_that_is_no_text_spoils_its_own_record_of_a_table_alone(tmp_path: Path) -> None:
    reading, found = read(beside(tmp_path, "t.csv", b'source,target\na,b\n"c\n\xe4\nd",e\nf,g\nh\x00,i\n"j""",k\n'))
    assert found == [(2, "a", "b"), (3, None, None), (6, "f", "g"), (7, None, None), (8, 'j"', "k")]
    assert (reading.facts[0].undecodable.count, reading.facts[0].nul.count) == (1, 1)


@pytest.mark.parametrize("name", ["t.tsv", "t.csv"])
def test_a_table_without_the_columns_says_which_it_has(tmp_path: Path, name: str) -> None:
    mark = "\t" if name.endswith("tsv") else ","
    reading, found = read(beside(tmp_path, name, mark.join(("en", "de", "fr")).encode() + b"\n"))
    assert found == []
    assert "'en', 'de', 'fr'" in reading.facts[0].refused


@pytest.mark.parametrize(
    "data", ["eins\nzwei\n".encode("utf-16"), b"PK\x03\x04 a zip", gzip.compress(b"a\n" * 99999)[:60]]
)
def test_what_is_no_text_at_all_is_told_and_not_raised(tmp_path: Path, data: bytes) -> None:
    reading, _ = read(beside(tmp_path, "a.en", data), beside(tmp_path, "a.de", b"a\n"))
    assert "a.en" in reading.facts[0].refused


def test_a_made_corpus_is_read_and_numbers_go_on_over_corpora(tmp_path: Path) -> None:
    path = str(beside(tmp_path, "t.tsv", b"a\tb\nc\td\n"))
    reading = Reading([Given("train", (path,)), Given("valid", ("made:dates.valid",))])
    records = list(reading)
    assert [record.number for record in records] == list(range(1002))
    assert reading.starts == [0, 2]


@pytest.mark.parametrize(
    ("line", "guess"),
    [
        ("grün".encode("latin-1"), "Latin-1"),
        ("„grün“".encode("cp1252"), "windows-1252"),
        ("Это русский текст".encode("cp1251"), "another encoding"),
        ("这是中文".encode("gb18030"), "another encoding"),
    ],
)
def test_an_encoding_is_guessed(line: bytes, guess: str) -> None:
    assert guess in looks_like(line)
