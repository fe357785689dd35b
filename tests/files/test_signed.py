"""By what a folder is recognised again: by all that is read of it, and by nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path

from melisma.files.signed import sha256_of


def test_a_folder_is_known_by_the_names_and_sizes_below_it_its_own_first(tmp_path: Path) -> None:
    for name, size in (("a/2.wav", 2), ("a/deep/3.wav", 3), ("b.wav", 1)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
    assert sha256_of(str(tmp_path)) == hashlib.sha256(b"b.wav\x001\0a/2.wav\x002\0a/deep/3.wav\x003\0").hexdigest()
    assert sha256_of(f"{tmp_path}/b.wav") == hashlib.sha256(b"\0").hexdigest()


def test_links_are_followed_as_reading_does_and_hidden_files_change_nothing(tmp_path: Path) -> None:
    inside, kept = tmp_path / "in", tmp_path / "kept"
    inside.mkdir()
    kept.mkdir()
    (inside / "yes").symlink_to(kept)
    (inside / "again").symlink_to(inside)
    (inside / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    empty = sha256_of(str(inside))
    (kept / "a.wav").write_bytes(b"1")
    linked = sha256_of(str(inside))
    assert linked != empty
    (inside / ".hidden").write_bytes(b"1")
    (inside / "__MACOSX").mkdir()
    (inside / "__MACOSX" / "a.wav").write_bytes(b"1")
    assert sha256_of(str(inside)) == linked
    (kept / "a.wav").write_bytes(b"22")
    assert sha256_of(str(inside)) != linked
