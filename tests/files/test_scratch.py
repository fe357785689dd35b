"""Scratch room: what was added is read again, whatever is in memory and whatever on the disk; nothing is left over."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melisma.errors import Failure, Refusal
from melisma.files import scratch
from melisma.files.scratch import Scratch


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Room in which a few bytes are on the disk."""
    monkeypatch.setattr(scratch, "HELD", 8)
    monkeypatch.setattr(scratch, "BLOCK", 5)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@given(
    pieces=st.lists(st.binary(max_size=9), max_size=12),
    limits=st.tuples(st.integers(1, 40), st.integers(1, 12)),
    data=st.data(),
)
@settings(max_examples=80, deadline=None)
def test_what_was_added_is_read(pieces: list[bytes], limits: tuple[int, int], data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scratch, "HELD", limits[0])
        patch.setattr(scratch, "BLOCK", limits[1])
        whole, room = b"", Scratch()
        for piece in pieces:
            room.add(piece)
            whole += piece
            begin = data.draw(st.integers(0, len(whole)))
            end = data.draw(st.integers(begin, len(whole)))
            assert room.read(begin, end) == whole[begin:end]
        assert room.size == len(whole)
        size = data.draw(st.integers(1, 50))
        assert list(room.blocks(size)) == [whole[at : at + size] for at in range(0, len(whole), size)]
        for wrong in ((-1, 0), (0, len(whole) + 1), (1, 0)):
            with pytest.raises(IndexError):
                room.read(*wrong)


def test_the_file_has_no_name_and_little_needs_none(small: Path) -> None:
    room = Scratch()
    room.add(b"1234567")
    handles = len(os.listdir("/proc/self/fd"))
    room.add(b"89")
    assert len(os.listdir("/proc/self/fd")) == handles + 1
    assert list(small.iterdir()) == []
    assert room.read(0, 9) == b"123456789"
    del room
    assert len(os.listdir("/proc/self/fd")) == handles


@contextmanager
def full() -> Iterator[None]:
    """Within it no file of this process can grow beyond 1,000 bytes: not to the test's end, as what pytest tells may
    go into a file too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_takes_no_more_is_a_refusal(small: Path) -> None:
    room = Scratch()
    reason = r"does not fit into .*: file too large; make room there, or name a folder"
    with full():
        for _ in range(200):
            room.add(b"12345")
        with pytest.raises(Refusal, match=reason):
            room.add(b"12345" * 2)
    assert list(small.iterdir()) == []


def test_some_of_the_disk_is_left_to_others(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "SPARE", 1 << 60)
    with pytest.raises(Refusal, match="no space left on device"):
        Scratch().add(bytes(8))


def test_a_folder_that_takes_nothing_is_a_refusal(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(small / "none"))
    with pytest.raises(Refusal, match=r"no folder takes it .*none.*no such file or directory.*TMPDIR=FOLDER"):
        Scratch().add(bytes(8))
    monkeypatch.delenv("TMPDIR")
    monkeypatch.setattr(scratch, "FOLDERS", (str(small / "none"), str(small)))
    room = Scratch()
    room.add(bytes(8))
    assert room.read(0, 8) == bytes(8)


def test_a_file_that_lost_bytes_is_a_failure(small: Path) -> None:
    room = Scratch()
    room.add(bytes(20))
    (handle,) = (name for name in os.listdir("/proc/self/fd") if str(small) in _leads(name))
    os.truncate(f"/proc/self/fd/{handle}", 3)
    with pytest.raises(Failure, match="ends before its 20 bytes"):
        room.read(0, 20)


def _leads(name: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{name}")
    except OSError:
        return ""
