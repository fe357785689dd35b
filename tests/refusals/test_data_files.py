"""Bad data files: each is refused with its sentence, or read as it should be.

`CASES` may be used by the tests of any verb that reads pairs: (name, a function that writes files into a folder and
returns the paths of one corpus, the words that the sentence must hold, or None where the corpus is read).
"""

from __future__ import annotations

import gzip
import io
import lzma
import os
import pickle
import re
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from backports import zstd

from melisma.errors import Refusal
from melisma.files.columns import Pairs, read_pairs
from melisma.files.lines import LONGEST
from melisma.files.split import overlap

GOOD = "".join(f"word {n} and {n * n}\n" for n in range(1, 13))
Make = Callable[[Path], list[str]]


def single(name: str, content: bytes | str) -> Make:
    """A corpus of one file."""

    def make(folder: Path) -> list[str]:
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)
        return [str(folder / name)]

    return make


def parallel(left: bytes | str, right: bytes | str = GOOD) -> Make:
    """A corpus of two parallel files, a.en and a.de."""

    def make(folder: Path) -> list[str]:
        return single("a.en", left)(folder) + single("a.de", right)(folder)

    return make


def path_beside(left: str, make_left: Callable[[Path], object] = lambda path: None) -> Make:
    """A corpus whose first file is whatever `make_left` makes of the path, if anything."""

    def make(folder: Path) -> list[str]:
        path = left if left.startswith("/") or left == "-" else str(folder / left)
        make_left(Path(path))
        return [path, *single("a.de", GOOD)(folder)]

    return make


def missing_but_similar(folder: Path) -> list[str]:
    right = single("a.de", GOOD)(folder)
    single("train.en", GOOD)(folder)
    return [str(folder / "trian.en"), *right]


def missing_folder(folder: Path) -> list[str]:
    (folder / "corpus").mkdir()
    return [str(folder / "corpsu" / "a.en"), *single("a.de", GOOD)(folder)]


def pattern_that_would_match(folder: Path) -> list[str]:
    single("b.en", GOOD)(folder)
    return [str(folder / "*.en"), *single("a.de", GOOD)(folder)]


def packed_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.en", GOOD)
    return buffer.getvalue()


def packed_tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("a.en")
        member.size = len(GOOD)
        archive.addfile(member, io.BytesIO(GOOD.encode()))
    return buffer.getvalue()


def bomb(compress: Callable[[bytes], bytes]) -> bytes:
    """Many members, each a MiB of one letter: some kilobytes that unfold into 48 MiB of lawful text."""
    return compress((b"a" * 1023 + b"\n") * 1024) * 48


def table(*rows: str, nine: str) -> str:
    """Nine rows, the ninth as given."""
    return "".join(f"{row}\n" for row in [*(["one\teins"] * 8), nine, *rows])


def jsonl(bad: str) -> Make:
    return single("a.jsonl", '{"source": "one", "target": "eins"}\n' * 2 + bad + "\n")


def without_line(number: int) -> str:
    kept = [line for index, line in enumerate(GOOD.splitlines(keepends=True), 1) if index != number]
    return "".join(kept)


LONG_LINE = GOOD + "x" * (LONGEST + 1) + "\n" + GOOD
UNUSUAL = "👩‍👩‍👧 zwj\ncafe\u0301 café\nשלום עולם\nzero\u200bwidth\u200d\n\u202eright\u202c\n"
SPECIAL = "<unk> </s> <s> <pad>\n▁ under\n@@ join@@ ed\n[MASK] ##piece\n"

CASES: list[tuple[str, Make, tuple[str, ...] | None]] = [
    # 1 and 2: nothing there, or a folder
    ("missing file", path_beside("none.en"), ("no such file", "none.en")),
    ("missing file, similar name", missing_but_similar, ("no such file", "trian.en", "did you mean", "train.en?")),
    ("missing folder, similar name", missing_folder, ("no such file", "no folder", "did you mean", "corpus?")),
    ("name too long", path_beside("x" * 5000), ("cannot be read", "too long")),
    ("name with NUL", path_beside("a\0b"), ("NUL", "file name")),
    ("folder for a file", path_beside("sub", lambda path: path.mkdir()), ("sub", "is a folder")),
    ("broken link", path_beside("link.en", lambda path: path.symlink_to("nowhere")), ("no such file", "link.en")),
    ("link to itself", path_beside("link.en", lambda path: path.symlink_to("link.en")), ("cannot be read", "link.en")),
    # 3 and 4: nothing in it
    ("empty file", parallel("", ""), ("a.en", "empty", "0 lines")),
    ("empty on one side", parallel(GOOD, ""), ("a.de", "empty", "0 lines")),
    ("only a byte order mark", parallel(b"\xef\xbb\xbf"), ("a.en", "empty", "0 lines")),
    ("only blank lines", parallel("\n" * 12), ("a.en", "no pair", "12 lines", "12 blank")),
    ("only spaces of all kinds", parallel("\u3000 \u200b\t\n" * 12), ("a.en", "no pair", "12 blank")),
    ("header without rows", single("a.csv", "source,target\n"), ("a.csv", "no pair", "0 rows")),
    # 5 and 6: not parallel; blank on one side
    ("a line missing", parallel(without_line(5)), ("a.en has 11 lines", "a.de has 12 lines", "line ")),
    ("a file that goes on", parallel(GOOD * 9, GOOD), ("has 108 lines", "has 12 lines", "a.en from line 13 on")),
    ("one file for two", single("a.en", GOOD), ("a.en", "table", "joined by a comma")),
    ("three files", lambda folder: [*parallel(GOOD)(folder), str(folder / "a.de")], ("3 files", "two parallel files")),
    ("empty name", lambda folder: [*single("a.en", GOOD)(folder), ""], ("empty file name",)),
    (
        "two tables as two sides",
        lambda folder: single("a.tsv", "a\tb\n")(folder) + single("b.tsv", "a\tb\n")(folder),
        ("two corpora", "data.train="),
    ),
    ("blank on one side", parallel(GOOD.replace("word 4 and 16", "")), None),
    # 7, 8, 12, 13: line ends and byte order marks
    ("CRLF", parallel(GOOD.replace("\n", "\r\n")), None),
    ("CR only", parallel(GOOD.replace("\n", "\r")), None),
    ("byte order mark", parallel(b"\xef\xbb\xbf" + GOOD.encode()), None),
    ("other line separators", parallel(GOOD.replace("and", "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e")), None),
    ("last line without end", parallel(GOOD.rstrip("\n")), None),
    # 9, 10, 11: not UTF-8
    ("UTF-16 with mark", parallel(GOOD.encode("utf-16")), ("a.en", "looks like UTF-16", "iconv -f UTF-16 ")),
    ("UTF-16LE", parallel(GOOD.encode("utf-16-le")), ("looks like UTF-16LE", "iconv -f UTF-16LE")),
    ("UTF-16BE", parallel(GOOD.encode("utf-16-be")), ("looks like UTF-16BE", "iconv -f UTF-16BE")),
    ("Chinese UTF-16", parallel(("这是一个很好的句子\n" * 12).encode("utf-16-le")), ("looks like UTF-16LE",)),
    ("UTF-32", parallel(GOOD.encode("utf-32")), ("looks like UTF-32", "iconv -f UTF-32")),
    ("UTF-16 in gzip", parallel(gzip.compress(GOOD.encode("utf-16"))), ("looks like UTF-16", "zcat", "iconv")),
    (
        "Latin-1",
        parallel(GOOD.encode().replace(b"word 7", b"w\xe9rd 7")),
        ("a.en, line 7, byte 2 ", "byte 83 of", "0xe9", "UTF-8", "LATIN1"),
    ),
    ("cut-off character", parallel(GOOD.encode() + "é".encode()[:1]), ("a.en, line 13, byte 1 ", "cut off")),
    ("encoded surrogate", parallel(GOOD.encode() + b"\xed\xa0\x80\n"), ("a.en, line 13, byte 1 ", "UTF-8")),
    ("NUL byte", parallel(GOOD.replace("word 3", "wo\0rd 3")), ("a.en, line 3, byte 3 ", "NUL")),
    ("four NUL bytes", parallel(bytes(4)), ("a.en begins with NUL bytes, not text",)),
    ("one NUL byte", parallel(bytes(1)), ("a.en begins with NUL bytes, not text",)),
    ("NUL bytes in gzip", parallel(gzip.compress(bytes(9))), ("a.en begins with NUL bytes inside gzip, not text",)),
    ("four bytes with a NUL", parallel(b"abc\0"), ("a.en, line 1, byte 4 ", "NUL")),
    ("four bytes of UTF-16", parallel("a\n".encode("utf-16-le")), ("looks like UTF-16LE",)),
    # 14: one line that never ends
    ("long line", parallel(LONG_LINE, GOOD + "y\n" + GOOD), None),
    ("only a long line", parallel("x" * (LONGEST + 1), "y\n"), ("no pair", "1 line", "1 too long")),
    (
        "long line in .csv",
        single("a.csv", "source,target\n" + "x" * (LONGEST + 1) + ",y\n"),
        ("a.csv, line 2:", "longer"),
    ),
    # 15: tab-separated
    ("one column in row 9", single("a.tsv", table(nine="only this")), ("a.tsv, line 9:", "1 column found", "2 wanted")),
    (
        "three columns in row 9",
        single("a.tsv", table(nine="a\tb\tc")),
        ("a.tsv, line 9:", "3 columns found", "2 wanted"),
    ),
    (
        "three columns, no header",
        single("a.tsv", "1\ta\tb\n2\tc\td\n"),
        ("a.tsv, line 1:", "3 columns", "data.source="),
    ),
    ("column named twice", single("a.tsv", "source\ttarget\tsource\na\tb\tc\n"), ("line 1:", "'source' occurs twice")),
    ("spaces for tabs", single("a.tsv", "one   eins\n"), ("a.tsv, line 1:", "1 column", "spaces")),
    ("header by name", single("a.tsv", "id\ttarget\tsource\n1\teins\tone\n"), None),
    # 16 and 17: comma-separated
    ("quoted newline", single("a.csv", 'source,target\n"one\ntwo","eins ""zwei"", drei"\n'), None),
    (
        "no header",
        single("a.csv", "one,eins\ntwo,zwei\n"),
        ("a.csv, line 1:", "'source'", "'one', 'eins'", "data.source="),
    ),
    ("header in capitals", single("a.csv", "Source,Target\na,b\n"), ("no column 'source'", "data.source=Source")),
    ("semicolons", single("a.csv", "source;target\na;b\n"), ("'source;target'", "separated by commas")),
    ("quote never closed", single("a.csv", 'source,target\na,"b\nc,d\n'), ("a.csv, line 2:", "quote", "not closed")),
    ("text after a quote", single("a.csv", 'source,target\n"a"b,c\n'), ("a.csv, line 2:", "follows the quote")),
    (
        "a cell too many",
        single("a.csv", "source,target\na,b\nc,d,e\n"),
        ("a.csv, line 3:", "3 columns found, 2 wanted"),
    ),
    # 18: JSON lines
    ("broken JSON", jsonl('{"source": "a", "target": '), ("a.jsonl, line 3:", "no valid JSON")),
    ("array at top", single("a.jsonl", '[\n{"source": "a"}]'), ("a.jsonl, line 1:", "JSON")),
    ("whole array", single("a.jsonl", '[{"source": "a", "target": "b"}]'), ("line 1:", "an array found", "jq")),
    ("text for an object", jsonl('"source"'), ("a.jsonl, line 3:", "a text found", "an object")),
    ("NaN", jsonl('{"source": "a", "target": "b", "score": NaN}'), ("a.jsonl, line 3:", "NaN")),
    ("infinity", jsonl('{"source": "a", "target": "b", "score": -Infinity}'), ("a.jsonl, line 3:", "-Infinity")),
    ("key twice", jsonl('{"source": "a", "target": "b", "source": "c"}'), ("line 3:", "'source' occurs twice")),
    (
        "key twice, deeper",
        jsonl('{"source": "a", "target": "b", "m": {"k": 1, "k": 1}}'),
        ("line 3:", "'k' occurs twice"),
    ),
    ("deep nesting", jsonl("[" * 10_000 + "]" * 10_000), ("a.jsonl, line 3:", "nested deeper")),
    ("deep nesting in a value", jsonl('{"source": ' + '{"a":' * 10_000 + "1" + "}" * 10_001), ("line 3:", "nested")),
    ("a long number", jsonl('{"source": ' + "9" * 9_000 + ', "target": "b"}'), ("a.jsonl, line 3:", "cannot be read")),
    ("number for text", jsonl('{"source": "a", "target": 7}'), ("a.jsonl, line 3:", "'target' is a number")),
    ("null for text", jsonl('{"source": null, "target": "b"}'), ("a.jsonl, line 3:", "'source' is null")),
    ("truth for text", jsonl('{"source": true, "target": "b"}'), ("a.jsonl, line 3:", "'source' is true or false")),
    ("key missing", jsonl('{"source": "a", "de": "b"}'), ("line 3:", "no key 'target'", "'de'", "data.target=")),
    ("lone surrogate", jsonl('{"source": "\\ud800", "target": "b"}'), ("a.jsonl, line 3:", "surrogate")),
    ("NUL in JSON", jsonl('{"source": "\\u0000", "target": "b"}'), ("a.jsonl, line 3:", "NUL")),
    ("nested pair", single("a.jsonl", '{"translation": {"source": "a", "target": "b"}}\n'), None),
    ("brackets in text", jsonl('{"source": "' + "[{" * 99 + '", "target": "b"}'), None),
    ("quotes and brackets in text", jsonl('{"source": "\\\\\\"' + "[{" * 99 + '\\\\", "target": "b"}'), None),
    # 24 and 25: unusual text, and text that looks like a special symbol
    ("unusual text", parallel(UNUSUAL, UNUSUAL), None),
    ("special symbols as text", parallel(SPECIAL, SPECIAL), None),
    # 26: packed files, and files that are something else
    ("gzip", parallel(gzip.compress(GOOD.encode())), None),
    ("gzip of several members", parallel(gzip.compress(GOOD[:99].encode()) + gzip.compress(GOOD[99:].encode())), None),
    ("xz", parallel(lzma.compress(GOOD.encode())), None),
    ("zstd", parallel(zstd.compress(GOOD.encode())), None),
    ("truncated zstd", parallel(zstd.compress(GOOD.encode())[:-9]), ("a.en", "cut off", "zstd")),
    ("data after zstd", parallel(zstd.compress(GOOD.encode()) + b"more"), ("a.en", "damaged", "zstd")),
    ("zstd bomb", parallel(bomb(zstd.compress)), ("a.en", "budget")),
    ("packed table", single("a.tsv.gz", gzip.compress(b"one\teins\n")), None),
    ("plain text named .gz", single("a.tsv.gz", "one\teins\n"), None),
    ("truncated gzip", parallel(gzip.compress(GOOD.encode())[:-9]), ("a.en", "cut off", "gzip")),
    ("truncated xz", parallel(lzma.compress(GOOD.encode())[:-9]), ("a.en", "cut off", "xz")),
    ("damaged gzip", parallel(gzip.compress(GOOD.encode())[:-5] + b"12345"), ("a.en", "damaged", "gzip")),
    ("data after gzip", parallel(gzip.compress(GOOD.encode()) + b"more"), ("a.en", "damaged", "gzip")),
    ("gzip bomb", parallel(bomb(lambda data: gzip.compress(data, 9))), ("a.en", "budget")),
    ("xz bomb", parallel(bomb(lambda data: lzma.compress(data, preset=0))), ("a.en", "budget")),
    ("packed twice", parallel(gzip.compress(lzma.compress(GOOD.encode()))), ("a.en", "packed twice")),
    ("zip", parallel(packed_zip()), ("a.en", "a zip archive", "not text")),
    ("tar", parallel(packed_tar()), ("a.en", "a tar archive", "not text")),
    ("tar in gzip", parallel(gzip.compress(packed_tar())), ("a.en", "a tar archive inside gzip")),
    ("pickle", parallel(pickle.dumps(GOOD)), ("a.en", "pickle", "not text")),
    ("picture", parallel(b"\x89PNG\r\n\x1a\n\0\0\0"), ("a.en", "picture", "not text")),
    # 27: streams
    ("FIFO", path_beside("pipe", os.mkfifo), ("pipe", "stream", "read more than once")),
    ("-", path_beside("-"), ("-", "stream", "read more than once")),
    ("/dev/stdin", path_beside("/dev/stdin"), ("/dev/stdin", "stream", "read more than once")),
    ("/dev/null", path_beside("/dev/null"), ("/dev/null", "device", "read more than once")),
    # 29: patterns
    ("pattern without match", path_beside("*.fr"), ("no file matches the pattern", "*.fr")),
    ("pattern with a match", pattern_that_would_match, ("patterns are expanded by the shell", "b.en")),
    # hostile names
    ("escape in a name", path_beside("\x1b]0;x\x07.en"), ("no such file", "\\x1b]0;x\\x07.en")),
]

EXPECTED: dict[str, list[tuple[str, str]]] = {
    "header by name": [("one", "eins")],
    "quoted newline": [("one\ntwo", 'eins "zwei", drei')],
    "nested pair": [("a", "b")],
    "packed table": [("one", "eins")],
    "plain text named .gz": [("one", "eins")],
    "brackets in text": [("one", "eins")] * 2 + [("[{" * 99, "b")],
    "quotes and brackets in text": [("one", "eins")] * 2 + [('\\"' + "[{" * 99 + "\\", "b")],
    "blank on one side": [(line, line) for line in GOOD.split("\n") if line and line != "word 4 and 16"],
    "long line": [(line, line) for line in (GOOD * 2).split("\n") if line],
    "other line separators": [
        (line.replace("and", "\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e"), line) for line in GOOD.split("\n") if line
    ],
    "unusual text": [(line, line) for line in UNUSUAL.split("\n") if line],
    "special symbols as text": [(line, line) for line in SPECIAL.split("\n") if line],
}
PLAIN = [(line, line) for line in GOOD.split("\n") if line]


@pytest.mark.parametrize(("name", "make", "words"), CASES, ids=[case[0] for case in CASES])
def test_each_file_is_refused_with_its_sentence_or_read(
    name: str, make: Make, words: tuple[str, ...] | None, tmp_path: Path
) -> None:
    corpus = make(tmp_path)
    before = {path: path.lstat() for path in tmp_path.rglob("*")}
    if words is None:
        pairs, report = read_pairs([corpus])
        assert [(pair.source, pair.target) for pair in pairs] == EXPECTED.get(name, PLAIN)
        assert report.pairs == len(pairs)
    else:
        with pytest.raises(Refusal) as refused:
            read_pairs([corpus])
        sentence = str(refused.value)
        assert [word for word in words if word not in sentence] == [], sentence
        assert sentence.isprintable()
        assert len(sentence) < 600 or name == "name too long"
    after = {path: path.lstat() for path in tmp_path.rglob("*")}
    assert {path: (facts.st_size, facts.st_mtime_ns) for path, facts in after.items()} == {
        path: (facts.st_size, facts.st_mtime_ns) for path, facts in before.items()
    }


def test_names_of_cases_are_unique() -> None:
    assert len({case[0] for case in CASES}) == len(CASES)
    assert set(EXPECTED) <= {case[0] for case in CASES if case[2] is None}


def test_dropped_pairs_are_counted(tmp_path: Path) -> None:
    cases = {name: make for name, make, _ in CASES}
    _, blank = read_pairs([cases["blank on one side"](tmp_path)])
    assert (blank.one_blank, blank.both_blank, [place.line for place in blank.one_blank_at]) == (1, 0, [4])
    assert re.search(r"dropped 1 pair with one blank side \(.*a\.en, line 4\)", blank.warnings()[0])
    _, long = read_pairs([cases["long line"](tmp_path)])
    assert (long.too_long, long.too_long_at[0].line) == (1, 13)
    assert "1 pair with a line that is too long" in long.warnings()[0]


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    left, right = parallel(GOOD * 4_000, GOOD * 4_000)(tmp_path)
    pairs = iter(Pairs([left, right]))
    next(pairs)
    with open(right, "a", encoding="utf-8") as file:
        file.write("one more\n")
    with pytest.raises(Refusal, match=r"a\.de changed while it was read \(.* bytes before, .* after\)"):
        list(pairs)


def test_a_file_that_is_replaced_while_it_is_read_is_refused(tmp_path: Path) -> None:
    corpus = parallel(GOOD)(tmp_path)
    pairs = iter(Pairs(corpus))
    next(pairs)
    (tmp_path / "new").write_text(GOOD)
    os.replace(tmp_path / "new", corpus[0])
    with pytest.raises(Refusal, match=r"a\.en changed while it was read"):
        list(pairs)


def test_a_file_that_is_removed_while_it_is_read_is_refused(tmp_path: Path) -> None:
    corpus = parallel(GOOD)(tmp_path)
    pairs = iter(Pairs(corpus))
    next(pairs)
    os.remove(corpus[0])
    with pytest.raises(Refusal, match=r"a\.en was removed while it was read"):
        list(pairs)


def test_identical_training_and_test_files_are_called_out(tmp_path: Path) -> None:
    pairs, _ = read_pairs([parallel(GOOD)(tmp_path)])
    warning = overlap(pairs, pairs).warning()
    assert warning is not None
    assert "12 of 12 held-out sources (100 %)" in warning
