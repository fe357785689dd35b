"""Lines: the same as splitting the whole file at once, whatever the blocks; in bounded memory; faults with their place."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import re
import sys
import tracemalloc
from pathlib import Path

import pytest
from backports import zstd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from melisma.errors import Refusal
from melisma.files.kinds import HEAD
from melisma.files.lines import LONGEST, Lines, signature
from melisma.files.opening import Budget

TEXTS = st.text(st.sampled_from("ab é字😀\n\r\t\u2028\x85\x0b\x0c\ufeff"), max_size=40)
PACKINGS = {
    "plain": bytes,
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "zstd": lambda data: zstd.compress(data, options={zstd.CompressionParameter.checksum_flag: 1}),
}


def oracle(data: bytes) -> list[str]:
    """Split by the three line ends; a BOM at the start goes; nothing follows the last end."""
    lines = re.split("\r\n|\n|\r", data.decode("utf-8-sig"))
    return lines[:-1] if lines[-1] == "" else lines


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lines")


def write(folder: Path, data: bytes) -> Path:
    path = folder / "a.txt"
    path.write_bytes(data)
    return path


@given(
    text=TEXTS,
    block=st.integers(1, 9),
    packing=st.sampled_from(sorted(PACKINGS)),
    filler=st.sampled_from([0, *range(HEAD - 4, HEAD + 5)]),
)
@example(text="a\r\nb", block=2, packing="plain", filler=HEAD - 2)
@example(text="\r", block=1, packing="gzip", filler=HEAD)
@example(text="\ufeff\n\ufeff", block=4, packing="plain", filler=HEAD)
@settings(max_examples=60, deadline=None)
def test_lines_are_those_of_the_whole_file_in_any_blocks(
    folder: Path, text: str, block: int, packing: str, filler: int
) -> None:
    text = "z" * filler + text  # the first block holds at least HEAD bytes
    path = write(folder, PACKINGS[packing](text.encode()))
    lines = Lines(path, block=block, may_be_empty=True)
    assert list(lines) == oracle(text.encode())
    data = path.read_bytes()
    assert lines.signature == {
        "sha256": hashlib.sha256(data).hexdigest(),
        "bytes": len(data),
        "lines": len(oracle(text.encode())),
    }


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_blocks_far_smaller_than_the_file(folder: Path, ends: str) -> None:
    text = "".join(f"line {n} é字{ends}" for n in range(20_000))
    path = write(folder, text.encode())
    for block in (4096, 4097, 4099):
        lines = Lines(path, block=block)
        assert list(lines) == oracle(text.encode())
        assert lines.count == 20_000


@given(sizes=st.lists(st.integers(0, 30), min_size=1, max_size=12), letter=st.sampled_from("aé字😀"), end=st.booleans())
@settings(max_examples=60, deadline=None)
def test_lines_over_the_limit_in_bytes_are_skipped_and_counted(
    folder: Path, sizes: list[int], letter: str, end: bool
) -> None:
    texts = [letter * size for size in sizes]
    filler = "\n" * HEAD  # the first block holds at least HEAD bytes
    path = write(folder, (filler + "\n".join(texts) + ("\n" if end or not texts[-1] else "")).encode())
    lines = Lines(path, longest=20, block=5)
    expected = [text if len(text.encode()) <= 20 else None for text in texts]
    assert list(lines)[HEAD:] == expected
    assert (lines.count, lines.too_long) == (HEAD + len(texts), expected.count(None))


def test_a_line_across_many_blocks_is_held_up_to_the_limit_and_not_beyond(folder: Path) -> None:
    for size, expected in ((9_000, ["x" * 9_000, "y"]), (9_001, [None, "y"])):
        path = write(folder, b"x" * size + b"\ny")
        lines = Lines(path, longest=9_000, block=1)
        assert list(lines) == expected
        assert lines.too_long == expected.count(None)


def test_a_hundred_megabyte_line_takes_little_memory(folder: Path) -> None:
    path = folder / "long.txt"
    with path.open("wb") as file:
        file.write(b"first\n")
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b"\nlast\n")
    tracemalloc.start()
    try:
        lines = Lines(path)
        assert list(lines) == ["first", None, "last"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        path.unlink()
    assert lines.too_long == 1
    assert peak < 8 * LONGEST


@given(
    before=st.lists(st.sampled_from(["a", "é字", ""]), max_size=8),
    start=st.sampled_from(["", "x", "é字"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    bad=st.sampled_from([b"\xff", b"\0", b"\xc3 ", b"\xed\xa0\x80"]),
    block=st.integers(1, 9),
    mark=st.booleans(),
    filler=st.sampled_from([0, 5000]),
)
@settings(max_examples=80, deadline=None)
def test_a_bad_byte_is_told_by_line_and_by_byte(
    folder: Path, before: list[str], start: str, end: str, bad: bytes, block: int, mark: bool, filler: int
) -> None:
    head = b"\xef\xbb\xbf" if mark else b""
    good = ["z" * filler, *before]
    data = head + "".join(text + end for text in good).encode() + start.encode()
    path = write(folder, data + bad + b" rest\nnext\n")
    with pytest.raises(Refusal) as refused:
        list(Lines(path, block=block))
    assert str(refused.value).startswith(
        f"{path}, line {len(good) + 1}, byte {len(start.encode()) + 1} (byte {len(data) + 1} of the file): "
    )


@given(data=st.binary(max_size=60), packing=st.sampled_from(sorted(PACKINGS)), cut=st.integers(0, 70))
@settings(max_examples=80, deadline=None)
def test_any_bytes_are_read_or_refused(folder: Path, data: bytes, packing: str, cut: int) -> None:
    packed = PACKINGS[packing](data)
    path = write(folder, packed[:cut])
    try:
        found: object = list(Lines(path, may_be_empty=True, block=7))
    except Refusal as refusal:
        found = str(refusal)
    if isinstance(found, str):
        assert str(path) in found
    elif packing == "plain" or cut < 2:  # one byte of a packed file is text
        assert found == oracle(packed[:cut])
    else:
        assert cut >= len(packed)
        assert found == oracle(data)


@given(at=st.integers(0, 200), flip=st.integers(1, 255), packing=st.sampled_from(["gzip", "xz", "zstd"]))
@settings(max_examples=60, deadline=None)
def test_a_changed_byte_in_a_packed_file_never_changes_the_text(folder: Path, at: int, flip: int, packing: str) -> None:
    text = "the quick brown fox jumps over the lazy dog\n" * 3
    packed = bytearray(PACKINGS[packing](text.encode()))
    packed[at % len(packed)] ^= flip
    path = write(folder, bytes(packed))
    try:
        found: object = list(Lines(path))
    except Refusal as refusal:
        found = str(refusal)
    assert found == text.splitlines() or (isinstance(found, str) and str(path) in found)


def test_budgets_are_kept(folder: Path) -> None:
    text = b"abcdefgh\n" * 1000
    path = write(folder, gzip.compress(text))
    assert len(list(Lines(path, budget=Budget(bytes=9000)))) == 1000
    with pytest.raises(Refusal, match=r"a\.txt unfolds beyond its budget"):
        list(Lines(path, budget=Budget(bytes=8999)))
    with pytest.raises(Refusal, match=r"a\.txt unfolds beyond its budget"):
        list(Lines(path, budget=Budget(ratio=10, slack=0)))
    assert len(list(Lines(path, budget=Budget(ratio=10, slack=9000)))) == 1000
    path = write(folder, lzma.compress(text, preset=6))
    with pytest.raises(Refusal, match="memory to unpack"):
        list(Lines(path, budget=Budget(memory=1 << 20)))


def test_zstd_takes_no_more_memory_than_its_budget_and_is_refused_where_its_package_is_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = {zstd.CompressionParameter.window_log: 24, zstd.CompressionParameter.content_size_flag: 0}
    path = write(folder, zstd.compress(b"abcdefgh\n" * 10**6, options=wide))
    assert sum(1 for _ in Lines(path)) == 10**6
    with pytest.raises(Refusal, match="memory to unpack; pack it again with zstd"):
        list(Lines(path, budget=Budget(memory=1 << 20)))
    monkeypatch.setitem(sys.modules, "backports", None)
    with pytest.raises(Refusal, match=r"a\.txt is packed with zstd, which needs the package backports\.zstd"):
        list(Lines(path))


def test_padding_after_packed_data_is_no_data(folder: Path) -> None:
    packed = gzip.compress(b"one\n")
    path = write(folder, packed + bytes(9000) + packed + bytes(512))
    assert list(Lines(path, block=1000)) == ["one", "one"]


def test_a_second_pass_gives_the_same_and_an_unfinished_one_no_signature(folder: Path) -> None:
    path = write(folder, b"one\ntwo\n")
    lines = Lines(path)
    assert next(iter(lines)) == "one"
    assert lines.signature is None
    assert list(lines) == list(lines) == ["one", "two"]
    assert lines.signature == signature(path)
    assert signature(path)["lines"] == 2


def test_no_handle_stays_open_after_a_pass_that_was_given_up(folder: Path) -> None:
    path = write(folder, b"one\ntwo\n")
    handles = set(Path("/proc/self/fd").iterdir())
    for _ in range(3):
        passing = iter(Lines(path))
        next(passing)
        passing.close()  # type: ignore[attr-defined]
    assert set(Path("/proc/self/fd").iterdir()) == handles


def test_an_unreadable_file_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(folder, b"one\n")

    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("melisma.files.opening.os.open", denied)
    with pytest.raises(Refusal, match=r"a\.txt cannot be read \(permission denied\)"):
        list(Lines(path))
