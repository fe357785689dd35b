"""Writing a run so that a crash at any instant loses nothing: beside, synced, renamed once, one pointer replaced."""

from __future__ import annotations

import contextlib
import errno
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from melisma.errors import Failure, Refusal
from melisma.quoting import shown_path
from melisma.runs.board import Board, remove_board
from melisma.runs.disk import (
    DISK,
    Disk,
    passing_name,
    probe,
    reason,
    remove_tree,
    replace_file,
    sweep,
    trash_name,
    write_file,
)
from melisma.runs.inside import names_inside, read_inside
from melisma.runs.layout import (
    BOARD,
    CODEC,
    FORMAT,
    LARGEST_STEP,
    LATEST,
    LIMITS,
    LOCK,
    LOG,
    MANIFEST,
    MEBIBYTE,
    MODEL,
    PAGES,
    RUN,
    STATE,
    STEPS,
    TRAINING,
    StepName,
    is_pointer,
)
from melisma.runs.lock import Lock
from melisma.runs.log import Log, cut_log
from melisma.runs.place import check_free, check_link, check_new, size
from melisma.runs.plain import from_json, to_json
from melisma.runs.read import (
    Entry,
    check_record,
    check_step,
    pointer_names,
    read_manifest,
    read_pointer,
    read_record,
    read_run,
    seal,
    step_names,
)
from melisma.runs.repair import Survey, repair, require_whole, survey
from melisma.runs.tensors import to_bytes

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    Tensors = Mapping[str, Tensor] | Mapping[str, np.ndarray[Any, Any]]

BOARD_REMOVED = (
    "board/ was removed, as training.board=no and it would end before the training does: "
    "training.board=yes writes it anew from the log"
)
_SPARE = 1.2  # free space asked for, in sizes of the step to be written


class SaveFailed(Failure):
    """The disk did not take it; what was saved before is untouched, and trying again at the next save is right.

    A training warns once and goes on; if its very last save ends so, the training has failed.
    """


class RunWriter:
    """The one writer of a run: holds its lock until ``close``. Made by ``create`` and ``Claim.begin``."""

    def __init__(
        self,
        path: Path,
        lock: Lock,
        keep: int,
        disk: Disk,
        notes: tuple[str, ...] = (),
        undo: Sequence[Callable[[], object]] = (),
    ) -> None:
        if keep < 2:
            raise ValueError(f"keep is {keep}, at least 2 steps are kept")
        self.path = path
        self.notes = notes  # what was found and repaired when the run was opened, in sentences
        self._undo = undo  # what takes back the making of a new run, the last first
        self._lock = lock
        self._keep = keep
        self._disk = disk
        self._log = Log(path, disk)
        self._board: Board | None = None

    @property
    def latest(self) -> str | None:
        """The step from which a training resumes, or None where none was saved."""
        step = read_pointer(self.path, LATEST)
        return None if step is None else str(step)

    def save_step(
        self,
        step: int,
        model: Tensors,
        training: Tensors,
        state: Mapping[str, Any],
        better: Collection[str] = (),
    ) -> str:
        """Saves a step and returns its name, to which ``latest`` and each pointer of ``better`` then lead.

        ``better`` names what this step is the best by so far, such as ``best`` and ``best-bleu``.
        Tensors may be torch's or NumPy's. Log lines up to this step must have been added before. SaveFailed where the
        disk fails (try again later), Failure where the model holds NaN (it is not written). A step of that number that
        is there already stays if it is the same, and is replaced, never written over, if it is not.
        """
        self._check_open()
        if not 0 <= step <= LARGEST_STEP or not all(is_pointer(name) and name != LATEST for name in better):
            raise ValueError(
                f"step {step}, better {sorted(better)}: a step from 0 up, names such as best-bleu are wanted"
            )
        files = {
            MODEL: to_bytes(model, finite=True, where=f"step {step}"),
            TRAINING: to_bytes(training, finite=False, where=f"step {step}"),
            STATE: to_json(state),
        }
        from_json(files[STATE], f"the state of step {step}")
        try:
            sweep(self._disk, self.path)
            sweep(self._disk, self.path / STEPS)
            self._log.sync()
            name = self._commit(step, files, better)
        except OSError as error:
            raise SaveFailed(self._failed(f"step {step}", error)) from error
        self._retire(name)
        return str(name)

    def log(self, line: Mapping[str, Any]) -> None:
        """Adds a line to ``metrics.jsonl``; the lines of a step are added before it is saved.

        A full disk is no error here: the line waits, and ``save_step`` says what is wrong.
        """
        self._check_open()
        self._log.add(line)
        if self._board is not None:
            self._board.add(line)

    def begin_board(self) -> None:
        """From now on ``board/`` holds what the log does; SaveFailed where the disk fails, Refusal at a link."""
        self._check_open()
        try:
            self._board = Board(self.path, read_run(self.path).record.get("began"), self._disk)
        except OSError as error:
            raise SaveFailed(self._failed(BOARD, error)) from error

    def end_board(self) -> None:
        """Goes on without ``board/``, which is removed and spoken of in ``notes``; SaveFailed where the disk fails."""
        self._check_open()
        try:
            if remove_board(self.path, self._disk):
                self.notes = (*self.notes, BOARD_REMOVED)
        except OSError as error:
            raise SaveFailed(f"{BOARD} could not be removed from {shown_path(self.path)}: {reason(error)}") from error

    def update_run(self, changes: Mapping[str, Any]) -> None:
        """Changes entries of ``run.json`` at one instant, merging tables within; SaveFailed where the disk fails."""
        self._check_open()
        _check_keys(changes)
        merged = _merge(read_run(self.path).record, from_json(to_json(changes), "the changes"))
        codec = read_inside(self.path, CODEC, limit=LIMITS[CODEC])
        try:
            replace_file(self._disk, self.path / RUN, _record(merged, codec, self.path))
        except OSError as error:
            raise SaveFailed(self._failed(RUN, error)) from error

    def write_page(self, name: str, text: str) -> None:
        """Writes ``README.md`` or ``report.html`` at one instant; SaveFailed where the disk fails."""
        self._check_open()
        if name not in PAGES:
            raise ValueError(f"{name} is no page of a run, README.md or report.html is")
        try:
            replace_file(self._disk, self.path / name, text.encode())
        except OSError as error:
            raise SaveFailed(self._failed(name, error)) from error

    def close(self) -> None:
        """Releases the run; a second call does nothing. SaveFailed where log lines are still waiting for the disk."""
        if not self._lock.held:
            return
        if self._board is not None:
            self._board.close()
        try:
            self._log.close()
        except OSError as error:
            raise SaveFailed(self._failed(LOG, error)) from error
        finally:
            self._lock.release()

    def take_back(self) -> None:
        """Closes a run that was just created and of which no step was taken, and removes what was made of it."""
        with contextlib.suppress(OSError):
            self._log.close()
        _take_back(self._undo)
        self._lock.release()

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_open(self) -> None:
        if not self._lock.held:
            raise ValueError(f"{self.path} was closed")

    def _failed(self, what: str, error: OSError) -> str:
        return (
            f"{what} could not be saved in {shown_path(self.path)}: {reason(error)}; what was saved before is untouched"
        )

    def _commit(self, step: int, files: Mapping[str, bytes], better: Collection[str]) -> StepName:
        name = self._same(step, files)
        if name is None:
            self._check_room(sum(map(len, files.values())))
            saved = [there.saving for there in step_names(self.path) if there.number == step]
            name = StepName(step, max(saved, default=0) + 1)
            self._write(name, files, better)
        # latest comes last: were best the later one, a crash between would resume behind a best that was never named
        for pointer in (*sorted(better), LATEST):
            replace_file(self._disk, self.path / pointer, f"{name}\n".encode())
        return name

    def _same(self, step: int, files: Mapping[str, bytes]) -> StepName | None:
        """The step of that number which holds these very bytes already, as after a resume."""
        wanted = {name: Entry(len(data), _digest(data)) for name, data in files.items()}
        for there in reversed([name for name in step_names(self.path) if name.number == step]):
            with contextlib.suppress(Refusal):
                if read_manifest(self.path, there) == wanted:
                    check_step(self.path, there)
                    self._disk.sync_folder(self.path / STEPS)
                    return there
        return None

    def _check_room(self, count: int) -> None:
        free = self._disk.free(self.path)
        if free is not None and free < _SPARE * count:
            raise OSError(errno.ENOSPC, f"the disk has {size(free)} free, {size(int(_SPARE * count))} are wanted")

    def _write(self, name: StepName, files: Mapping[str, bytes], better: Collection[str]) -> None:
        steps = self.path / STEPS
        passing = steps / passing_name(f"{name}-")
        try:
            self._disk.make_folder(passing)
            for file, data in files.items():
                write_file(self._disk, passing / file, data)
            write_file(self._disk, passing / MANIFEST, _manifest(name.number, files, better))
            self._disk.sync_folder(passing)
            self._disk.rename(passing, steps / str(name))
        except BaseException:
            with contextlib.suppress(OSError):
                remove_tree(self._disk, passing)
            raise
        self._disk.sync_folder(steps)

    def _retire(self, saved: StepName) -> None:
        """Removes steps that are neither recent nor named; what cannot be removed now is tried again later."""
        with contextlib.suppress(OSError, Refusal):
            named = {read_pointer(self.path, pointer) for pointer in pointer_names(self.path)}
            there = step_names(self.path)
            replaced = [step for step in there if step.number == saved.number and step != saved]
            past = [step for step in there if step <= saved and step not in replaced]
            for step in (*past[: -self._keep], *replaced):
                if step not in named:
                    self._discard(step)

    def _discard(self, step: StepName) -> None:
        trash = self.path / STEPS / trash_name(str(step))
        self._disk.rename(self.path / STEPS / str(step), trash)
        self._disk.sync_folder(self.path / STEPS)  # a half removed step must not come back under its old name
        remove_tree(self._disk, trash)


def _manifest(step: int, files: Mapping[str, bytes], better: Collection[str]) -> bytes:
    told = {name: {"bytes": len(data), "sha256": _digest(data)} for name, data in files.items()}
    return to_json({"format": FORMAT, "step": step, "better": sorted(better), "files": told}, indent=1)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _merge(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(old)
    for key, value in new.items():
        both = isinstance(value, dict) and isinstance(made.get(key), dict)
        made[key] = _merge(made[key], value) if both else value
    return made


def _check_keys(run: Mapping[str, Any]) -> None:
    taken = {"format", "codec", "sha256"} & set(run)
    if taken:
        raise ValueError(f"{sorted(taken)} of run.json cannot be chosen: they say how it was written")


def _record(run: Mapping[str, Any], codec: bytes, path: Path) -> bytes:
    """The bytes of ``run.json``, read back as a reader will: what it would refuse must not be written."""
    data = to_json(seal(run, codec), indent=1)
    check_record(data, f"what is to be written to {shown_path(path / RUN)}")
    return data


def create(
    path: str | Path,
    run: Mapping[str, Any],
    codec: Mapping[str, Any],
    *,
    keep: int = 2,
    room: int = MEBIBYTE,
    disk: Disk = DISK,
) -> RunWriter:
    """Begins a run in a new folder and holds its lock.

    ``run`` has at least ``task``, ``recipe`` and ``settings``; ``room`` is how many bytes the training will want at
    once; ``keep`` is how many recent steps stay besides those that are best. Refusal, before anything is made, where
    the place is taken, cannot be written to or has too little room; Busy where somebody else is just beginning there.
    """
    path = Path(path)
    _check_keys(run)
    check_new(path, room, disk)
    try:
        codec_bytes = to_json(codec)
        from_json(codec_bytes, "the codec")
        record = _record(run, codec_bytes, path)
    except UnicodeEncodeError:
        raise Refusal(f"{shown_path(path)}: a setting (perhaps a file's name) is not Unicode text") from None
    if len(codec_bytes) > LIMITS[CODEC]:
        raise Refusal(
            f"{shown_path(path)}: the codec has {size(len(codec_bytes))}, {size(LIMITS[CODEC])} at most are read"
        )
    undo: list[Callable[[], object]] = []
    try:
        lock = _begin(path, disk, undo)
        check_free(path)  # once more, now that nobody else can begin here
        undo.append(lambda: disk.remove_file(path / LOCK))
        _fill(path, record, codec_bytes, disk, undo)
        undo.append(lambda: disk.remove_file(path / LOG))
        return RunWriter(path, lock, keep, disk, undo=undo)
    except BaseException as error:
        _take_back(undo)
        if isinstance(error, OSError):
            raise _refusal(path, "made", error) from None
        raise


def _take_back(undo: Sequence[Callable[[], object]]) -> None:
    for step in reversed(undo):
        with contextlib.suppress(OSError):
            step()


def _begin(path: Path, disk: Disk, undo: list[Callable[[], object]]) -> Lock:
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        with contextlib.suppress(FileExistsError):  # somebody else begins a run in the same new folder
            disk.make_folder(folder)
            undo.append(partial(disk.remove_folder, folder))
            disk.sync_folder(folder.parent)
    lock = Lock.take(path, disk)
    undo.insert(0, lock.release)
    return lock


def _fill(path: Path, record: bytes, codec: bytes, disk: Disk, undo: list[Callable[[], object]]) -> None:
    sweep(disk, path)
    if not (path / STEPS).is_dir():
        disk.make_folder(path / STEPS)
    undo.append(lambda: disk.remove_folder(path / STEPS))
    undo.append(lambda: disk.remove_file(path / CODEC))
    replace_file(disk, path / CODEC, codec)
    undo.append(lambda: disk.remove_file(path / RUN))
    replace_file(disk, path / RUN, record)  # comes last: a folder with it is a run


class Claim:
    """A run that is to be gone on with: its lock is held, what is wrong with it is known, nothing has been changed yet.

    Made by ``claim``; ends with ``begin`` or with ``release``.
    """

    def __init__(self, path: Path, lock: Lock, found: Survey, disk: Disk) -> None:
        self.path = path
        self._lock, self._found, self._disk = lock, found, disk

    @property
    def resumed(self) -> StepName | None:
        """The step from which a training goes on, or None where none was saved."""
        return self._found.resumed

    def begin(self, keep: int = 2) -> RunWriter:
        """Clears what a crash left, sets right what is damaged, cuts the log to the step that is gone on from.

        Refusal where the disk does not take it. What was repaired is said in the writer's ``notes``.
        """
        try:
            sweep(self._disk, self.path)
            if not (self.path / STEPS).exists():
                self._disk.make_folder(self.path / STEPS)
            sweep(self._disk, self.path / STEPS)
            notes = repair(self.path, self._disk, self._found)
            cut = cut_log(self.path, -1 if self.resumed is None else self.resumed.number, self._disk)
            return RunWriter(self.path, self._lock, keep, self._disk, notes if cut is None else (*notes, cut))
        except BaseException as error:
            self._lock.release()
            if isinstance(error, OSError):
                raise _refusal(self.path, "opened for training", error) from None
            raise

    def release(self) -> None:
        """Lets the run go, as it was found; a second call does nothing."""
        self._lock.release()


def claim(path: str | Path, *, disk: Disk = DISK) -> Claim:
    """Takes the lock of a run and looks at all of it, but changes nothing.

    Busy where the run is being trained, Refusal where it is no run, cannot be written to, or holds no whole step though
    some were saved.
    """
    path = Path(path)
    read_record(path)
    try:
        check_link(path)
        lock = Lock.take(path, disk)
    except OSError as error:
        raise _refusal(path, "opened for training", error) from None
    try:
        read_run(path)
        names_inside(path, STEPS)  # refuses a link, before anything is swept where it leads
        probe(disk, path)
        found = survey(path)
        require_whole(path, found)
        return Claim(path, lock, found, disk)
    except BaseException as error:
        lock.release()
        if isinstance(error, OSError):
            raise _refusal(path, "opened for training", error) from None
        raise


def _refusal(path: Path, what: str, error: OSError) -> Refusal:
    return Refusal(f"{shown_path(path)} cannot be {what}: {reason(error)}")
