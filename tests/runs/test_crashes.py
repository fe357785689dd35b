"""Whatever operation on the disk fails, or is the last one, a run is whole afterwards and resumes to the same bytes.

The N-th operation is made to fail for N = 1, 2, 3 … until a training gets through without meeting the fault
(the anomaly tests of SQLite).
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from melisma.errors import Busy, Refusal
from melisma.runs import write
from melisma.runs.disk import Disk
from melisma.runs.log import read_log
from melisma.runs.read import read_files, read_run
from melisma.runs.tensors import check_header
from melisma.runs.verify import verify
from melisma.runs.write import SaveFailed, claim, create

OPERATIONS = (
    "create", "extend", "hold", "write", "truncate", "sync", "sync_folder", "rename", "replace", "make_folder",
    "remove_file", "remove_folder",
)  # fmt: skip
TAKES_ROOM = ("create", "extend", "hold", "write", "sync", "make_folder")
RECORD = {"task": "translate", "recipe": "dates", "settings": {"model.width": 8}}
CODEC = {"characters": ["a", "b"]}
STEPS = (10, 20, 30, 40)
BEST = 20
BETTER = {10: ("best-first",), BEST: ("best",), 40: ("best-last",)}


class Died(BaseException):
    """The process is gone: nothing that comes after may touch the disk."""


class FaultyDisk(Disk):
    """Counts its operations; at the N-th it fails once, fails from there on for want of room, or dies."""

    def __init__(self, at: int, how: str) -> None:
        self.at, self.how, self.count, self.fired = at, how, 0, False

    def meet(self, name: str) -> bool:
        """Whether this operation goes through; a write that does not gets half its bytes onto the disk."""
        self.count += 1
        if self.how == "dead" and self.fired:
            raise Died
        full = self.how == "full" and self.count >= self.at and name in TAKES_ROOM
        hit = full or (self.how != "full" and self.count == self.at)
        self.fired = self.fired or hit
        return not hit

    def fail(self) -> None:
        if self.how == "dead":
            raise Died
        number = errno.ENOSPC if self.how == "full" else errno.EIO
        raise OSError(number, os.strerror(number))


class RecordingDisk(Disk):
    """Works, and remembers what reached the disk for good: at a loss of power nothing else is sure to be there."""

    def __init__(self, root: Path, at: int) -> None:
        self.root, self.at, self.count, self.fired = root, at, 0, False
        self.kept: list[int] = []  # files held open, so that no inode number is used twice
        self.data: dict[int, bytes] = {}
        self.names: dict[int, dict[str, int]] = {}
        self.keep(root, {})

    def meet(self, name: str) -> bool:
        self.count += 1
        self.fired = self.fired or self.count == self.at
        if self.fired:
            raise Died
        return True

    def keep(self, path: Path, names: dict[str, int] | None = None) -> None:
        folder = os.open(path, os.O_RDONLY)
        self.kept.append(folder)
        if names is not None:
            self.names.setdefault(os.fstat(folder).st_ino, names)
        else:
            self.data.setdefault(os.fstat(folder).st_ino, b"")

    def note(self, name: str, arguments: tuple) -> None:
        """After an operation: what it made sure of."""
        if name in ("create", "extend", "hold"):
            self.keep(arguments[0])
        elif name == "make_folder":
            self.keep(arguments[0], {})
        elif name == "sync":
            self.data[os.fstat(arguments[0]).st_ino] = Path(f"/proc/self/fd/{arguments[0]}").read_bytes()
        elif name == "sync_folder":
            self.names[os.stat(arguments[0]).st_ino] = {entry.name: entry.inode() for entry in os.scandir(arguments[0])}

    def power_fails(self, to: Path, survive: str) -> None:
        """Writes to ``to`` what is found after the power is back.

        Of changed names that were never synced, none survive, or all, or those within a step's folder alone.
        """
        for file in self.kept:
            if os.fstat(file).st_ino == os.stat(self.root).st_ino:
                self._restore(file, to, survive)
                break

    def _restore(self, folder: int, to: Path, survive: str) -> None:
        to.mkdir()
        inode = os.fstat(folder).st_ino
        by_number = {os.fstat(file).st_ino: file for file in self.kept}
        try:
            now = {name: os.stat(name, dir_fd=folder).st_ino for name in os.listdir(folder)}
        except FileNotFoundError:
            now = {}
        current = survive == "all" or (survive == "inner" and to.parent.name == "steps")
        for name, number in (now if current else self.names[inode]).items():
            if number in self.names:
                self._restore(by_number[number], to / name, survive)
            else:
                (to / name).write_bytes(self.data.get(number, b""))

    def close(self) -> None:
        for file in self.kept:
            os.close(file)


def _operation(name: str):
    def run(self, *arguments):
        if not self.meet(name):
            if name == "write":
                Disk.write(self, arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
            self.fail()
        done = None if name in ("sync", "sync_folder") else getattr(Disk, name)(self, *arguments)
        if isinstance(self, RecordingDisk):
            self.note(name, arguments)
        return done

    return run


for _name in OPERATIONS:
    setattr(FaultyDisk, _name, _operation(_name))
    setattr(RecordingDisk, _name, _operation(_name))


def test_the_doubles_meet_every_operation_that_changes_a_disk() -> None:
    named = {name for name in vars(Disk) if not name.startswith("_")}
    assert named - {"free"} == set(OPERATIONS)


def tensors(step: int) -> tuple[dict, dict, dict]:
    return {"weight": np.full((3, 2), step, "f4")}, {"moment": np.full(4, step, "f8")}, {"position": step}


def train(writer, said: list) -> None:
    """The rest of a training that cannot be told from one never stopped."""
    with contextlib.closing(writer):
        begun = 0 if writer.latest is None else int(writer.latest)
        for step in STEPS:
            if step <= begun:
                continue
            writer.log({"step": step, "loss": 1 / step})
            try:
                writer.save_step(step, *tensors(step), better=BETTER.get(step, ()))
            except SaveFailed as error:
                said.append(error)
            else:
                said.append(step)
        with contextlib.suppress(SaveFailed):
            writer.update_run({"settings": {"training.steps": 40}})


def attempt(path: Path, disk: Disk) -> tuple[list, Refusal | None]:
    """What a whole training says of its steps on this disk, or how it was refused."""
    said: list = []
    try:
        train(create(path, RECORD, CODEC, disk=disk), said)
    except Refusal as error:
        return said, error
    except SaveFailed as error:
        said.append(error)
    return said, None


def content(path: Path) -> dict[str, bytes]:
    """Every file of a run but the lock (which names a process and a time)."""
    files = [file for file in path.rglob("*") if file.is_file() and file.name != ".lock"]
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty folder, in memory where the machine has such: hundreds of trainings are written to it."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def straight(tmp_path_factory) -> dict[str, bytes]:
    path = tmp_path_factory.mktemp("straight") / "run"
    train(create(path, RECORD, CODEC), [])
    return content(path)


def close_all(folder: Path) -> None:
    """What the kernel does when a process is gone."""
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{number}").startswith(str(folder)):
                os.close(int(number))


def check_whole(path: Path, said: list) -> None:
    """The run is as of the last step that was said to be saved, or of the one after it."""
    saved = [step for step in said if isinstance(step, int)]
    verdict = verify(path)
    assert verdict.state == "whole" or (verdict.state == "repairable" and not saved), verdict
    read_run(path)
    read_log(path)
    if verdict.state == "repairable" or (verdict.resumes is None and not saved):
        return
    number = int(verdict.resumes)
    at = STEPS.index(saved[-1]) if saved else -1
    assert number in STEPS[max(at, 0) : at + 2]
    for pointer, wanted in (("latest", None if verdict.behind else number), ("best", BEST if BEST in saved else None)):
        name, files = read_files(path, pointer)
        assert wanted in (name.number, None)
        head = files["model.safetensors"]
        assert check_header(head, len(head), "model")["weight"].shape == (3, 2)
        assert head.endswith(tensors(name.number)[0]["weight"].tobytes())


def begin_or_open(path: Path, disk: Disk):
    try:
        verify(path)
    except Refusal:
        return create(path, RECORD, CODEC, disk=disk)
    return claim(path, disk=disk).begin()


def quiet() -> FaultyDisk:
    """A disk that works; what the doubles leave out (waiting for the platter) it leaves out too."""
    return FaultyDisk(0, "once")


def check_resumes(path: Path, straight: dict[str, bytes]) -> None:
    train(begin_or_open(path, quiet()), [])
    assert content(path) == straight


def test_a_process_that_dies_at_any_operation_leaves_the_old_or_the_new_and_resumes_to_the_same_bytes(
    place, straight
) -> None:
    fired = 0
    for at in range(1, 1000):
        path, said, disk = place / "run", [], FaultyDisk(at, "dead")
        try:
            train(create(path, RECORD, CODEC, disk=disk), said)
        except Died:
            close_all(place)
        if not disk.fired:
            break
        fired += 1
        with contextlib.suppress(Refusal):  # it died before there was a run, which the next beginning sets right
            verify(path)
            check_whole(path, said)
        assert not said or path.exists()
        check_resumes(path, straight)
        shutil.rmtree(path)
    assert fired > 100
    assert said == list(STEPS)


def test_a_process_that_dies_while_it_repairs_what_another_left_loses_nothing(place, straight) -> None:
    path, before, fired = place / "run", place / "before", 0
    train(create(before, RECORD, CODEC, disk=quiet()), [])
    shutil.copytree(before / "steps" / "000020", before / "steps" / ".tmp-left")
    (before / "latest").write_bytes(b"000040\n")
    (before / "steps" / "000040" / "model.safetensors").write_bytes(b"")
    with (before / "metrics.jsonl").open("ab") as log:
        log.write(b'{"step": 41, "lo')
    for at in range(1, 1000):
        shutil.copytree(before, path)
        disk = FaultyDisk(at, "dead")
        with contextlib.suppress(Died):
            claim(path, disk=disk).begin().close()
        close_all(place)
        assert verify(path).state != "damaged"
        assert verify(path).resumes == "000030"
        train(claim(path, disk=quiet()).begin(), [])
        made = {name: data for name, data in content(path).items() if not name.startswith("steps/damaged-")}
        assert made == straight
        shutil.rmtree(path)
        fired += disk.fired
        if not disk.fired:
            break
    assert fired > 10


@pytest.mark.parametrize("survive", ["none", "all", "inner"])
def test_power_lost_before_any_operation_leaves_the_old_or_the_new(place, straight, survive) -> None:
    fired = 0
    for at in range(1, 1000):
        root = place / "root"
        root.mkdir()
        said: list = []
        disk = RecordingDisk(root, at)
        try:
            writer = create(root / "run", RECORD, CODEC, disk=disk)
            said.append("made")
            train(writer, said)
        except Died:
            pass
        disk.power_fails(place / "after", survive)
        disk.close()
        close_all(place)
        path = place / "after" / "run"
        if said:
            check_whole(path, said)
        if at % 5 == 0 and disk.fired:
            check_resumes(path, straight)
        shutil.rmtree(root)
        shutil.rmtree(place / "after")
        if not disk.fired:
            break
        fired += 1
    assert fired > 100


def test_an_error_at_any_operation_leaves_the_run_whole_and_the_training_going(place) -> None:
    fired = refused = 0
    for at in range(1, 1000):
        path, disk = place / "run", FaultyDisk(at, "once")
        said, refusal = attempt(path, disk)
        if refusal is not None:
            refused += 1
            assert "cannot be made: input/output error" in str(refusal)
            assert not path.exists()
            continue
        check_whole(path, said)
        assert sum(isinstance(what, SaveFailed) for what in said) <= 1
        assert [line["step"] for line in read_log(path)] == list(STEPS)
        train(claim(path, disk=quiet()).begin(), said)
        assert verify(path) == verify(path)
        assert verify(path).resumes == "000040"
        shutil.rmtree(path)
        if not disk.fired:
            break
        fired += 1
    assert fired > 80
    assert refused > 5
    assert said == list(STEPS)


def test_a_disk_that_stays_full_from_any_operation_on_keeps_what_was_saved_and_leaves_no_scraps(place) -> None:
    fired = 0
    for at in range(1, 1000):
        path, disk = place / "run", FaultyDisk(at, "full")
        said, refusal = attempt(path, disk)
        if refusal is not None:
            assert "cannot be made: no space left" in str(refusal)
            assert not path.exists()
            continue
        if not disk.fired:
            break
        fired += 1
        check_whole(path, said)
        for what in said:
            assert isinstance(what, int) or "no space left" in str(what)
        assert not list(path.rglob(".tmp-*"))
        shutil.rmtree(path)
    assert fired > 60


def test_too_little_room_is_known_before_anything_is_written(place) -> None:
    class Small(Disk):
        room = 10**9

        def free(self, path: Path) -> int:
            return self.room

    disk = Small()
    Small.room = 1000
    with pytest.raises(Refusal, match=r"has 0\.0 MB free, 2\.1 MB are wanted"):
        create(place / "run", RECORD, CODEC, disk=disk)
    assert not list(place.iterdir())
    Small.room = 10**9
    with create(place / "run", RECORD, CODEC, disk=disk) as writer:
        writer.save_step(1, *tensors(1))
        Small.room = 100
        before = content(place / "run")
        with pytest.raises(SaveFailed, match=r"step 2 could not be saved in .*: the disk has 0\.0 MB free"):
            writer.save_step(2, *tensors(2))
        assert content(place / "run") == before
        Small.room = 10**9
        assert writer.save_step(2, *tensors(2)) == "000002"


def test_a_removal_that_keeps_failing_is_not_a_failed_save(place) -> None:
    class Clinging(Disk):
        def remove_folder(self, path: Path) -> None:
            raise OSError(errno.EIO, "clings")

    with create(place / "run", RECORD, CODEC) as writer:
        for step in (1, 2):
            writer.save_step(step, *tensors(step))
    with claim(place / "run", disk=Clinging()).begin() as writer:
        assert writer.save_step(3, *tensors(3)) == "000003"
    assert verify(place / "run").state == "whole"


def test_scraps_that_could_not_be_removed_go_with_the_next_save(place) -> None:
    class Broken(Disk):
        broken = False

        def write(self, file: int, data) -> int:
            return self.fail() if self.broken else super().write(file, data)

        def remove_file(self, path: Path) -> None:
            self.fail() if self.broken else super().remove_file(path)

        def fail(self):
            raise OSError(errno.EIO, "Input/output error")

    disk = Broken()
    with create(place / "run", RECORD, CODEC, disk=disk) as writer:
        disk.broken = True
        with pytest.raises(SaveFailed):
            writer.save_step(1, *tensors(1))
        assert list(place.rglob(".tmp-*"))
        disk.broken = False
        writer.save_step(2, *tensors(2))
        assert not list(place.rglob(".tmp-*"))


def test_a_name_that_is_taken_is_not_renamed_onto(place) -> None:
    for name in ("one", "two"):
        (place / name).mkdir()
    with pytest.raises(FileExistsError):
        Disk().rename(place / "one", place / "two")
    assert (place / "one").is_dir()


def test_whoever_comes_second_to_a_new_folder_spoils_nothing(place) -> None:
    class Late(Disk):
        def hold(self, path: Path) -> int:
            with create(path.parent, RECORD, CODEC) as first:
                first.save_step(1, *tensors(1))
            return super().hold(path)

    with pytest.raises(Refusal, match="is there already: choose another folder"):
        create(place / "run", RECORD, CODEC, disk=Late())
    assert verify(place / "run").resumes == "000001"


def test_a_lock_whose_file_was_taken_away_locks_nothing(place) -> None:
    class Vanishing(Disk):
        def hold(self, path: Path) -> int:
            file = super().hold(path)
            path.unlink()
            return file

    with pytest.raises(Busy, match="was just given up"):
        create(place / "run", RECORD, CODEC, disk=Vanishing())


def test_the_module_has_no_other_way_to_the_disk() -> None:
    assert not {"os", "shutil"} & set(vars(write))
