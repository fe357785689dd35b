"""Places where no run can be made and things that are no run: each refused in one sentence, the disk as it was.

What lies inside a run and is damaged or hostile is tried in ``tests/runs``.
"""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from melisma.errors import Busy, Refusal
from melisma.runs.disk import Disk
from melisma.runs.place import check_new
from melisma.runs.read import read_run, read_step
from melisma.runs.verify import verify
from melisma.runs.write import claim, create

RECORD = {"task": "tag", "recipe": "names", "settings": {}}


def begin(path: object, disk: Disk | None = None):
    return create(path, RECORD, {}, disk=disk or Disk())


def picture(folder: Path) -> dict[str, object]:
    """All that lies in a folder, to see that nothing has changed."""
    found = {}
    for path in sorted(folder.rglob("*")):
        told = path.lstat()
        found[str(path)] = (told.st_mode, told.st_ino, told.st_mtime_ns if path.is_file() else 0)
    return found


def refused(path: object, sentence: str, disk: Disk | None = None) -> str:
    with pytest.raises(Refusal, match=sentence) as caught:
        begin(path, disk)
    said = str(caught.value)
    assert caught.value.exit_code == 2
    assert said.isprintable()
    assert len(said) < 500
    return said


def test_a_run_that_exists_is_neither_written_over_nor_touched(tmp_path) -> None:
    with begin(tmp_path / "run") as writer:
        writer.save_step(1, {"w": np.ones(1)}, {}, {})
    before = picture(tmp_path)
    said = refused(tmp_path / "run", "is there already: choose another folder, or go on with it: melisma resume")
    assert said.endswith(f"melisma resume {tmp_path / 'run'}")
    assert picture(tmp_path) == before
    for again in (claim, begin, lambda path: check_new(path, 0, Disk())):
        with pytest.raises(Busy, match="is being trained by process"), claim(tmp_path / "run").begin():
            again(tmp_path / "run")
    refused(tmp_path / "run", "is there already")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "no name for a run"),
        (".", "no name for a run"),
        ("a/..", "no name for a run"),
        ("two\nlines", "control character"),
        ("a\x00b", "control character"),
        ("\x1b[31mred", "control character"),
        ("a\u2028b", "control character"),
        ("gnp.\u202eexe", "control character"),
        ("half\udc80", "control character"),
        ("-rf", "begins with a dash"),
        ("runs/--keep", "begins with a dash"),
        (".tmp-1", "begins like the names of passing files"),
        ("x" * 256, "file name too long"),
        ("ü" * 128, "file name too long"),
        ("missing/" + "x" * 300, "file name too long"),
        ("/".join(["d" * 100] * 40), "file name too long"),
    ],
)
def test_a_name_that_no_run_can_have(tmp_path, monkeypatch, name, sentence) -> None:
    monkeypatch.chdir(tmp_path)
    refused(name, sentence)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name", ["en-de", "👩‍👩‍👧 1", "with space", "日本語", "deep/er/still", "x" * 255, "ends.", "a=b"]
)
def test_a_name_that_a_run_can_have(tmp_path, monkeypatch, name) -> None:
    monkeypatch.chdir(tmp_path)
    with begin(name) as writer:
        writer.save_step(1, {"w": np.ones(1)}, {}, {})
    assert verify(name).state == "whole"


def test_a_file_or_a_folder_with_things_of_others_is_left_alone(tmp_path) -> None:
    (tmp_path / "file").write_text("mine")
    refused(tmp_path / "file", "is a file, the name of a new folder is wanted")
    refused(tmp_path / "file" / "run", "cannot be made: .*is not a folder|cannot be made: not a directory")
    (tmp_path / "full").mkdir()
    for name in ("notes.txt", "metrics.jsonl", ".tmp-mine", "best"):
        (tmp_path / "full" / name).write_text("mine")
        before = picture(tmp_path)
        refused(tmp_path / "full", f'is not empty .it has "{name}".: choose another folder')
        assert picture(tmp_path) == before
        (tmp_path / "full" / name).unlink()
    begin(tmp_path / "full").close()
    assert verify(tmp_path / "full").state == "whole"


def test_what_a_beginning_left_that_died_is_taken_over(tmp_path) -> None:
    path = tmp_path / "run"
    (path / "steps").mkdir(parents=True)
    for name in (".lock", "codec.json", ".tmp-123-0123456789ab"):
        (path / name).write_text("half")
    begin(path).close()
    assert verify(path).state == "whole"
    assert not list(path.glob(".tmp-*"))


def test_a_link_is_used_only_if_it_is_ones_own_and_leads_to_a_folder(tmp_path) -> None:
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    refused(tmp_path / "nowhere", "is a link that leads nowhere")
    (tmp_path / "folder").mkdir()
    (tmp_path / "alias").symlink_to(tmp_path / "folder")
    begin(tmp_path / "alias").close()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refused(tmp_path / "loop", "leads nowhere|symbolic links")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a link away")
def test_a_link_of_another_user_is_refused(tmp_path) -> None:
    begin(tmp_path / "run").close()
    (tmp_path / "alias").symlink_to(tmp_path / "run")
    (tmp_path / "other").symlink_to(tmp_path)
    for name in ("alias", "other"):
        os.lchown(tmp_path / name, 12345, 12345)
        refused(tmp_path / name, "is a link that belongs to another user")
    with pytest.raises(Refusal, match="belongs to another user"):
        claim(tmp_path / "alias").begin()


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EDQUOT, errno.ENOSPC, errno.EIO])
def test_a_parent_that_takes_nothing_is_found_out_before_anything_is_made(tmp_path, number) -> None:
    class Closed(Disk):
        def create(self, path: Path) -> int:
            raise OSError(number, os.strerror(number), str(path))

    said = refused(tmp_path / "a" / "run", "cannot be made: ", Closed())
    assert os.strerror(number).lower() in said.lower()
    assert not list(tmp_path.iterdir())
    begin(tmp_path / "run").close()
    before = picture(tmp_path)
    with pytest.raises(Refusal, match="cannot be opened for training"):
        claim(tmp_path / "run", disk=Closed()).begin()
    assert picture(tmp_path).keys() == before.keys()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_parent_is_refused(tmp_path) -> None:
    (tmp_path / "closed").mkdir(mode=0o555)
    refused(tmp_path / "closed" / "run", "permission denied")


def test_a_place_where_no_file_can_be_is_refused() -> None:
    refused("/proc/run", "cannot be made: ")
    refused("/dev/null/run", "cannot be made: ")


def test_a_setting_that_is_not_unicode_is_refused_before_anything_is_made(tmp_path) -> None:
    with pytest.raises(Refusal, match=r"a setting .perhaps a file's name. is not Unicode text"):
        create(tmp_path / "run", RECORD | {"settings": {"data": "caf\udce9.txt"}}, {})
    with pytest.raises(Refusal, match='lacks "recipe"'):
        create(tmp_path / "run", {"task": "tag", "settings": {}}, {})
    deep: dict = {}
    for _ in range(50):
        deep = {"a": deep}
    with pytest.raises(Refusal, match="nested"):
        create(tmp_path / "run", RECORD, deep)
    assert not list(tmp_path.iterdir())


def test_a_path_that_is_no_run_names_the_runs_it_may_mean(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("en-de", "en-fr", "dates"):
        begin(Path("runs") / name).close()
    (tmp_path / "runs" / "en-dx").mkdir()
    for asked, meant in (
        ("runs/en-dee", "did you mean runs/en-de"),
        ("runs/date", "did you mean runs/dates?"),
        ("en-de", "did you mean runs/en-de"),
        ("runs", "did you mean runs/dates or runs/en-de or runs/en-fr?"),
    ):
        for read in (read_run, verify, claim):
            with pytest.raises(Refusal) as caught:
                read(asked)
            assert meant in str(caught.value)
    with pytest.raises(Refusal, match=r"^elsewhere/x does not exist, the folder of a run is wanted$"):
        read_run("elsewhere/x")
    with pytest.raises(Refusal, match=r"runs/en-dx is not a run: it has no run.json; did you mean runs/en-de"):
        read_run("runs/en-dx")


@pytest.mark.parametrize("path", ["", "a\x00b", "x" * 5000, "\udc80", "a\nb", "-x", "/proc/self/mem", "/dev/zero"])
def test_strange_paths_are_no_runs(path) -> None:
    for read in (read_run, verify, claim):
        with pytest.raises(Refusal) as caught:
            read(path)
        assert str(caught.value).isprintable()


def test_a_pickle_given_as_a_model_is_not_opened(tmp_path) -> None:
    class Canary:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "canary"),))

    (tmp_path / "model.pt").write_bytes(pickle.dumps(Canary()))
    with zipfile.ZipFile(tmp_path / "model.zip", "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(Canary()))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "pytorch_model.bin").write_bytes(pickle.dumps(Canary()))
    for name in ("model.pt", "model.zip", "folder"):
        with pytest.raises(Refusal, match="not opened"):
            read_run(tmp_path / name)
    with begin(tmp_path / "run") as writer:
        writer.save_step(1, {"w": np.ones(1)}, {}, {})
    (tmp_path / "run" / "steps" / "000001" / "model.safetensors").write_bytes(pickle.dumps(Canary()))
    with pytest.raises(Refusal):
        read_step(tmp_path / "run")
    assert not (tmp_path / "canary").exists()


def test_reading_needs_no_torch_before_there_are_tensors(tmp_path) -> None:
    with begin(tmp_path / "run") as writer:
        writer.save_step(1, {"w": np.ones(1)}, {}, {})
    program = (
        "import sys\n"
        "from melisma.runs.verify import verify\n"
        "from melisma.runs.write import claim\n"
        "claim(sys.argv[1]).begin().close()\n"
        "assert verify(sys.argv[1]).state == 'whole'\n"
        "assert 'torch' not in sys.modules\n"
    )
    source = str(Path(__file__).resolve().parents[2] / "src")
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "run")], check=True, env=os.environ | {"PYTHONPATH": source}
    )
